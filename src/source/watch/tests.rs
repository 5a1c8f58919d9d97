use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;
use tempfile::TempDir;

/// A followed directory, and every object with its value as the changes left it.
struct Bed {
    root: TempDir,
    directory: Directory,
    objects: std::collections::BTreeMap<String, u64>,
}

impl Bed {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self::open(root)
    }

    fn open(root: TempDir) -> Self {
        let directory = Directory::open(root.path(), Instant::now()).unwrap();
        let mut bed = Self { root, directory, objects: Default::default() };
        bed.take(Instant::now());
        bed
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn take(&mut self, now: Instant) {
        for change in self.directory.step(now).unwrap() {
            let name = change.id.key.name.to_string();
            match change.value {
                Some(value) => self.objects.insert(name, value["spec"]["v"].as_u64().unwrap()),
                None => self.objects.remove(&name),
            };
        }
    }

    /// Follows the directory until these are the objects.
    async fn until(&mut self, expected: &[(&str, u64)]) {
        let expected: Vec<_> = expected.iter().map(|(name, v)| ((*name).to_owned(), *v)).collect();
        let all = async {
            while self.objects.clone().into_iter().collect::<Vec<_>>() != expected {
                self.directory.changed().await.unwrap();
                self.take(Instant::now());
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), all).await;
        assert!(
            in_time.is_ok(),
            "{:?} instead of {expected:?}; {:?}",
            self.objects,
            self.directory.problems()
        );
    }
}

fn service(name: &str, v: u64) -> String {
    format!("---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{v: {v}}}}}\n")
}

