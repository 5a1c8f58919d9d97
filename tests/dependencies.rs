//! The dependencies are such as `deny.toml` allows.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// A name and a licence expression; old packages write a slash for OR.
struct Package {
    name: String,
    licence: String,
}

/// All that a build for this platform or its tests would use.
fn packages() -> Vec<Package> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges=normal,build,dev",
            "--prefix=none",
            "--format={p}|{l}",
        ])
        .current_dir(".")
        .output()
        .unwrap();
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let lines: BTreeSet<String> =
        String::from_utf8(tree.stdout).unwrap().lines().map(str::to_owned).collect();
    let package = |line: &String| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|').unwrap();
        let name = package.split(' ').next().unwrap().to_owned();
        Package { name, licence: licence.replace(" / ", " OR ").replace('/', " OR ") }
    };
    lines.iter().map(package).collect()
}

/// The texts of a list in `deny.toml`, from `key = [` to the line with `]`.
fn listed(key: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(".").join("deny.toml")).unwrap();
    let (_, list) = text.split_once(&format!("\n{key} = [\n")).unwrap();
    let (list, _) = list.split_once("\n]\n").unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression with OR, AND and brackets leaves a choice that is allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // OR binds less than AND (SPDX 2.3, annex D.4.5).
    let (either, all) = (split(expression, " OR "), split(expression, " AND "));
    if either.len() > 1 {
        either.iter().any(|part| is_allowed(part, allowed))
    } else if all.len() > 1 {
        all.iter().all(|part| is_allowed(part, allowed))
    } else if let Some(inner) = expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        is_allowed(inner, allowed)
    } else {
        allowed.contains(expression)
    }
}

/// The parts between the operators that stand outside of brackets.
fn split<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (place, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && expression[place..].starts_with(operator) => {
                parts.push(&expression[start..place]);
                start = place + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

#[test]
fn every_licence_is_allowed() {
    let allowed = listed("allow");
    let packages = packages();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(&package.licence, &allowed))
        .map(|package| format!("{}: {}", package.name, package.licence))
        .collect();
    assert_eq!(refused, Vec::<String>::new(), "not among {allowed:?}");
}

#[test]
fn no_crate_is_banned() {
    let banned = listed("deny");
    assert!(banned.contains("openssl"));
    let packages = packages();
    assert!(packages.iter().any(|package| package.name == "aws-lc-rs"), "the list is whole");
    let found: Vec<&str> =
        packages.iter().map(|package| &*package.name).filter(|name| banned.contains(*name)).collect();
    assert_eq!(found, Vec::<&str>::new());
}

#[test]
fn a_licence_expression_is_read_as_spdx_says() {
    let allowed = BTreeSet::from(["A", "B WITH E"].map(str::to_owned));
    for (expression, wanted) in [
        ("A", true),
        ("B", false),
        ("B WITH E", true),
        ("B OR A", true),
        ("A AND B", false),
        ("A OR B AND C", true),
        ("(A OR B) AND C", false),
        ("(A OR B) AND (C OR B WITH E)", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), wanted, "{expression}");
    }
}
