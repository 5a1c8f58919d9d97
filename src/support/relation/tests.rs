use super::*;

fn set(items: &[u8]) -> BTreeSet<u8> {
    items.iter().copied().collect()
}

#[test]
fn both_ends_agree_after_each_change() {
    let mut relation = Relation::default();
    assert_eq!(relation.set(&'a', set(&[1, 2])), RelationChange { added: set(&[1, 2]), removed: set(&[]) });
    assert_eq!(relation.set(&'b', set(&[2])), RelationChange { added: set(&[2]), removed: set(&[]) });
    assert_eq!(relation.set(&'a', set(&[1, 3])), RelationChange { added: set(&[3]), removed: set(&[2]) });
    assert_eq!(relation.users_of(&2).collect::<Vec<_>>(), [&'b']);
    assert_eq!(relation.used_by(&'a').collect::<Vec<_>>(), [&1, &3]);
    assert_eq!(relation.count_users(&3), 1);
    assert!(relation.is_used(&2));
}

#[test]
fn setting_nothing_forgets_the_user() {
    let mut relation = Relation::default();
    relation.set(&'a', set(&[1]));
    assert_eq!(relation.set(&'a', set(&[])), RelationChange { added: set(&[]), removed: set(&[1]) });
    assert!(!relation.is_used(&1));
    assert!(relation.forward.is_empty() && relation.backward.is_empty());
}

#[test]
fn users_are_found_from_one_on() {
    let mut relation = Relation::default();
    for user in ['a', 'b', 'c'] {
        relation.set(&user, set(&[1]));
    }
    assert_eq!(relation.users_from(&1, 'b').collect::<Vec<_>>(), [&'b', &'c']);
    assert_eq!(relation.users_from(&2, 'a').count(), 0);
}
