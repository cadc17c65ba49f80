//! Every piece of a fleet file in the pages is one: whole, or completed by the preamble, it has no errors.

use std::path::Path;

use crate::pages::{Block, blocks};

/// What the names in fragments stand for. A fragment that says more of one of them goes before it.
const PREAMBLE: &str = include_str!("preamble.toml");

/// The fleet file that the block is, or is a part of.
fn whole(block: &Block) -> toml::Table {
    let text = match block.inside() {
        Some(table) => format!("[{table}]\n{}", block.text),
        None => block.text.clone(),
    };
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.place));
    if block.inside().is_none() && table.contains_key("name") {
        return table;
    }
    let mut all: toml::Table = PREAMBLE.parse().unwrap();
    over(&mut all, table);
    all
}

/// Lays one table over another. A list replaces what was there.
fn over(below: &mut toml::Table, above: toml::Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => over(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Errors, and risks; that a secret's file is not on this machine is none.
fn errors(fleet: &toml::Table) -> Vec<String> {
    let text = toml::to_string(fleet).unwrap();
    let loaded = hotspare::fleet::load(text.as_bytes(), Path::new("hotspare.toml"));
    let risks = loaded.warnings().filter(|warning| !warning.message.contains("is not there"));
    loaded.errors().chain(risks).map(ToString::to_string).collect()
}

#[test]
fn every_piece_of_a_fleet_file_is_one() {
    let mut seen = 0;
    for block in blocks().iter().filter(|block| block.language == "toml" && block.not_run().is_none()) {
        let wrong = errors(&whole(block));
        assert!(wrong.is_empty(), "{}: {}", block.place, wrong.join("\n"));
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_piece_that_is_none_is_found() {
    let block = |text: &str| Block {
        place: "here".into(),
        language: "toml".into(),
        said: "in hosts.studio-1".into(),
        text: text.into(),
    };
    assert_eq!(errors(&whole(&block("checks = [{ kind = \"ping\" }]"))), Vec::<String>::new());
    let wrong = errors(&whole(&block("chekcs = []")));
    assert!(wrong.len() == 1 && wrong[0].contains("did you mean `checks`"), "{wrong:?}");
}