/// Replaces a file as an editor does: a new one beside it, moved over it.
fn replace(path: &Path, text: &str) {
    let new = path.with_file_name("new~");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn files_are_followed_through_writes_moves_and_removals() {
    let mut bed =
        Bed::new(&[("a.yaml", &service("a", 1)), ("sub/b.yaml", &service("b", 1)), ("c.txt", "no")]);
    bed.until(&[("a", 1), ("b", 1)]).await;

    fs::write(bed.path("a.yaml"), service("a", 2)).unwrap();
    bed.until(&[("a", 2), ("b", 1)]).await;
    replace(&bed.path("sub/b.yaml"), &service("b", 2));
    bed.until(&[("a", 2), ("b", 2)]).await;
    fs::write(bed.path("sub/c.yml"), service("c", 1)).unwrap();
    bed.until(&[("a", 2), ("b", 2), ("c", 1)]).await;
    fs::rename(bed.path("sub/c.yml"), bed.path("d.yaml")).unwrap();
    fs::write(bed.path("d.yaml"), service("c", 2)).unwrap();
    bed.until(&[("a", 2), ("b", 2), ("c", 2)]).await;
    fs::remove_file(bed.path("sub/b.yaml")).unwrap();
    bed.until(&[("a", 2), ("c", 2)]).await;
    assert_eq!(bed.directory.problems(), BTreeSet::new());
}

#[tokio::test]
async fn directories_are_followed_when_they_come_move_and_go() {
    let mut bed = Bed::new(&[("a.yaml", &service("a", 1))]);
    fs::create_dir_all(bed.path("x/y/z")).unwrap();
    fs::write(bed.path("x/y/z/b.yaml"), service("b", 1)).unwrap();
    bed.until(&[("a", 1), ("b", 1)]).await;

    fs::rename(bed.path("x/y"), bed.path("w")).unwrap();
    fs::write(bed.path("w/z/b.yaml"), service("b", 2)).unwrap();
    bed.until(&[("a", 1), ("b", 2)]).await;
    fs::write(bed.path("w/z/b.yaml"), service("b", 3)).unwrap();
    bed.until(&[("a", 1), ("b", 3)]).await;

    fs::remove_dir_all(bed.path("w")).unwrap();
    bed.until(&[("a", 1)]).await;
}

#[tokio::test]
async fn a_file_counts_when_its_writer_closes_it() {
    use std::io::Write;
    let mut bed = Bed::new(&[("a.yaml", &service("a", 1))]);
    let mut file = fs::File::options().append(true).open(bed.path("a.yaml")).unwrap();
    for name in ["b", "c"] {
        file.write_all(service(name, 1).as_bytes()).unwrap();
        file.flush().unwrap();
        // The notification of the write has come, and far more time than any deadline has passed.
        bed.directory.changed().await.unwrap();
        bed.take(Instant::now());
        bed.take(Instant::now() + Duration::from_secs(3600));
        assert_eq!(bed.objects.len(), 1);
    }
    drop(file);
    bed.until(&[("a", 1), ("b", 1), ("c", 1)]).await;
}

#[tokio::test]
async fn a_new_file_counts_when_its_writer_closes_it() {
    use std::io::Write;
    let mut bed = Bed::new(&[("a.yaml", &service("a", 1))]);
    let mut file = fs::File::create(bed.path("b.yaml")).unwrap();
    bed.directory.changed().await.unwrap();
    bed.take(Instant::now());
    file.write_all(service("b", 1).as_bytes()).unwrap();
    bed.directory.changed().await.unwrap();
    bed.take(Instant::now());
    bed.take(Instant::now() + Duration::from_secs(3600));
    assert_eq!(bed.objects.len(), 1);
    drop(file);
    bed.until(&[("a", 1), ("b", 1)]).await;
}

#[tokio::test]
async fn a_configmap_volume_is_followed_when_its_link_is_swapped() {
    let root = tempfile::tempdir().unwrap();
    let version = |name: &str, files: &[(&str, String)]| {
        fs::create_dir(root.path().join(name)).unwrap();
        for (file, text) in files {
            fs::write(root.path().join(name).join(file), text).unwrap();
        }
        symlink(name, root.path().join("..data_tmp")).unwrap();
        fs::rename(root.path().join("..data_tmp"), root.path().join("..data")).unwrap();
    };
    version("..1", &[("a.yaml", service("a", 1)), ("b.yaml", service("b", 1))]);
    for file in ["a.yaml", "b.yaml"] {
        symlink(Path::new("..data").join(file), root.path().join(file)).unwrap();
    }
    let directory = Directory::open(root.path(), Instant::now()).unwrap();
    version("..2", &[("a.yaml", service("b", 1)), ("b.yaml", service("a", 2))]);
    fs::remove_dir_all(root.path().join("..1")).unwrap();
    let mut bed = Bed { root, directory, objects: Default::default() };
    bed.take(Instant::now());
    bed.until(&[("a", 2), ("b", 1)]).await;

    // What the new version holds is followed as well.
    fs::write(bed.path("..2/a.yaml"), service("b", 5)).unwrap();
    bed.until(&[("a", 2), ("b", 5)]).await;
}

#[tokio::test]
async fn links_out_of_the_tree_are_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let at = |path: &str| elsewhere.path().join(path);
    fs::create_dir(at("v1")).unwrap();
    fs::create_dir(at("v2")).unwrap();
    fs::write(at("v1/a.yaml"), service("a", 1)).unwrap();
    fs::write(at("v2/a.yaml"), service("a", 2)).unwrap();
    fs::write(at("b.txt"), service("b", 1)).unwrap();
    symlink("v1", at("current")).unwrap();
    let root = tempfile::tempdir().unwrap();
    symlink(at("current"), root.path().join("a")).unwrap();
    symlink(at("b.txt"), root.path().join("b.yaml")).unwrap();
    symlink(at("later.txt"), root.path().join("c.yaml")).unwrap();
    let mut bed = Bed::open(root);
    bed.until(&[("a", 1), ("b", 1)]).await;

    symlink("v2", at("next")).unwrap();
    fs::rename(at("next"), at("current")).unwrap();
    bed.until(&[("a", 2), ("b", 1)]).await;
    fs::write(at("v2/a.yaml"), service("a", 3)).unwrap();
    fs::write(at("b.txt"), service("b", 2)).unwrap();
    bed.until(&[("a", 3), ("b", 2)]).await;
    fs::write(at("later.txt"), service("c", 1)).unwrap();
    bed.until(&[("a", 3), ("b", 2), ("c", 1)]).await;
}

