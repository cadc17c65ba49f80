//! The pages, and the blocks of code in them.

use std::path::{Path, PathBuf};

/// A page of the documentation.
pub(crate) struct Page {
    /// As it is linked to: below `docs/`, or `../README.md`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A block of code.
pub(crate) struct Block {
    /// Page and line, for whoever has to mend it.
    pub(crate) place: String,
    pub(crate) language: String,
    /// What stands behind the language.
    pub(crate) said: String,
    pub(crate) text: String,
}

pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Every page, the README among them.
pub(crate) fn pages() -> Vec<Page> {
    let entries = std::fs::read_dir(docs()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        entries.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "md")).collect();
    names.push("../README.md".into());
    names.sort();
    names.into_iter().map(|name| Page { text: std::fs::read_to_string(docs().join(&name)).unwrap(), name }).collect()
}

impl Page {
    /// The blocks, and the text without them.
    pub(crate) fn split(&self) -> (Vec<Block>, String) {
        let (mut blocks, mut rest, mut open) = (Vec::new(), String::new(), None::<Block>);
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (Some(said), None) => {
                    let (language, said) = said.split_once(' ').unwrap_or((said, ""));
                    let place = format!("{}:{}", self.name, number + 1);
                    open = Some(Block { place, language: language.into(), said: said.into(), text: String::new() });
                }
                (None, None) => {
                    rest.push_str(line);
                    rest.push('\n');
                }
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        (blocks, rest)
    }
}

/// Every block of every page.
pub(crate) fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| page.split().0).collect()
}

impl Block {
    /// Why people only read it.
    pub(crate) fn not_run(&self) -> Option<&str> {
        self.said.strip_prefix("not run: ")
    }

    /// Where it is to be read or run.
    pub(crate) fn inside(&self) -> Option<&str> {
        self.said.strip_prefix("in ")
    }
}

#[test]
fn every_block_says_what_it_is() {
    let mut only_read = 0;
    for block in blocks() {
        match block.language.as_str() {
            _ if block.not_run().is_some() => {}
            "toml" | "yaml" | "json" | "python" | "text" => {}
            "sh" | "console" => assert!(block.inside().is_some(), "{}: where is it run?", block.place),
            other => panic!("{}: {other:?}: see tests/docs/main.rs for what a block may be", block.place),
        }
        only_read += usize::from(block.not_run().is_some());
    }
    assert!(only_read <= 14, "{only_read} blocks are run by nobody");
}

#[test]
fn json_can_be_parsed() {
    for block in blocks().iter().filter(|block| block.language == "json" && block.not_run().is_none()) {
        for line in documents(&block.text) {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&line);
            assert!(parsed.is_ok(), "{}: {parsed:?}", block.place);
        }
    }
}

#[test]
fn yaml_can_be_parsed() {
    for block in blocks().iter().filter(|block| block.language == "yaml") {
        let broken = saphyr_parser::Parser::new_from_str(&block.text).find_map(Result::err);
        assert!(broken.is_none(), "{}: {broken:?}", block.place);
    }
}

#[test]
fn python_can_be_parsed() {
    for block in blocks().iter().filter(|block| block.language == "python") {
        let mut python = std::process::Command::new("python3");
        let parsed = python.args(["-c", "import ast, sys; ast.parse(sys.argv[1])", &block.text]).output();
        let parsed = parsed.expect("python3 runs: apt-get install python3");
        assert!(parsed.status.success(), "{}: {}", block.place, String::from_utf8_lossy(&parsed.stderr));
    }
}

/// One document, or one a line.
fn documents(text: &str) -> Vec<String> {
    let a_line_each = text.lines().filter(|line| line.starts_with('{')).count() > 1;
    if a_line_each { text.lines().map(str::to_owned).collect() } else { vec![text.to_owned()] }
}
