use super::*;
use serde_json::json;

/// Files with a clock that only moves when told to.
struct Bed {
    files: Files,
    now: Instant,
}

impl Bed {
    fn new() -> Self {
        Self { files: Files::default(), now: Instant::now() }
    }

    /// The files that are there from the start.
    fn with(files: &[(&str, &str)]) -> Self {
        let mut bed = Self::new();
        for (path, text) in files {
            bed.put(How::Whole, path, text);
        }
        bed.poll();
        bed
    }

    fn put(&mut self, how: How, path: &str, text: &str) {
        self.files.read(&FilePath::new(path), how, Ok(text.as_bytes()), self.now);
    }

    fn remove(&mut self, path: &str) {
        self.files.gone(&FilePath::new(path), self.now);
    }

    fn wait(&mut self, millis: u64) -> Vec<String> {
        self.now += Duration::from_millis(millis);
        self.poll()
    }

    /// Changes as `+ name value generation` or `- name`.
    fn poll(&mut self) -> Vec<String> {
        let changes = self.files.poll(self.now);
        changes
            .into_iter()
            .map(|change| match change.value {
                Some(value) => format!(
                    "+ {} {} {}",
                    change.id.key.name, value["spec"]["v"], value["metadata"]["generation"]
                ),
                None => format!("- {}", change.id.key.name),
            })
            .collect()
    }

    fn problems(&self) -> Vec<String> {
        self.files.problems().iter().map(ToString::to_string).collect()
    }
}

/// Services with these names, each with a number in its spec.
fn services(objects: &[(&str, u32)]) -> String {
    let document = |(name, v): &(&str, u32)| {
        format!("---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{v: {v}}}}}\n")
    };
    objects.iter().map(document).collect()
}

#[test]
fn objects_have_a_lasting_uid_and_a_generation_that_follows_the_spec() {
    let mut bed = Bed::new();
    bed.put(How::Whole, "a.yaml", &services(&[("a", 1)]));
    let changes = bed.files.poll(bed.now);
    let value = changes[0].value.as_ref().unwrap();
    assert_eq!(value["metadata"], json!({"name": "a", "uid": "Service default/a", "generation": 1}));

    bed.put(How::InPlace, "a.yaml", &services(&[("a", 2)]));
    assert_eq!(bed.poll(), ["+ a 2 2"]);

    let labelled = services(&[("a", 2)]).replace("{name: a}", "{name: a, labels: {x: z}}");
    bed.put(How::InPlace, "a.yaml", &labelled);
    assert_eq!(bed.poll(), ["+ a 2 2"], "a label is a change, but not one of the spec");

    bed.put(How::InPlace, "a.yaml", &format!("# nothing but a comment\n{labelled}"));
    assert_eq!(bed.poll(), [""; 0]);

    bed.remove("a.yaml");
    assert_eq!((bed.poll(), bed.wait(50)), (vec![], vec!["- a".to_owned()]));
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 2)]));
    assert_eq!(bed.poll(), ["+ a 2 3"], "a generation never comes back");
}

#[test]
fn a_file_that_does_not_parse_keeps_its_last_good_objects() {
    let mut bed = Bed::with(&[("a.yaml", &services(&[("a", 1), ("b", 1)]))]);
    for how in [How::InPlace, How::Whole] {
        bed.put(how, "a.yaml", &format!("{}---\na: [", services(&[("a", 2)])));
        assert_eq!((bed.poll(), bed.wait(5000)), (vec![], vec![]));
        assert_eq!(
            bed.problems(),
            [
                "a.yaml: does not parse: unclosed bracket '[' at line 4, column 4; its 2 last good objects stay"
            ]
        );
    }
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 2), ("b", 1)]));
    assert_eq!(bed.poll(), ["+ a 2 2"]);
    assert_eq!(bed.problems(), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_read_keeps_its_objects_until_it_is_gone() {
    let mut bed = Bed::with(&[("a.yaml", &services(&[("a", 1)]))]);
    bed.files.read(&FilePath::new("a.yaml"), How::InPlace, Err("permission denied".to_owned()), bed.now);
    assert_eq!((bed.poll(), bed.wait(5000)), (vec![], vec![]));
    assert_eq!(bed.problems(), ["a.yaml: permission denied; its last good object stays"]);
    bed.remove("a.yaml");
    assert_eq!((bed.poll(), bed.wait(50)), (vec![], vec!["- a".to_owned()]));
    assert_eq!(bed.problems(), [""; 0]);
}

#[test]
fn a_file_that_becomes_empty_in_place_counts_after_a_second_unchanged() {
    let mut bed = Bed::with(&[("a.yaml", &services(&[("a", 1), ("b", 1)]))]);
    bed.put(How::InPlace, "a.yaml", "");
    assert_eq!((bed.poll(), bed.wait(999)), (vec![], vec![]));
    assert_eq!(
        bed.problems(),
        [
            "a.yaml: lost 2 of its 2 objects (Service default/a, Service default/b); they stay until it has been unchanged for 1 s"
        ]
    );
    assert_eq!(bed.files.deadline(), Some(bed.now + Duration::from_millis(1)));
    assert_eq!(bed.files.take_notices(), []);

    assert_eq!(bed.wait(1), ["- a", "- b"]);
    let gone = bed.files.told.keys().count();
    assert_eq!((gone, bed.problems(), bed.files.deadline()), (0, vec![], None));
    let notices = bed.files.take_notices();
    let [Notice::Removed(path, objects)] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!(
        (path.to_string(), name_some(objects)),
        ("a.yaml".into(), "Service default/a, Service default/b".into())
    );
}

#[test]
fn what_is_written_within_the_second_counts_and_the_second_begins_anew_with_each_write() {
    let all = services(&[("a", 1), ("b", 1), ("c", 1)]);
    let mut bed = Bed::with(&[("a.yaml", &all)]);
    bed.put(How::InPlace, "a.yaml", "");
    assert_eq!(bed.wait(900), [""; 0]);
    bed.files.touched(&FilePath::new("a.yaml"), bed.now);
    assert_eq!(bed.wait(900), [""; 0]);
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 1)]));
    assert_eq!(bed.wait(900), [""; 0]);
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 1)]));
    assert_eq!(bed.wait(50), [""; 0], "closed again without a change");
    assert_eq!(bed.wait(50), ["- b", "- c"]);

    let mut bed = Bed::with(&[("a.yaml", &all)]);
    bed.put(How::InPlace, "a.yaml", "");
    assert_eq!(bed.wait(500), [""; 0]);
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 7), ("b", 1), ("c", 1)]));
    assert_eq!((bed.poll(), bed.wait(5000)), (vec!["+ a 7 2".to_owned()], vec![]));
    assert_eq!(bed.files.take_notices(), [Notice::Restored(FilePath::new("a.yaml"))]);
}

