//! Every line of a shell in the pages is run in a prepared place, and what it prints is what the page shows.

use crate::pages::blocks;
use crate::place::text;
use crate::places;

/// The lines of a block that are run, each with what the page shows below it. A line that ends with `\` goes on.
fn lines(language: &str, block: &str) -> Vec<(String, Vec<String>)> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let mut open = false;
    for line in block.lines() {
        let begins = if language == "console" { line.strip_prefix("$ ") } else { Some(line) };
        match (begins, lines.last_mut()) {
            (_, Some((last, _shown))) if open => {
                last.push_str(line.trim_end_matches('\\').trim());
            }
            (Some(line), _) if !line.trim().is_empty() => {
                lines.push((line.trim_end_matches('\\').to_owned(), Vec::new()));
            }
            (None, Some((_line, shown))) => shown.push(line.to_owned()),
            _ => {}
        }
        open = line.ends_with('\\');
    }
    lines
}

/// What a person types when the line asks.
fn typed(line: &str) -> Option<&'static str> {
    if line.contains("--dry-run") || line.contains("--confirm") {
        return None;
    }
    if line.contains("session delete --all-safe") {
        return Some("DELETE ALL");
    }
    if line.contains("session delete") {
        return Some("DELETE");
    }
    line.contains("dump restore").then_some("RESTORE")
}

/// Whether a printed line is one that the page shows: numbers stand for each other, blanks too, `…` for anything.
fn alike(shown: &str, printed: &str) -> bool {
    let plain = |line: &str| -> String {
        let digits: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let words: Vec<&str> = digits.split_whitespace().collect();
        let mut plain = words.join(" ");
        while plain.contains("00") {
            plain = plain.replace("00", "0");
        }
        plain
    };
    let (shown, printed) = (plain(shown), plain(printed));
    let mut rest = printed.as_str();
    for (place, part) in shown.split('…').enumerate() {
        match rest.find(part) {
            Some(found) if place > 0 || found == 0 => rest = &rest[found + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

/// Whether all that the page shows was printed, in this order. `…` alone stands for any number of lines.
fn shows(shown: &[String], printed: &str) -> bool {
    let mut printed = printed.lines();
    let mut skips = false;
    for line in shown {
        if line.trim() == "…" {
            skips = true;
        } else if skips {
            skips = false;
            if !printed.by_ref().any(|printed| alike(line, printed)) {
                return false;
            }
        } else if !printed.next().is_some_and(|printed| alike(line, printed)) {
            return false;
        }
    }
    skips || printed.next().is_none()
}

/// Runs the lines of one language, each block in a place of its own.
fn run(language: &str) -> usize {
    let mut seen = 0;
    for block in blocks().iter().filter(|block| block.language == language) {
        let Some(inside) = block.inside() else { continue };
        let place = places::named(inside);
        let mut before = String::new();
        for (line, shown) in lines(language, &block.text) {
            if line.starts_with("cd ") {
                before = format!("{line}\n");
                continue;
            }
            let asked = typed(&line).map_or_else(String::new, |typed| format!("printf '%s\\n' '{typed}' | "));
            let ended = place.run(&format!("exec 2>&1\n{before}{asked}{line}"));
            let printed = text(&ended.stdout);
            // What a page shows may be a refusal; a line alone is one that works.
            assert!(
                ended.status.success() || language == "console",
                "{}: {line}: {:?}\n{printed}",
                block.place,
                ended.status.code()
            );
            if language == "console" {
                assert!(shows(&shown, &printed), "{}: {line}: prints\n{printed}", block.place);
            }
            seen += 1;
        }
    }
    seen
}

#[test]
fn every_line_of_a_shell_works() {
    assert!(run("sh") > 10);
}

#[test]
fn every_line_prints_what_is_shown() {
    assert!(run("console") > 3);
}

#[test]
fn what_is_not_alike_is_found() {
    assert!(alike("studio-1  up  0:23", "studio-1    up   14:07"));
    assert!(alike("ssh: …, not here", "ssh: no answer, not here"));
    assert!(!alike("studio-1 up", "studio-1 down") && !alike("up", "up and away") && !alike("… away", "up"));
    let shown = |lines: &str| lines.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(shows(&shown("a\n…\nc"), "a\nb\nc\n") && shows(&shown("a\n…"), "a\nb\n"));
    assert!(
        !shows(&shown("a\nc"), "a\nb\nc\n") && !shows(&shown("a"), "a\nb\n") && !shows(&shown("a\n…\nd"), "a\nb\n")
    );
    let lines = lines("console", "$ one \\\n  two\nprinted\n$ three\n");
    assert_eq!(lines, [("one two".into(), vec!["printed".into()]), ("three".into(), vec![])]);
}
