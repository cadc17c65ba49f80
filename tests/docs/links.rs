//! Links lead somewhere, the summary names every page, and pictures are there and small.

use std::collections::BTreeSet;
use std::path::Path;

use crate::pages::{docs, pages};

/// A picture is loaded over slow lines too.
const PICTURE: u64 = 150_000;

/// Where the links of a text lead, pictures among them.
pub(crate) fn targets(text: &str) -> Vec<String> {
    let parts = text.split("](").skip(1);
    parts.filter_map(|part| part.split_once(')').map(|(target, _rest)| target.to_owned())).collect()
}

/// The anchors of a page, as GitHub and mdBook make them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let plain = |line: &str| -> String {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(plain).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    for page in pages() {
        let (_blocks, text) = page.split();
        let folder = docs().join(&page.name).parent().unwrap().to_owned();
        for target in targets(&text).iter().filter(|target| !target.starts_with("https://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { docs().join(&page.name) } else { folder.join(file) };
            assert!(path.exists(), "{}: {target} leads nowhere", page.name);
            assert!(file != "SUMMARY.md", "{}: the summary is no page of the book", page.name);
            let inside = path.canonicalize().unwrap().starts_with(docs().canonicalize().unwrap());
            assert!(inside || page.name == "../README.md", "{}: {target} leads out of the book", page.name);
            if !anchor.is_empty() {
                let there = anchors(&std::fs::read_to_string(&path).unwrap());
                assert!(there.contains(anchor), "{}: {target}: no such heading; there are {there:?}", page.name);
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn the_summary_names_every_page_once() {
    let summary = std::fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    let mut named = targets(&summary);
    let count = named.len();
    named.sort();
    named.dedup();
    assert_eq!(named.len(), count, "a page is named twice in SUMMARY.md");
    let pages = pages().into_iter().map(|page| page.name);
    let pages: Vec<String> = pages.filter(|name| name != "SUMMARY.md" && name != "../README.md").collect();
    assert_eq!(named, pages, "SUMMARY.md, and the pages that are there");
}

#[test]
fn pictures_are_shown_and_small() {
    let shown: BTreeSet<String> = pages().iter().flat_map(|page| targets(&page.text)).collect();
    for entry in std::fs::read_dir(docs().join("img")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        assert!(entry.metadata().unwrap().len() < PICTURE, "{name} is too large");
        let shown = shown.iter().any(|target| Path::new(target).file_name() == Some(entry.file_name().as_os_str()));
        assert!(shown, "no page shows {name}");
    }
}

#[test]
fn anchors_are_made_as_readers_make_them() {
    let made = anchors("## `[hosts.NAME]`\n# What must be cleaned up\n");
    assert_eq!(made, BTreeSet::from(["hostsname".into(), "what-must-be-cleaned-up".into()]));
}
