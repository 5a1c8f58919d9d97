use super::*;
use std::fs;

#[test]
fn a_directory_is_read_into_events_with_places() {
    let root = tempfile::tempdir().unwrap();
    let good = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let bad =
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 0}], selctor: {}}\n";
    fs::write(root.path().join("a.yaml"), format!("{good}{bad}---\nkind: Gateway\n")).unwrap();

    let reading = read(root.path()).unwrap();
    let mut events = reading.events.iter();
    let Some(Event::Broken(broken)) = events.next() else { panic!("{:?}", reading.events) };
    assert_eq!(broken.id.to_string(), "Service default/a");
    assert!(broken.message().contains("spec.selctor"), "{}", broken.message());
    assert_eq!((broken.uid(), broken.generation()), (Some("Service default/a"), Some(1)));
    let Some(Event::Apply(object)) = events.next() else { panic!("{:?}", reading.events) };
    assert_eq!(object.id().to_string(), "Namespace shop");
    assert_eq!(object.metadata().generation, Some(1));
    assert_eq!(events.cloned().collect::<Vec<_>>(), Kind::ALL.map(Event::Listed));

    let places: Vec<_> =
        reading.places.iter().map(|(id, (file, line))| format!("{id} {file}:{line}")).collect();
    assert_eq!(places, ["Service default/a a.yaml:6", "Namespace shop a.yaml:2"]);
    let problems: Vec<_> = reading.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["a.yaml:11: Gateway without a name: apiVersion: is required"]);
}

#[test]
fn a_directory_that_is_not_there_cannot_be_read() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(read(&root.path().join("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
}
