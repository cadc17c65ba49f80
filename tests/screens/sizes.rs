//! No size is too small or too large to draw.

use hotspare::console::library::{Kind, Library};
use proptest::prelude::*;

use crate::fixture::{archive, dumps, feeds, harbour, many, mocap, noon, nothing, pools, stale};
use crate::stage::Stage;

#[test]
fn below_the_least_size_one_line_says_the_size() {
    for (width, height) in [(59, 20), (80, 14), (40, 10), (20, 1)] {
        let mut stage = Stage::new(harbour(noon())).sized(width, height);
        let text = stage.text();
        assert!(text.starts_with(&format!("{width}x{height}")), "{text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    }
}

#[test]
fn what_is_down_is_seen_at_every_size_of_use() {
    for (width, height) in [(60, 15), (80, 24), (100, 28), (120, 36), (200, 50), (300, 100)] {
        let text = Stage::new(harbour(noon())).sized(width, height).text();
        assert!(text.lines().next().is_some_and(|line| line.contains("✗ 1 down")), "{width}x{height}\n{text}");
        assert!(text.contains("✗ studio-2"), "{width}x{height}\n{text}");
    }
}

#[test]
fn no_line_is_wider_than_the_screen_says_in_ascii() {
    for (width, height) in [(60, 15), (80, 24), (120, 36)] {
        let mut stage = Stage::ascii(harbour(noon())).sized(width, height);
        for keys in ["", "enter", "esc ?", "esc :", "esc p", "esc L"] {
            let text = stage.press(keys).text();
            assert!(text.is_ascii(), "{width}x{height} {keys}\n{text}");
        }
    }
}

#[test]
fn who_guides_has_the_line_below_the_title_and_none_on_a_low_screen() {
    for (width, height, guided) in [(60, 15, false), (80, 19, false), (80, 24, true), (120, 36, true), (200, 50, true)]
    {
        let mut stage = Stage::new(harbour(noon())).sized(width, height);
        let alone = stage.text();
        stage.app.world.guide = "09:10  press 2: the spare serves in place of studio-2".into();
        let text = stage.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].starts_with(" › 09:10  press 2: the spare serves"), guided, "{width}x{height}\n{text}");
        assert_eq!(text == alone, !guided, "{width}x{height}\n{text}");
        assert!(text.contains("✗ studio-2"), "what is down is still seen: {width}x{height}\n{text}");
        // A page and a banner stand below it.
        let lost = stage.lost().text();
        assert_eq!(lost.lines().nth(1).is_some_and(|line| line.contains("09:10")), guided, "{lost}");
        assert!(lost.lines().nth(if guided { 2 } else { 1 }).is_some_and(|line| line.contains("engine")), "{lost}");
    }
}

#[test]
fn a_viewer_reads_so_in_the_title_and_changes_nothing() {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let mut stage = Stage::of(mocap(noon())).sized(width, height);
        stage.app.looks_only(Some("the group watchers may look".into()));
        let text = stage.text();
        assert!(text.lines().next().is_some_and(|title| title.contains("viewer, read-only")), "{text}");
        assert!(text.contains("you may only look: the group watchers may look"), "{text}");
        for keys in KEYS {
            stage.press(keys);
        }
        assert_eq!(stage.sent(), [], "{width}x{height}");

        stage.press("esc esc esc");
        stage.app.looks_only(None);
        let text = stage.text();
        assert!(text.lines().next().is_some_and(|title| !title.contains("read-only")), "{text}");
        assert!(text.contains("you may change things now"), "{text}");
    }
}

/// Keys that open and change everything.
const KEYS: [&str; 43] = [
    "enter",
    "esc",
    "tab",
    "?",
    ":",
    "p",
    "M",
    "L",
    "z",
    "f",
    "/",
    "s",
    "S",
    "space",
    "*",
    "m",
    "n",
    "down",
    "end",
    "page-down",
    "home",
    "e q q",
    "left",
    "2",
    "3",
    "c",
    "v",
    "x x",
    "x a",
    "b",
    "P",
    "F F",
    "F g",
    "F d",
    "F o",
    "F c",
    "F r",
    "F p",
    "F y",
    "w",
    "4",
    "r",
    "R",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_size_and_no_keys_make_it_panic(
        sizes in prop::collection::vec((1_u16..=300, 1_u16..=100), 1..6),
        keys in prop::collection::vec(0..KEYS.len(), 0..24),
        scene in 0..44_u8,
    ) {
        let mut stage = match scene {
            0 => Stage::new(nothing(noon())),
            1 => Stage::new(many(noon(), 300)),
            4 => Stage::of(mocap(noon())),
            5 => Stage::of(stale(noon())),
            6 => Stage::of(archive(noon(), 700)),
            31.. => Stage::dumps(dumps::SCENES[usize::from(scene) - 31]),
            18.. => Stage::feeds(feeds::SCENES[usize::from(scene) - 18]),
            7.. => Stage::pools(pools::SCENES[usize::from(scene) - 7]),
            _ => Stage::new(harbour(noon())),
        };
        if scene == 3 {
            stage = stage.lost();
        }
        for (index, key) in keys.iter().enumerate() {
            let (width, height) = sizes[index % sizes.len()];
            stage = stage.sized(width, height);
            stage.press(KEYS[*key]);
        }
        for (width, height) in sizes {
            stage = stage.sized(width, height);
            stage.text();
        }
    }
}

#[test]
fn every_theme_draws_the_same_words() {
    let words = Stage::new(harbour(noon())).text();
    for (name, _) in Library::default().list(Kind::Theme) {
        assert_eq!(Stage::with(harbour(noon()), &name, "default", false).text(), words, "{name}");
    }
}