#[test]
fn half_of_the_objects_or_a_whole_new_file_count_at_once() {
    let four = services(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]);
    let mut bed = Bed::with(&[("a.yaml", &four)]);
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 1), ("b", 2)]));
    assert_eq!((bed.poll(), bed.wait(50)), (vec!["+ b 2 2".to_owned()], vec!["- c".into(), "- d".into()]));

    let mut bed = Bed::with(&[("a.yaml", &four)]);
    bed.put(How::Whole, "a.yaml", &services(&[("e", 1)]));
    assert_eq!(bed.poll(), ["+ e 1 1"]);
    assert_eq!(bed.wait(50), ["- a", "- b", "- c", "- d"]);
}

#[test]
fn an_object_that_moves_to_another_file_never_goes() {
    let mut bed = Bed::with(&[("a.yaml", &services(&[("a", 1), ("b", 1)])), ("b.yaml", "")]);
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 1)]));
    assert_eq!((bed.poll(), bed.wait(49)), (vec![], vec![]));
    bed.put(How::InPlace, "b.yaml", &services(&[("b", 2)]));
    assert_eq!((bed.poll(), bed.wait(5000)), (vec!["+ b 2 2".to_owned()], vec![]));
}

#[test]
fn a_file_that_is_replaced_by_remove_and_write_never_loses_its_objects() {
    let mut bed = Bed::with(&[("a.yaml", &services(&[("a", 1)]))]);
    bed.remove("a.yaml");
    assert_eq!(bed.wait(10), [""; 0]);
    bed.files.touched(&FilePath::new("a.yaml"), bed.now);
    assert_eq!(bed.wait(900), [""; 0], "a slow writer");
    bed.files.touched(&FilePath::new("a.yaml"), bed.now);
    assert_eq!(bed.wait(900), [""; 0]);
    bed.put(How::InPlace, "a.yaml", &services(&[("a", 2)]));
    assert_eq!((bed.poll(), bed.wait(5000)), (vec!["+ a 2 2".to_owned()], vec![]));
}

#[test]
fn of_two_definitions_the_first_path_in_order_counts() {
    // By bytes: '.' comes before '/', which an order by path elements would turn round.
    let mut bed = Bed::with(&[
        ("x/a.yaml", &services(&[("a", 2)])),
        ("x.yaml", &services(&[("a", 1), ("a", 9)])),
        ("y.yaml", &services(&[("a", 3), ("b", 1)])),
    ]);
    assert_eq!(
        bed.files.told.values().map(|told| told.file.to_string()).collect::<Vec<_>>(),
        ["x.yaml", "y.yaml"]
    );
    assert_eq!(
        bed.problems(),
        [
            "x.yaml:4: Service default/a: is already defined in x.yaml:2; that definition counts",
            "x/a.yaml:2: Service default/a: is already defined in x.yaml:2; that definition counts",
            "y.yaml:2: Service default/a: is already defined in x.yaml:2; that definition counts",
        ]
    );

    bed.put(How::Whole, "x.yaml", "");
    assert_eq!((bed.poll(), bed.wait(5000)), (vec!["+ a 2 2".to_owned()], vec![]));
    let notices = bed.files.take_notices();
    assert_eq!(
        notices,
        [Notice::TakenOver(bed.files.told.keys().next().unwrap().clone(), FilePath::new("x/a.yaml"))]
    );

    bed.put(How::Whole, "a.yaml", &services(&[("a", 2)]));
    assert_eq!(bed.poll(), [""; 0], "another definition, the same object");
    bed.put(How::Whole, "a.yaml", &services(&[("a", 5)]));
    assert_eq!(bed.poll(), ["+ a 5 3"]);
}

#[test]
fn documents_without_a_name_leave_the_others_of_the_file_alone() {
    let text = format!(
        "{}---\nkind: Gateway\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}}}",
        services(&[("a", 1)])
    );
    let mut bed = Bed::new();
    bed.put(How::Whole, "a.yaml", &text);
    assert_eq!(bed.poll(), ["+ a 1 1"]);
    assert_eq!(
        bed.problems(),
        [
            "a.yaml:4: Gateway without a name: apiVersion: is required",
            "a.yaml:6: Deployment d: Tidegate does not read Deployment of apps/v1",
        ]
    );
}
