//! The alert rules, played by Prometheus' own tool: each with its trouble and without.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::{everything, page, shipped};

/// What stands after this word, line by line.
fn after(text: &str, word: &str) -> BTreeSet<String> {
    let words = text.lines().filter_map(|line| line.split_once(word));
    words.map(|(_, rest)| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

fn promtool(arguments: &[&str]) -> String {
    let ended = Command::new("promtool").args(arguments).current_dir(shipped("")).output();
    let ended = ended.expect("promtool: apt-get install --no-install-recommends prometheus");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    said
}

#[test]
fn each_alert_fires_with_its_trouble_and_not_without() {
    assert!(promtool(&["check", "rules", "alerts.yml"]).contains("SUCCESS"));
    assert!(promtool(&["test", "rules", "alerts.test.yml"]).contains("SUCCESS"));
    let rules = std::fs::read_to_string(shipped("alerts.yml")).unwrap();
    let played = std::fs::read_to_string(shipped("alerts.test.yml")).unwrap();
    for alert in after(&rules, "- alert: ") {
        let plays = played.lines().filter(|line| line.contains(&format!("alertname=\"{alert}\", alertstate")));
        let (fires, quiet): (Vec<&str>, Vec<&str>) = plays.partition(|line| line.contains("value: 1"));
        assert!(!fires.is_empty() && !quiet.is_empty(), "{alert} is not played both ways");
    }
}

#[test]
fn rules_and_dashboard_ask_only_for_families_that_exist() {
    let page = page(&everything());
    let known = after(&page, "# HELP ");
    for file in ["alerts.yml", "grafana.json"] {
        let text = std::fs::read_to_string(shipped(file)).unwrap();
        let asked: BTreeSet<&str> = text
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with("hotspare_") || word.starts_with("process_"))
            .collect();
        assert!(!asked.is_empty());
        for name in asked {
            assert!(known.contains(name), "{file} asks for {name}");
        }
    }
}

#[test]
fn each_alert_says_what_to_do() {
    let rules = std::fs::read_to_string(shipped("alerts.yml")).unwrap();
    let count = |word: &str| rules.lines().filter(|line| line.trim_start().starts_with(word)).count();
    assert_eq!(count("- alert:"), count("remedy:"));
    assert_eq!(count("- alert:"), count("summary:"));
}
