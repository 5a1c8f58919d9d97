//! The order of the modules: who may use whom, and how long a file may be.
//!
//! Reads the source as text. What counts is every path that begins with `crate::`, in a `use` or
//! anywhere else, and every path into a crate that only some modules may know.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "layers/tokens.rs"]
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokens::{Token, tokens};

/// Each module with those that it may use. The order is that of `src/lib.rs`, and a module may
/// only use modules above it.
const MODULES: &[(&str, &[&str])] = &[
    ("support", &[]),
    ("model", &[]),
    ("api", &["model"]),
    ("convert", &["support", "model", "api"]),
    ("index", &["support", "model", "api", "convert"]),
    ("infra", &["model", "api", "convert"]),
    ("attach", &["support", "model", "api", "convert", "index", "infra"]),
    ("compile", &["support", "model", "api", "index", "attach"]),
    ("status", &["model", "api", "index", "infra", "attach"]),
    // From here to `proxy` the data plane: it knows the model, and nothing of Kubernetes.
    ("telemetry", &["model"]),
    ("tls", &["support", "model"]),
    ("upstream", &["support", "model", "telemetry", "tls"]),
    ("discovery", &[]),
    ("table", &["support", "model", "telemetry", "tls", "upstream"]),
    ("proxy", &["support", "model", "telemetry", "tls", "upstream", "table"]),
    ("source", &["support", "model", "api", "index", "telemetry"]),
    (
        "control",
        &[
            "support",
            "model",
            "api",
            "index",
            "infra",
            "attach",
            "compile",
            "status",
            "telemetry",
            "proxy",
            "source",
        ],
    ),
    ("admin", &["telemetry", "control"]),
    (
        "cli",
        &[
            "support",
            "model",
            "api",
            "index",
            "infra",
            "attach",
            "status",
            "telemetry",
            "tls",
            "discovery",
            "proxy",
            "source",
            "control",
            "admin",
        ],
    ),
];

/// Crates that only some modules may know, with those modules.
const CRATES: &[(&[&str], &[&str])] = &[
    (
        &["kube", "k8s_openapi", "schemars"],
        &["api", "convert", "index", "attach", "status", "infra", "source", "control", "cli"],
    ),
    (
        &["tokio", "hyper", "hyper_util"],
        &[
            "support",
            "telemetry",
            "tls",
            "upstream",
            "discovery",
            "table",
            "proxy",
            "source",
            "control",
            "admin",
            "cli",
        ],
    ),
    (&["clap"], &["cli"]),
    (&["inotify"], &["source"]),
];

/// Lines of a file that holds no tests.
const MAX_LINES: usize = 500;

/// One source file with the module that it belongs to.
struct File {
    path: PathBuf,
    module: String,
    /// How many names lead from the crate to the file: 1 for `src/foo.rs`.
    depth: usize,
    text: String,
}

fn files() -> Vec<File> {
    let source = Path::new(".").join("src");
    let mut files = Vec::new();
    let mut directories = vec![source.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&source).unwrap().with_extension("");
                let module = inside.iter().next().unwrap().to_str().unwrap().to_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                files.push(File { depth: inside.iter().count(), path, module, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 50, "only {} source files found", files.len());
    files
}

/// What a file uses that it may not, and why not.
fn violations(module: &str, depth: usize, text: &str) -> Vec<String> {
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!("the module {module} is not in the table")];
    };
    let tokens = tokens(text);
    let mut found = Vec::new();
    for used in used_modules(&tokens) {
        if !MODULES.iter().any(|(name, _)| *name == used) {
            found.push(format!("crate::{used} is not a module of the table"));
        } else if used != module && !allowed.contains(&used.as_str()) {
            found.push(format!("{module} may not use {used}"));
        }
    }
    if climbs_to_crate(&tokens, depth) {
        found.push("a chain of super:: leaves the module; write crate:: instead".to_owned());
    }
    for (crates, users) in CRATES.iter().filter(|(_, users)| !users.contains(&module)) {
        for name in *crates {
            if uses_crate(&tokens, name) {
                found.push(format!("{module} may not know the crate {name}, only {} may", users.join(", ")));
            }
        }
    }
    found
}

/// The first names after each `crate::`, those of a group `crate::{…}` one by one.
fn used_modules(tokens: &[Token]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        if !token.is("crate") || !tokens.get(at + 1).is_some_and(Token::is_path) {
            continue;
        }
        match tokens.get(at + 2) {
            Some(Token::Name(name)) => {
                used.insert(name.clone());
            }
            Some(Token::Mark('{')) => used.extend(group(&tokens[at + 3..])),
            // `use crate::*` would take everything.
            _ => {
                used.insert("*".to_owned());
            }
        }
    }
    used
}

