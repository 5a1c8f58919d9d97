//! README.md, followed word by word: every command in order, every answer that it shows, and the
//! list of flags.

#![allow(missing_docs, unreachable_pub, reason = "a program of its own: nobody links to it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod document;
mod reader;

use document::Block;
use reader::Reader;
use std::net::TcpListener;
use std::path::Path;
use std::{env, fs};

/// What needs a cluster; `e2e/tests/guide` follows it.
const CLUSTER: &str = "On Kubernetes";

/// What runs this test.
const ALL_TESTS: &str = "make test\n";

fn readme() -> String {
    fs::read_to_string(Path::new(".").join("README.md")).unwrap()
}

#[test]
fn every_command_does_what_the_text_says() {
    let mut reader = Reader::new();
    let mut commands = 0;
    let (elsewhere, here): (Vec<_>, Vec<_>) =
        document::blocks(&readme()).into_iter().partition(|block| block.section == CLUSTER);
    assert!(!elsewhere.is_empty(), "no section '{CLUSTER}'");
    let mut blocks = here.into_iter().peekable();
    while let Some(Block { language, line, text, .. }) = blocks.next() {
        match &*language {
            "sh" if text == ALL_TESTS => {}
            "sh" if text == "make run\n" => reader.start(),
            "sh" => {
                let shown = blocks.next_if(|next| next.language == "text");
                reader.follow(line, &text, shown.as_ref().map(|block| &*block.text));
                commands += 1;
            }
            "yaml" => reader.has(line, &text),
            _ => panic!("README.md:{line}: nobody checks a block of language '{language}'"),
        }
    }
    assert!(commands >= 10, "{commands} commands found");
    let output = reader.press_ctrl_c();
    assert!(output.contains("Tidegate answers at"), "{output}");
}

#[test]
fn a_busy_address_is_named() {
    let mut reader = Reader::new();
    let busy = TcpListener::bind((reader.address(), 8080)).unwrap();
    let (status, output) = reader.run_in_vain();
    assert!(!status.success());
    assert!(output.contains(&format!("cannot listen on {}", busy.local_addr().unwrap())), "{output}");
    assert_eq!(reader.processes(), []);
}

#[test]
fn when_one_of_the_processes_ends_all_do() {
    let mut reader = Reader::new();
    reader.start();
    let backend = reader.processes().into_iter().find(|process| process.command.contains(":9102")).unwrap();
    reader::signal("TERM", &backend.id);
    let (status, output) = reader.ended();
    assert!(!status.success());
    assert!(output.contains("backend v2 has ended with status 0"), "{output}");
    assert_eq!(reader.processes(), []);
}

/// After a change of a flag: `UPDATE_README=1 cargo test --locked --test readme` writes the list anew.
#[test]
fn the_flags_are_those_of_the_binary() {
    let help = reader::output_of(&["serve", "--help"]);
    let wanted = document::flags_table(&help);
    let (before, table, after) = document::split_at_flags(&readme());
    if env::var_os("UPDATE_README").is_some() {
        let path = Path::new(".").join("README.md");
        fs::write(path, [before, wanted, after].concat()).unwrap();
        return;
    }
    assert_eq!(table, wanted, "run UPDATE_README=1 cargo test --locked --test readme");
}