#[tokio::test]
async fn a_root_that_is_a_link_is_followed_when_it_is_swapped() {
    let around = tempfile::tempdir().unwrap();
    let at = |path: &str| around.path().join(path);
    for version in [1, 2] {
        fs::create_dir(at(&format!("v{version}"))).unwrap();
        fs::write(at(&format!("v{version}/a.yaml")), service("a", version)).unwrap();
    }
    symlink("v1", at("current")).unwrap();
    let directory = Directory::open(&at("current"), Instant::now()).unwrap();
    symlink("v2", at("next")).unwrap();
    fs::rename(at("next"), at("current")).unwrap();
    fs::remove_dir_all(at("v1")).unwrap();
    let mut bed = Bed { root: around, directory, objects: Default::default() };
    bed.take(Instant::now());
    bed.until(&[("a", 2)]).await;
    fs::write(bed.path("v2/a.yaml"), service("a", 3)).unwrap();
    bed.until(&[("a", 3)]).await;
}

#[tokio::test]
async fn notifications_that_are_lost_are_made_up_for() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: u64 = limit.trim().parse().unwrap();
    let mut bed = Bed::new(&[("a.yaml", &service("a", 0)), ("b.yaml", &service("b", 0)), ("gone.yaml", "")]);
    // Four notifications a round; taking turns keeps the system from joining them.
    let rounds = limit / 4 + 100;
    // Over what is there: some file systems wait for the disk when a file is emptied and written.
    let overwrite = |path: &str, text: String| {
        use std::io::Write;
        let mut file = fs::File::options().write(true).open(bed.path(path)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    for round in 0..=rounds {
        overwrite("a.yaml", service("a", round));
        overwrite("b.yaml", service("b", round));
    }
    fs::remove_file(bed.path("gone.yaml")).unwrap();
    fs::create_dir(bed.path("d")).unwrap();
    fs::write(bed.path("d/c.yaml"), service("c", 1)).unwrap();
    bed.until(&[("a", rounds), ("b", rounds), ("c", 1)]).await;
    assert!(!bed.directory.files.has(&FilePath::new("gone.yaml")));
    fs::write(bed.path("a.yaml"), service("a", 1)).unwrap();
    bed.until(&[("a", 1), ("b", rounds), ("c", 1)]).await;
}

#[tokio::test]
async fn a_root_that_is_away_for_a_while_loses_nothing() {
    let mut bed = Bed::new(&[("a.yaml", &service("a", 1))]);
    let root = bed.root.path().to_owned();
    let away = root.with_extension("away");
    fs::rename(&root, &away).unwrap();
    while bed.directory.problems().is_empty() {
        bed.directory.changed().await.unwrap();
        bed.take(Instant::now());
    }
    bed.take(Instant::now() + Duration::from_secs(3600));
    assert_eq!(bed.objects.len(), 1);

    fs::write(away.join("a.yaml"), service("a", 2)).unwrap();
    fs::rename(&away, &root).unwrap();
    bed.until(&[("a", 2)]).await;
    assert_eq!(bed.directory.problems(), BTreeSet::new());
    replace(&root.join("a.yaml"), &service("a", 3));
    bed.until(&[("a", 3)]).await;
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_and_keeps_its_objects() {
    let mut bed = Bed::new(&[("a.yaml", &service("a", 1))]);
    fs::write(bed.path("a.yaml"), vec![b'#'; MAX_FILE as usize + 1]).unwrap();
    while bed.directory.problems().is_empty() {
        bed.directory.changed().await.unwrap();
        bed.take(Instant::now());
    }
    let problems: Vec<_> = bed.directory.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["a.yaml: cannot be read: larger than 16 MiB; split it; its last good object stays"]
    );
    assert_eq!(bed.objects.len(), 1);
}

#[tokio::test]
async fn a_storm_of_files_is_read_to_the_end() {
    let mut bed = Bed::new(&[]);
    let names: Vec<_> = (0..300).map(|i| format!("s{i:03}")).collect();
    for (i, name) in names.iter().enumerate() {
        let directory = bed.path(&format!("d{}", i % 7));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{name}.yaml")), service(name, i as u64)).unwrap();
    }
    let expected: Vec<_> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i as u64)).collect();
    bed.until(&expected).await;
}

#[test]
fn a_directory_that_is_not_there_is_an_error_from_the_start() {
    let root = tempfile::tempdir().unwrap();
    let error = Directory::read_once(&root.path().join("missing"), Instant::now()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
