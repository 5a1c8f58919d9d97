//! README.md and the help text as data.

use std::fmt::Write;

const FLAGS_BEGIN: &str = "<!-- flags: made by `UPDATE_README=1 cargo test --locked --test readme` -->\n";
const FLAGS_END: &str = "<!-- end of flags -->\n";

/// A block between lines of three backticks.
pub struct Block {
    /// The heading of second order above.
    pub section: String,
    pub language: String,
    /// Of its first backticks, counted from 1.
    pub line: usize,
    pub text: String,
}

/// All blocks in order.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut inside, mut section) = (false, String::new());
    for (index, line) in document.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(language) if !inside => {
                let (section, language) = (section.clone(), language.into());
                blocks.push(Block { section, language, line: index + 1, text: String::new() });
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => blocks.last_mut().unwrap().text.extend([line, "\n"]),
            None => {
                if let Some(heading) = line.strip_prefix("## ") {
                    section = heading.into();
                }
            }
        }
    }
    assert!(!inside, "the last block has no end");
    blocks
}

/// What stands before the list of flags, the list, and what follows.
pub fn split_at_flags(document: &str) -> (String, String, String) {
    let begin = document.find(FLAGS_BEGIN).unwrap() + FLAGS_BEGIN.len();
    let end = document.find(FLAGS_END).unwrap();
    (document[..begin].into(), document[begin..end].into(), document[end..].into())
}

/// The flags that a help text lists, as a table.
pub fn flags_table(help: &str) -> String {
    let mut table = "\n| Flag | Default | Meaning |\n|---|---|---|\n".to_owned();
    let mut count = 0;
    for section in help.split("\n      --").skip(1) {
        let mut lines = section.lines();
        let flag = lines.next().unwrap().trim();
        // What belongs to a flag is indented; the text behind all of them is not.
        let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' ')).map(str::trim);
        let (mut default, mut meaning, mut values) = ("", Vec::new(), Vec::new());
        for line in lines.take_while(|line| !line.starts_with("-h,") && !line.ends_with("its:")) {
            if let Some(value) = line.strip_prefix("[default: ") {
                default = value.trim_end_matches(']');
            } else if let Some((value, _)) = line.strip_prefix("- ").and_then(|line| line.split_once(": ")) {
                values.push(format!("`{value}`"));
            } else if !line.is_empty() && line != "Possible values:" {
                meaning.push(line);
            }
        }
        let mut meaning = meaning.join(" ");
        if !values.is_empty() {
            write!(meaning, ": {}", values.join(", ")).unwrap();
        }
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        writeln!(table, "| `--{flag}` | {default} | {meaning} |").unwrap();
        count += 1;
    }
    assert!(count > 10, "{count} flags found in {help}");
    table + "\n"
}
