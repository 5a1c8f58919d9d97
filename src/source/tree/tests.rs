use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

/// A directory with these files (`path`) and links (`path -> target`).
fn tree(entries: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for entry in entries {
        let (path, target) = entry.split_once(" -> ").map_or((*entry, None), |(path, to)| (path, Some(to)));
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match target {
            Some(target) => symlink(target, path).unwrap(),
            None => fs::write(path, "").unwrap(),
        }
    }
    root
}

fn walk(root: &Path) -> Tree {
    Tree::walk(root, &mut Unwatched)
}

/// Paths, and where they lead relative to the root.
fn files(root: &TempDir) -> Vec<String> {
    let real = root.path().canonicalize().unwrap();
    walk(root.path())
        .files
        .iter()
        .map(|(path, target)| {
            let target = target.real.strip_prefix(&real).unwrap().display().to_string();
            if path.to_string() == target { target } else { format!("{path} -> {target}") }
        })
        .collect()
}

#[test]
fn manifests_are_found_in_subdirectories_and_nothing_else_is() {
    let root =
        tree(&["b.yaml", "a/z.yml", "a/c/d.yaml", "notes.txt", "x.yaml~", ".y.yaml", ".git/c.yaml", "Yaml"]);
    assert_eq!(files(&root), ["a/c/d.yaml", "a/z.yml", "b.yaml"]);
    assert_eq!(walk(root.path()).problems, []);
}

#[test]
fn a_configmap_volume_has_each_file_once_and_turns_where_it_is_swapped() {
    let root = tree(&[
        "..2026_01/routes.yaml",
        "..2026_01/gateway.yaml",
        "..data -> ..2026_01",
        "routes.yaml -> ..data/routes.yaml",
        "gateway.yaml -> ..data/gateway.yaml",
    ]);
    assert_eq!(
        files(&root),
        ["gateway.yaml -> ..2026_01/gateway.yaml", "routes.yaml -> ..2026_01/routes.yaml"]
    );
    let real = root.path().canonicalize().unwrap();
    assert!(walk(root.path()).turns.contains(&(real, "..data".into())));
}

#[test]
fn links_are_followed_and_no_file_is_found_twice() {
    let root = tree(&[
        "real/x.yaml",
        "again -> real",
        "real/up -> ..",
        "z.yaml -> real/x.yaml",
        "circle -> circle",
        "broken.yaml -> missing/y.yaml",
    ]);
    assert_eq!(files(&root), ["again/x.yaml -> real/x.yaml"]);
    let tree = walk(root.path());
    assert_eq!(
        tree.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["circle: too many symbolic links, or a circle of them; what was last read there stays"]
    );
    let real = root.path().canonicalize().unwrap();
    assert!(tree.turns.contains(&(real, "missing".into())), "a broken link may come to lead somewhere");
}

#[test]
fn a_link_to_another_tree_is_followed_and_its_way_is_watched() {
    struct Seen(Vec<(PathBuf, Interest)>);
    impl Watch for Seen {
        fn watch(&mut self, directory: &Path, interest: Interest) -> io::Result<()> {
            self.0.push((directory.to_owned(), interest));
            Ok(())
        }
    }
    let other = tree(&["x.yaml"]);
    let other = other.path().canonicalize().unwrap();
    let root = tree(&[&format!("a.yaml -> {}", other.join("x.yaml").display())]);
    let mut seen = Seen(Vec::new());
    let tree = Tree::walk(root.path(), &mut seen);
    assert_eq!(tree.files[&FilePath::new("a.yaml")].real, other.join("x.yaml"));
    assert!(seen.0.contains(&(other.clone(), Interest::Contents)));
    assert!(seen.0.contains(&(other.parent().unwrap().to_owned(), Interest::Entries)));
    assert!(!tree.directories.contains(&other), "its other files are not part of the tree");
}

#[test]
fn what_cannot_be_read_is_not_taken_for_gone() {
    let root = tree(&["a/x.yaml", "b.yaml"]);
    let missing = walk(&root.path().join("missing"));
    assert!(!missing.knows(&FilePath::new("b.yaml")));
    assert_eq!(missing.problems[0].file, FilePath::new("."));

    let tree = walk(root.path());
    assert!(tree.knows(&FilePath::new("a/x.yaml")) && tree.knows(&FilePath::new("new.yaml")));

    // Root reads every directory, so the next step shows something only for others.
    let closed = root.path().join("a");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read_dir(&closed).is_ok();
    let tree = walk(root.path());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(tree.knows(&FilePath::new("a/x.yaml")), readable);
    assert!(tree.knows(&FilePath::new("b.yaml")));
}
