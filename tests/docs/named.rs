//! Every command that a page names exists, with its options.

use clap::CommandFactory;
use hotspare::cli::args::Arguments;

use crate::pages::{blocks, pages};

/// What a page calls `hotspare …`, in its text or in a block.
fn named() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages() {
        let (_blocks, text) = page.split();
        // What stands between two ticks: every second piece.
        let spans = text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("hotspare "));
        found.extend(spans.map(|span| (page.name.clone(), span.replace('\n', " "))));
    }
    for block in blocks().iter().filter(|block| matches!(block.language.as_str(), "sh" | "console")) {
        let lines = block.text.lines().map(|line| line.trim_start_matches("$ "));
        let lines = lines.filter(|line| line.starts_with("hotspare ") && !line.starts_with("hotspare: "));
        found.extend(lines.map(|line| (block.place.clone(), line.to_owned())));
    }
    found
}

/// What is wrong with it, if anything is.
pub(crate) fn wrong(line: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or(line).replace(['[', ']', '(', ')', ','], " ").replace("\\|", " ");
    let words = line.split_whitespace().skip(1).take_while(|word| !matches!(*word, "--" | "|" | "||" | "&&" | ">"));
    let mut command = Arguments::command();
    command.build();
    let (mut leading, mut value) = (true, false);
    for word in words {
        if let Some(option) = word.strip_prefix("--") {
            let option = option.split('=').next().unwrap_or(option);
            let Some(arg) = command.get_arguments().find(|arg| arg.get_long() == Some(option)) else {
                return Some(format!("{} has no --{option}", command.get_name()));
            };
            value = arg.get_action().takes_values();
        } else if value {
            value = false;
        } else if leading && !word.starts_with('-') {
            let next = command.find_subcommand(word).cloned();
            let asks = command.has_subcommands() && command.get_positionals().next().is_none();
            match next {
                Some(next) => command = next,
                None if asks && word.chars().all(|c| c.is_ascii_lowercase()) => {
                    return Some(format!("{} has no {word}", command.get_name()));
                }
                None => leading = false,
            }
        }
    }
    None
}

#[test]
fn every_command_exists() {
    let named = named();
    assert!(named.len() > 60, "{}", named.len());
    let wrong: Vec<String> =
        named.iter().filter_map(|(place, line)| Some(format!("{place}: {line}: {}", wrong(line)?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_that_does_not_exist_is_found() {
    for line in ["hotspare sesion list", "hotspare session lst", "hotspare session list --form D"] {
        assert!(wrong(line).is_some(), "{line}");
    }
    for line in ["hotspare session list [--from D]", "hotspare --fleet F run x --dry-run", "hotspare -q status kv-1"] {
        assert_eq!(wrong(line), None, "{line}");
    }
}
