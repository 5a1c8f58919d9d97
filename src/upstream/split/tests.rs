use super::*;
use proptest::prelude::*;

fn split(weights: &[u32]) -> Split {
    named(&weights.iter().enumerate().map(|(i, w)| (i.to_string(), *w)).collect::<Vec<_>>())
}

fn named(members: &[(String, u32)]) -> Split {
    Split::new(members.iter().map(|(name, weight)| Member { name: name.as_str().into(), weight: *weight }))
}

#[test]
fn nothing_to_pick_without_weights() {
    assert_eq!(Splits::default().next(1, &split(&[])), None);
    assert_eq!(Splits::default().next(1, &split(&[0, 0])), None);
}

#[test]
fn single_member() {
    assert_eq!(split(&[0, 7, 0]).single(), Some(1));
    assert_eq!(split(&[1, 1]).single(), None);
    assert_eq!(split(&[0]).single(), None);
}

#[test]
fn workers_start_at_different_places() {
    let split = split(&[90, 10]);
    let firsts: std::collections::HashSet<usize> = (0..200)
        .map(|_| {
            let mut splits = Splits::default();
            (0..10).position(|_| splits.next(1, &split) == Some(1)).unwrap()
        })
        .collect();
    assert!(firsts.len() > 5, "the rare member came at places {firsts:?} only");
}

#[test]
fn a_smaller_cycle_leaves_no_debt() {
    let mut splits = Splits::default();
    let (large, small) = (split(&[999_983, 16]), split(&[1, 1]));
    for _ in 0..1000 {
        splits.next(1, &large);
    }
    let picks: Vec<_> = (0..10).map(|_| splits.next(1, &small).unwrap()).collect();
    let ones: usize = picks.iter().sum();
    assert!((4..=6).contains(&ones), "{picks:?}");
}

#[test]
fn cursors_of_gone_splits_are_forgotten() {
    let mut splits = Splits::default();
    let split = split(&[1, 1]);
    splits.next(1, &split);
    splits.next(2, &split);
    splits.retain(|id| id == 2);
    assert_eq!(splits.cursors.keys().collect::<Vec<_>>(), [&2]);
}

proptest! {
    #[test]
    fn exact_in_every_window(weights in prop::collection::vec(0_u32..20, 1..6), offset in 0_usize..200) {
        let split = split(&weights);
        let total: usize = split.members.iter().map(|m| m.weight as usize).sum();
        prop_assume!(total > 0);
        let mut splits = Splits::default();
        for _ in 0..offset {
            splits.next(1, &split);
        }
        let mut counts = vec![0_u32; weights.len()];
        for _ in 0..total {
            counts[splits.next(1, &split).unwrap()] += 1;
        }
        let reduced: Vec<u32> = split.members.iter().map(|m| m.weight).collect();
        prop_assert_eq!(counts, reduced);
    }

    /// However often the weights change, each member has had what its weights promised, give or
    /// take one request, and one for the place of the cycle at which it began.
    #[test]
    fn shares_hold_over_edits(edits in prop::collection::vec((1_u32..100, 1_u32..100, 1_usize..30), 1..1000)) {
        let mut splits = Splits::default();
        let (mut expected, mut first) = (0.0, 0.0);
        for (a, b, picks) in edits {
            let split = split(&[a, b]);
            for _ in 0..picks {
                expected += f64::from(a) / f64::from(a + b);
                first += f64::from(u8::from(splits.next(1, &split) == Some(0)));
            }
        }
        prop_assert!((expected - first).abs() <= 2.0, "expected {expected}, got {first}");
    }

    #[test]
    fn credit_adds_up_to_nothing(edits in prop::collection::vec(prop::collection::vec(0_u32..50, 1..5), 1..50)) {
        let mut splits = Splits::default();
        for weights in edits {
            let split = split(&weights);
            for _ in 0..7 {
                splits.next(1, &split);
            }
            if let Some(cursor) = splits.cursors.get(&1) {
                prop_assert_eq!(cursor.credit.iter().sum::<i64>(), 0);
            }
        }
    }
}
