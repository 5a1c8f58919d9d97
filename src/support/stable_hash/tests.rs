use super::*;

/// Sessions hang on these numbers: another release must find the same ones.
#[test]
fn it_never_changes() {
    assert_eq!(stable_hash([]), 0xcbf2_9ce4_8422_2325);
    assert_eq!(format!("{:016x}", stable_hash(["Service default/v1:80", "80"])), "f103f1c9ef6aa2c5");
}

#[test]
fn borders_count() {
    assert_ne!(stable_hash(["ab", "c"]), stable_hash(["a", "bc"]));
    assert_ne!(stable_hash(["a"]), stable_hash(["a", ""]));
}
