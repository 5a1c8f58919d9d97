//! Smooth weighted round robin: in every window of as many picks as the weights add up to, each
//! member is picked exactly as often as its weight says, and its picks are spread evenly.
//!
//! Each worker has its own cursor per split. It outlives changes of the weights and members, so
//! that an edit under load neither bunches requests nor lets a share drift.

use std::collections::HashMap;
use std::sync::Arc;

/// One member of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Identity within the split, over all its versions.
    pub name: Arc<str>,
    /// Share; 0 is never picked.
    pub weight: u32,
}

/// A weighted choice as one version of the configuration has it.
#[derive(Clone, Debug)]
pub struct Split {
    members: Arc<[Member]>,
    total: i64,
    /// What one of the weight is worth in credit: [`CREDIT`] for all of them, or little less.
    unit: i64,
}

/// Where one worker stands in each of its splits.
#[derive(Debug, Default)]
pub struct Splits {
    cursors: HashMap<u64, Cursor>,
}

#[derive(Debug)]
struct Cursor {
    /// The version of the members that `credit` belongs to.
    members: Arc<[Member]>,
    unit: i64,
    /// Of one pick.
    total: i64,
    /// Adds up to 0; the member with most credit is next.
    credit: Vec<i64>,
}

/// What a pick costs. Large, as credit is rounded when the weights change: in the weights' own numbers
/// an edit to 1:1 would round away up to half a pick, and a hundred edits some whole ones.
const CREDIT: i64 = 1 << 32;

/// Enough to spread the phases of the workers, little enough to be nothing on first use.
const MAX_START_STEPS: i64 = 1000;

impl Split {
    /// A split over these members. Weights are reduced by their common divisor.
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        let mut members: Vec<Member> = members.into_iter().collect();
        let divisor = members.iter().fold(0, |divisor, member| gcd(divisor, member.weight)).max(1);
        for member in &mut members {
            member.weight /= divisor;
        }
        let total: i64 = members.iter().map(|member| i64::from(member.weight)).sum();
        let unit = (CREDIT / total.max(1)).max(1);
        Self { members: members.into(), total, unit }
    }

    /// Whether no member has a weight, so that nothing can be picked.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The only member that can be picked, if there is just one: no cursor is needed then.
    pub fn single(&self) -> Option<usize> {
        let mut weighted = self.members.iter().enumerate().filter(|(_, member)| member.weight > 0);
        let first = weighted.next()?;
        weighted.next().is_none().then_some(first.0)
    }

    /// Whether that member can be picked.
    pub fn has_weight(&self, index: usize) -> bool {
        self.members.get(index).is_some_and(|member| member.weight > 0)
    }

    /// The members with a weight but for this one, in order.
    pub fn others(&self, than: usize) -> impl Iterator<Item = usize> {
        let weighted = self.members.iter().enumerate().filter(|(_, member)| member.weight > 0);
        weighted.map(|(index, _)| index).filter(move |index| *index != than)
    }
}

impl Splits {
    /// The next member of the split with this identity; `None` if no member has a weight.
    pub fn next(&mut self, id: u64, split: &Split) -> Option<usize> {
        if split.is_empty() {
            return None;
        }
        let cursor = self.cursors.entry(id).or_insert_with(|| Cursor::start(split));
        if !Arc::ptr_eq(&cursor.members, &split.members) {
            cursor.adopt(split);
        }
        Some(cursor.step())
    }

    /// Forgets the cursors of splits that are gone.
    pub fn retain(&mut self, exists: impl Fn(u64) -> bool) {
        self.cursors.retain(|id, _| exists(*id));
    }
}

impl Cursor {
    /// At a random place of the cycle, or all workers would send their first request to the
    /// same member.
    fn start(split: &Split) -> Self {
        let mut cursor = Self {
            members: split.members.clone(),
            unit: split.unit,
            total: split.total * split.unit,
            credit: vec![0; split.members.len()],
        };
        for _ in 0..fastrand::i64(0..split.total.clamp(1, MAX_START_STEPS)) {
            cursor.step();
        }
        cursor
    }

    fn step(&mut self) -> usize {
        let mut best: Option<usize> = None;
        for (index, member) in self.members.iter().enumerate() {
            if member.weight == 0 {
                continue;
            }
            self.credit[index] += i64::from(member.weight) * self.unit;
            if best.is_none_or(|best| self.credit[index] > self.credit[best]) {
                best = Some(index);
            }
        }
        // The caller knows that a member has a weight.
        let best = best.unwrap_or_default();
        self.credit[best] -= self.total;
        best
    }

    /// Carries the credit of members that stay over to a new version, scaled to its weights: an
    /// edit from 900:100 to 9:1 must not leave a hundred picks of debt.
    fn adopt(&mut self, split: &Split) {
        let total = split.total * split.unit;
        let mut credit: Vec<i64> = split
            .members
            .iter()
            .map(|member| {
                let old = self.members.iter().position(|old| old.name == member.name);
                match old {
                    Some(old) if member.weight > 0 => scale(self.credit[old], total, self.total),
                    _ => 0,
                }
            })
            .collect();
        // Rounding, and members that left, must not unbalance the sum.
        let excess: i64 = credit.iter().sum();
        spread(&mut credit, &split.members, -excess);
        *self = Self { members: split.members.clone(), unit: split.unit, total, credit };
    }
}

/// Adds `amount` over the members that have a weight, in proportion to it.
fn spread(credit: &mut [i64], members: &[Member], amount: i64) {
    let total: i64 = members.iter().map(|member| i64::from(member.weight)).sum();
    let mut left = amount;
    let mut heaviest = 0;
    for (index, member) in members.iter().enumerate() {
        let part = scale(amount, i64::from(member.weight), total);
        credit[index] += part;
        left -= part;
        if member.weight > members[heaviest].weight {
            heaviest = index;
        }
    }
    credit[heaviest] += left;
}

fn scale(value: i64, numerator: i64, denominator: i64) -> i64 {
    let scaled = i128::from(value) * i128::from(numerator) / i128::from(denominator.max(1));
    i64::try_from(scaled).unwrap_or_default()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
