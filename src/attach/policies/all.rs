//! All policies of one kind.
//!
//! ```text
//!  policies that are dirty ─► judge ─► objects of which they say something else ─► routes
//!  routes that were judged ─► settle ─► the Gateways that are told
//! ```

use super::{
    Ancestor, Standing, Target, ancestors, attached_to, conflict, led_to, referring_routes, routes_to,
};
use crate::api::{Kind, ObjectId};
use crate::attach::grants::References;
use crate::attach::run::Head;
use crate::attach::verdict::{Condition, NotHonoured, PolicyAccepted, Verdict};
use crate::index::Index;
use crate::model::ObjectKey;
use crate::support::relation::Relation;
use std::collections::{BTreeMap, BTreeSet};

/// What policies of one kind ask for.
pub(in crate::attach) trait Attachable: Clone + PartialEq {
    /// The kind.
    const KIND: Kind;
    /// Whether the target is one, whatever other policies there are.
    fn fits(index: &Index, target: &Target) -> Standing;
    /// For people: why it concerns no Gateway.
    const NOWHERE: &'static str = "no route on a Gateway of this controller leads to a target of it";
}

/// A policy with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Which state of the object this is about.
    pub head: Head,
    /// Whether its references lead to what is looked for, of a kind that has references.
    pub resolved_refs: Option<Condition>,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// The Gateways for whose requests it makes a difference, with the verdict for each.
    pub ancestors: Vec<Ancestor>,
    /// For people: why there is no Gateway, and what else could be told to none.
    pub notes: Vec<String>,
}

/// A policy by itself.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::attach) struct Judged<W> {
    pub(in crate::attach) head: Head,
    pub(in crate::attach) targets: Vec<Target>,
    /// What it asks for, or why it holds nowhere.
    pub(in crate::attach) wanted: Result<W, Verdict<PolicyAccepted>>,
    pub(in crate::attach) resolved_refs: Option<Condition>,
    pub(in crate::attach) not_honoured: Option<Verdict<NotHonoured>>,
    /// Nothing is said of it yet: it is not known whether what it refers to is there.
    pub(in crate::attach) waits: bool,
}

/// All policies of one kind, with what each asks for.
#[derive(Debug)]
pub(in crate::attach) struct Policies<W> {
    pub(in crate::attach) found: BTreeMap<ObjectKey, Policy>,
    judged: BTreeMap<ObjectKey, Judged<W>>,
    /// By which routes requests reach the targets of each.
    routes: Relation<ObjectKey, ObjectId>,
    /// Those of which the Gateways have to be looked at.
    unsettled: BTreeSet<ObjectKey>,
}

/// Objects of which policies say something else than before.
#[derive(Debug, Default)]
pub(in crate::attach) struct Touched {
    /// All of them.
    pub(in crate::attach) objects: BTreeSet<ObjectId>,
    /// Those to which other policies are attached than before.
    pub(in crate::attach) attached: BTreeSet<ObjectId>,
}

impl<W> Default for Policies<W> {
    fn default() -> Self {
        Self {
            found: BTreeMap::new(),
            judged: BTreeMap::new(),
            routes: Relation::default(),
            unsettled: BTreeSet::new(),
        }
    }
}

