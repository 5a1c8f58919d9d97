use super::*;
use std::fs;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

#[tokio::test]
async fn the_first_group_is_everything_and_later_ones_what_changed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.yaml"), NAMESPACE).unwrap();
    let mut source = follow(root.path()).await.unwrap();

    let first = source.events.recv().await.unwrap();
    assert!(matches!(&first[0], Event::Apply(object) if object.id().to_string() == "Namespace shop"));
    assert_eq!(first[1..], Kind::ALL.map(Event::Listed));
    assert_eq!(source.problems.borrow().len(), 0);

    fs::write(root.path().join("a.yaml"), "a: [").unwrap();
    source.problems.wait_for(|problems| !problems.is_empty()).await.unwrap();
    fs::write(root.path().join("a.yaml"), NAMESPACE.replace("shop", "else")).unwrap();
    source
        .problems
        .wait_for(|problems| problems.iter().any(|p| p.kind == ProblemKind::HeldBack))
        .await
        .unwrap();
    fs::rename(root.path().join("a.yaml"), root.path().join("b.yaml")).unwrap();
    let second = source.events.recv().await.unwrap();
    assert!(
        matches!(second.as_slice(), [Event::Apply(object)] if object.id().to_string() == "Namespace else")
    );
    let third = source.events.recv().await.unwrap();
    assert!(matches!(third.as_slice(), [Event::Delete(id)] if id.to_string() == "Namespace shop"));
}

#[tokio::test]
async fn a_directory_without_files_still_tells_that_every_kind_is_listed() {
    let root = tempfile::tempdir().unwrap();
    let mut source = follow(root.path()).await.unwrap();
    assert_eq!(source.events.recv().await.unwrap(), Kind::ALL.map(Event::Listed));
}

#[tokio::test]
async fn a_directory_that_is_not_there_cannot_be_followed() {
    let root = tempfile::tempdir().unwrap();
    let error = follow(&root.path().join("missing")).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