/// The first names of the entries of a group whose brace is already open.
fn group(tokens: &[Token]) -> Vec<String> {
    let (mut names, mut depth, mut first) = (Vec::new(), 1, true);
    for token in tokens {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth -= 1,
            Token::Mark(',') if depth == 1 => first = true,
            Token::Name(name) if depth == 1 && first => {
                names.push(name.clone());
                first = false;
            }
            Token::Mark('*') if depth == 1 && first => names.push("*".to_owned()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Whether as many `super::` stand in a row as lead out of the file's top module.
fn climbs_to_crate(tokens: &[Token], depth: usize) -> bool {
    let mut row = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.is("super") && tokens.get(at + 1).is_some_and(Token::is_path) {
            row += 1;
        } else if !token.is_path() {
            row = 0;
        }
        if row >= depth {
            return true;
        }
    }
    false
}

/// Whether a path begins with the name of the crate: `kube::…`, also in `use {kube::…}`.
fn uses_crate(tokens: &[Token], name: &str) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let imported = before.is_some_and(|before| before.is("use") || before.is("crate"));
        let begins = !before.is_some_and(Token::is_path);
        token.is(name) && begins && (imported || tokens.get(at + 1).is_some_and(Token::is_path))
    })
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let mut found = Vec::new();
    for file in files() {
        // The binary only dispatches, and the library's root only lists the modules.
        if file.module == "main" || file.module == "lib" {
            continue;
        }
        let inside = file.path.strip_prefix(".").unwrap().display().to_string();
        found.extend(
            violations(&file.module, file.depth, &file.text)
                .into_iter()
                .map(|why| format!("{inside}: {why}")),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_table_allows_only_what_is_used() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files() {
        used.entry(file.module.clone()).or_default().extend(used_modules(&tokens(&file.text)));
    }
    for (name, allowed) in MODULES {
        let idle: Vec<_> = allowed.iter().filter(|module| !used[*name].contains(**module)).collect();
        assert!(idle.is_empty(), "{name} does not use {idle:?}: take them out of its line");
    }
}

#[test]
fn the_binary_only_knows_the_commands() {
    let main = files().into_iter().find(|file| file.module == "main").unwrap();
    let tokens = tokens(&main.text);
    let used: BTreeSet<_> = tokens
        .windows(3)
        .filter(|window| window[0].is("tidegate") && window[1].is_path())
        .map(|window| format!("{:?}", window[2]))
        .collect();
    assert_eq!(used, BTreeSet::from([format!("{:?}", Token::Name("cli".to_owned()))]));
}

#[test]
fn the_table_is_that_of_the_library_and_only_points_up() {
    let library = std::fs::read_to_string(Path::new(".").join("src/lib.rs")).unwrap();
    let tokens = tokens(&library);
    let listed: Vec<_> = tokens
        .windows(2)
        .filter_map(|window| match window {
            [Token::Name(keyword), Token::Name(name)] if keyword == "mod" => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let table: Vec<_> = MODULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(table, listed, "the table has the modules of src/lib.rs in their order");
    for (at, (name, allowed)) in MODULES.iter().enumerate() {
        for used in *allowed {
            assert!(table[..at].contains(used), "{name} may use {used}, which does not stand above it");
        }
    }
    let data_plane = ["telemetry", "tls", "upstream", "discovery", "table", "proxy"];
    for (name, allowed) in MODULES.iter().filter(|(name, _)| data_plane.contains(name)) {
        for kubernetes in ["api", "convert", "index", "attach", "compile", "status", "infra"] {
            assert!(
                !allowed.contains(&kubernetes),
                "{name} belongs to the data plane and may use {kubernetes}"
            );
        }
        let may_know_kubernetes = CRATES[0].1.contains(name);
        assert!(!may_know_kubernetes, "{name} belongs to the data plane and may know kube");
    }
}

#[test]
fn the_architecture_page_has_the_modules_in_their_order() {
    let page = std::fs::read_to_string(Path::new(".").join("ARCHITECTURE.md")).unwrap();
    let (_, section) = page.split_once("\n## Modules\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let described: Vec<_> = rows.map(|(name, _)| name).collect();
    let table: Vec<_> = MODULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(described, table);
}

#[test]
fn files_stay_short() {
    let long: Vec<_> = files()
        .iter()
        .filter(|file| !is_test(&file.path))
        .map(|file| (file.text.lines().count(), file.path.display().to_string()))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines: {long:?}");
}

#[test]
fn a_violation_is_found_wherever_it_hides() {
    let found = |text: &str| violations("proxy", 2, text);
    let bad = |text: &str, why: &str| assert_eq!(found(text), [why], "{text}");
    let good = |text: &str| assert_eq!(found(text), [""; 0], "{text}");

    bad("use crate::api::Kind;", "proxy may not use api");
    bad("pub(crate) use crate :: api;", "proxy may not use api");
    bad("use crate::{model::Delta, table::{a, b}, index::{Event}};", "proxy may not use index");
    bad("fn f(x: &crate::api::Kind) {}", "proxy may not use api");
    bad("macro_rules! m { () => { $crate::api::f() } }", "proxy may not use api");
    bad("#[cfg(test)] mod tests { use crate::source::Event; }", "proxy may not use source");
    bad("use crate::nothing;", "crate::nothing is not a module of the table");
    bad("use crate::*;", "crate::* is not a module of the table");
    bad("use crate::{*, model::Delta};", "crate::* is not a module of the table");
    bad("use super::super::api::Kind;", "a chain of super:: leaves the module; write crate:: instead");
    let kube = "proxy may not know the crate kube, only api, convert, index, attach, status, \
                infra, source, control, cli may";
    bad("use kube::Resource;", kube);
    bad("use {http::Uri, kube::Resource};", kube);
    bad("fn f() -> Option<kube::Error> { None }", kube);
    bad("use kube as k;", kube);
    bad("extern crate kube;", kube);
    assert_eq!(violations("newcomer", 1, ""), ["the module newcomer is not in the table"]);
    assert_eq!(violations("model", 1, "use tokio::sync::mpsc;").len(), 1);

    good(
        "use crate::model::Delta; use crate::proxy::Limits; pub(crate) fn f() {} pub(in crate::proxy) fn g() {}",
    );
    good("use super::api::Kind; use self::kube::x;");
    good("// use crate::api::Kind;\n/* use crate::api; /* nested */ use kube::x; */\n/// crate::api");
    good(
        "const A: &str = \"crate::api\"; const B: &str = r#\"\"crate::api\"\"#; const C: char = '\"'; fn f<'a>() {}",
    );
    good("let c = b'\\''; let d = '\\u{41}'; let e = \"a\\\"crate::api\"; let r#crate_ = 1;");
}