impl<W: Attachable> Policies<W> {
    /// Looks at policies by themselves; `judge` has nothing for one that is gone.
    pub(in crate::attach) fn judge<'a>(
        &mut self,
        index: &Index,
        dirty: impl Iterator<Item = &'a ObjectKey>,
        mut judge: impl FnMut(&ObjectKey) -> Option<Judged<W>>,
    ) -> Touched {
        let mut touched = Touched::default();
        for key in dirty {
            let judged = judge(key);
            if let (Some(judged), Some(before)) = (&judged, self.judged.get(key))
                && judged.waits
                && judged.targets == before.targets
            {
                // What it said before goes on until it is known, which takes some milliseconds.
                continue;
            }
            let before = match judged.clone() {
                Some(judged) => self.judged.insert(key.clone(), judged),
                None => self.judged.remove(key),
            };
            self.unsettled.insert(key.clone());
            let targets = |judged: &Option<Judged<W>>| {
                let targets = judged.iter().flat_map(|judged| &judged.targets);
                targets.filter_map(|target| target.object.clone()).collect::<BTreeSet<_>>()
            };
            let objects = &targets(&before) | &targets(&judged);
            for object in &objects {
                // Who holds instead of whom can be another.
                self.unsettled.extend(attached_to(index, W::KIND, object).cloned());
            }
            if before == judged {
                continue;
            }
            let same_targets = before.map(|judged| judged.targets) == judged.map(|judged| judged.targets);
            if !same_targets {
                touched.attached.extend(objects.iter().cloned());
            }
            touched.objects.extend(objects);
        }
        touched
    }

    /// Looks for the Gateways of policies that were judged, and of those that the routes, Upstreams and
    /// Gateways concern which were judged. `gateways_of` has the Gateways that serve a route, and
    /// of a Gateway itself, if it is this controller's.
    /// Returns the policies of which something changed.
    pub(in crate::attach) fn settle<'a>(
        &mut self,
        references: References<'_>,
        judged: impl Iterator<Item = &'a ObjectId>,
        gateways_of: impl Fn(&ObjectId) -> BTreeSet<ObjectKey>,
    ) -> BTreeSet<ObjectId> {
        let index = references.index;
        for id in judged {
            self.unsettled.extend(self.routes.users_of(id).cloned());
            if id.kind == Kind::Upstream {
                // What it led to before its routes led to as well.
                for route in referring_routes(references, id) {
                    self.unsettled.extend(self.routes.users_of(&route).cloned());
                }
            }
            for object in led_to(index, id) {
                self.unsettled.extend(attached_to(index, W::KIND, &object).cloned());
            }
        }
        let unsettled = std::mem::take(&mut self.unsettled);
        let settled = unsettled.into_iter().filter(|key| self.settle_one(references, key, &gateways_of));
        settled.map(|key| ObjectId { kind: W::KIND, key }).collect()
    }

    /// Whether something changed.
    fn settle_one(
        &mut self,
        references: References<'_>,
        key: &ObjectKey,
        gateways_of: &impl Fn(&ObjectId) -> BTreeSet<ObjectKey>,
    ) -> bool {
        let Some(judged) = self.judged.get(key) else {
            self.routes.set(key, BTreeSet::new());
            return self.found.remove(key).is_some();
        };
        if judged.waits {
            return false;
        }
        let mut reached = BTreeMap::<ObjectKey, BTreeSet<usize>>::new();
        let mut routes = BTreeSet::new();
        for (at, object) in judged.targets.iter().enumerate() {
            let Some(object) = &object.object else { continue };
            for route in routes_to(references, object) {
                for gateway in gateways_of(&route) {
                    reached.entry(gateway).or_default().insert(at);
                }
                routes.insert(route);
            }
        }
        self.routes.set(key, routes);
        let found = judged.settled(references.index, key, reached);
        if self.found.get(key) == Some(&found) {
            return false;
        }
        self.found.insert(key.clone(), found);
        true
    }

    /// What a policy asks for; none if it is not known.
    pub(in crate::attach) fn wanted(&self, key: &ObjectKey) -> Option<&Result<W, Verdict<PolicyAccepted>>> {
        self.judged.get(key).map(|judged| &judged.wanted)
    }
}

impl<W: Attachable> Judged<W> {
    fn settled(
        &self,
        index: &Index,
        key: &ObjectKey,
        reached: BTreeMap<ObjectKey, BTreeSet<usize>>,
    ) -> Policy {
        let standing = |target: &Target| match &self.wanted {
            Err(bad) => Err(bad.clone()),
            Ok(_) => {
                let warning = W::fits(index, target)?;
                conflict(index, &ObjectId { kind: W::KIND, key: key.clone() }, target)
                    .map_or(Ok(warning), Err)
            }
        };
        let standings: Vec<Standing> = self.targets.iter().map(standing).collect();
        let mut notes = Vec::new();
        if reached.is_empty() {
            notes.extend(
                standings.iter().filter_map(|standing| Some(standing.as_ref().err()?.message.clone())),
            );
            notes.dedup();
            notes.push(W::NOWHERE.to_owned());
        }
        let mut ancestors = ancestors(reached, &standings);
        if let Err(bad) = &self.wanted {
            // The same for all targets: said once.
            ancestors.iter_mut().for_each(|ancestor| ancestor.accepted = bad.clone());
        }
        Policy {
            head: self.head.clone(),
            resolved_refs: self.resolved_refs.clone(),
            not_honoured: self.not_honoured.clone(),
            ancestors,
            notes,
        }
    }
}
