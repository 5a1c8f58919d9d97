//! The pages that people read: no link leads nowhere, and every condition is explained.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(".")
}

fn read(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// All pages, relative to the root.
fn pages() -> Vec<PathBuf> {
    let of = |directory: &Path| {
        let entries = fs::read_dir(root().join(directory)).unwrap();
        let paths = entries.map(|entry| directory.join(entry.unwrap().file_name()));
        paths.filter(|path| path.extension().is_some_and(|end| end == "md")).collect::<Vec<_>>()
    };
    let mut pages = of(Path::new(""));
    pages.extend(of(Path::new("docs")));
    pages
}

/// The text without what stands between lines of three backticks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// What a page links to in this repository: the path, and the heading if one is named.
fn links(page: &Path) -> Vec<(PathBuf, String)> {
    let text = prose(&read(page));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let local = targets.filter(|target| !target.contains("://"));
    let directory = page.parent().unwrap();
    local
        .map(|target| {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { page.to_owned() } else { plain(&directory.join(path)) };
            (path, heading.to_owned())
        })
        .collect()
}

/// Without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.iter() {
        if part == ".." {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// How the addresses of a page's headings end.
fn headings(page: &Path) -> BTreeSet<String> {
    let text = prose(&read(page));
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    headings
        .map(|heading| {
            let kept = heading.trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        for (path, heading) in links(&page) {
            let is_there = root().join(&path).exists();
            if !is_there || !heading.is_empty() && !headings(&path).contains(&heading) {
                broken.push(format!("{}: {}#{heading}", page.display(), path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_is_found_from_the_first() {
    let mut found = BTreeSet::from([PathBuf::from("README.md")]);
    let mut next: Vec<_> = found.iter().cloned().collect();
    while let Some(page) = next.pop() {
        for (path, _) in links(&page) {
            let is_page = path.extension().is_some_and(|end| end == "md");
            if is_page && found.insert(path.clone()) {
                next.push(path);
            }
        }
    }
    let lost: Vec<_> = pages().into_iter().filter(|page| !found.contains(page)).collect();
    assert!(lost.is_empty(), "nothing leads to {lost:?}");
}

/// By the heading below which a condition is explained: type, status and reason.
type Conditions = BTreeMap<&'static str, BTreeSet<[String; 3]>>;

const POLICIES: &str = "Policies, for each Gateway by which requests come";
const TELEMETRY: &str = "XTelemetryPolicy, for each Gateway";

const XBACKEND: &str = "XBackend, for each Gateway that sends requests there";

/// All that can be said, from the source.
fn conditions() -> Conditions {
    let source = read(Path::new("src/attach/verdict.rs"));
    let (_, list) = source.split_once("\nreasons! {\n").unwrap();
    let mut conditions = Conditions::new();
    let mut below: &[&str] = &[];
    let mut type_ = "";
    for line in list.lines().map(str::trim) {
        let quoted = line.split('"').nth(1);
        if line.ends_with('{') {
            below = match line {
                _ if line.starts_with("Class") => &["GatewayClass"],
                _ if line.starts_with("Gateway") => &["Gateway"],
                _ if line.starts_with("SetAccepted") || line.starts_with("SetProgrammed") => &["ListenerSet"],
                _ if line.starts_with("Listener") => &["Listener"],
                _ if line.starts_with("Route") => &["Routes, for each of their parents"],
                _ if line.starts_with("Ingress") => &["Ingress"],
                _ if line.starts_with("Upstream") => &["Upstream"],
                _ if line.starts_with("Telemetry") => &[TELEMETRY],
                _ if line.starts_with("BackendTls") => &[POLICIES],
                _ if line.starts_with("Policy") => &[POLICIES, TELEMETRY],
                _ if line.starts_with("XBackend") => &[XBACKEND],
                _ => &[
                    "Gateway",
                    "ListenerSet",
                    "Routes, for each of their parents",
                    POLICIES,
                    TELEMETRY,
                    XBACKEND,
                ],
            };
            type_ = quoted.unwrap();
        } else if let Some((_, said)) = line.split_once(" => ") {
            let truth = said.split(' ').next().unwrap();
            for heading in below {
                let condition = [type_, truth, quoted.unwrap()].map(str::to_owned);
                conditions.entry(heading).or_default().insert(condition);
            }
        }
    }
    // Only the one has certificates.
    let of_telemetry = conditions.entry(TELEMETRY).or_default();
    of_telemetry.retain(|[_, _, reason]| reason != "NoValidCACertificate");
    conditions
}

#[test]
fn every_condition_is_explained() {
    let page = read(Path::new("docs/conditions.md"));
    let wanted = conditions();
    assert!(wanted.values().map(BTreeSet::len).sum::<usize>() > 50, "{wanted:?}");
    for (heading, wanted) in wanted {
        let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.contains('`') && line.starts_with("| "));
        let explained: BTreeSet<_> = rows
            .map(|row| {
                let mut cells = row.split('|').skip(1).map(|cell| cell.trim().trim_matches('`').to_owned());
                [(); 3].map(|()| cells.next().unwrap())
            })
            .collect();
        assert_eq!(explained, wanted, "{heading}");
    }
}
