//! What stands on the page.

use std::collections::BTreeSet;
use std::path::Path;

use hotspare::engine::snapshot::Snapshot;

use crate::fixture;
use crate::support::{everything, page, promtool};

/// Samples, without help and types.
fn samples(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.starts_with('#')).collect()
}

fn value<'a>(page: &'a str, series: &str) -> Option<&'a str> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[test]
fn promtool_finds_nothing_to_complain_of() {
    let checked = promtool(&["check", "metrics"], &page(&everything()));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.trim().is_empty(), "{said}");
    // It would: a counter without its ending.
    let wrong = promtool(&["check", "metrics"], "# HELP a A.\n# TYPE a counter\na 1\n");
    assert!(!wrong.status.success());
}

#[test]
fn the_figures_are_those_of_the_snapshot() {
    let page = page(&everything());
    let is = |series: &str, wanted: &str| assert_eq!(value(&page, series), Some(wanted), "{series}\n{page}");
    is("hotspare_engine_info{fleet=\"harbour\",version=\"0.1.0\",lease=\"embedded\"}", "1");
    is("hotspare_host_health{host=\"studio-2\",health=\"down\"}", "1");
    is("hotspare_host_health{host=\"studio-2\",health=\"up\"}", "0");
    is("hotspare_check_passing{host=\"studio-2\",check=\"ping\",kind=\"ping\"}", "0");
    is("hotspare_check_passing{host=\"studio-1\",check=\"ping\",kind=\"ping\"}", "1");
    is("hotspare_check_latency_seconds{host=\"studio-1\",check=\"ping\",kind=\"ping\"}", "0.0004");
    is("hotspare_pool_host_stand{pool=\"people-count\",host=\"studio-2\",stand=\"stood in for\"}", "1");
    is("hotspare_spare_state{pool=\"people-count\",spare=\"studio-spare\",state=\"active\"}", "1");
    is("hotspare_feed_rows_behind{feed=\"counts\"}", "12");
    is("hotspare_feed_lag_seconds{feed=\"counts\"}", "11");
    is("hotspare_dump_state{dump=\"archive\",state=\"medium away\"}", "1");
    is("hotspare_dump_databases_failed{dump=\"shop\"}", "1");
    is("hotspare_jobs{state=\"running\"}", "2");
    is("hotspare_runs_needing_a_person", "1");
    is("hotspare_service_held{service=\"judicator\",host=\"cupola-1\"}", "1");
    is("hotspare_service_module_running{service=\"judicator\",host=\"cupola-1\",module=\"etcd\"}", "0");
    is("hotspare_journal_entries_total{weight=\"alarm\"}", "1");
    // Before the engine started: the first of the eight entries.
    is("hotspare_journal_entries_total{weight=\"note\"}", "2");
    assert!(!page.contains("module=\"main\",host=\"studio-1\""), "what is not known is left out");
}

#[test]
fn a_tally_counts_each_entry_once() {
    let mut snapshot = everything();
    let mut tally = hotspare::metrics::Tally::default();
    let total = |tally: &hotspare::metrics::Tally, snapshot: &Snapshot| -> u64 {
        let picture = hotspare::metrics::Picture { snapshot, pace: None, answered: std::time::Duration::ZERO, tally };
        let page = hotspare::metrics::text(&picture).unwrap();
        let counted = samples(&page).into_iter().filter(|line| line.starts_with("hotspare_journal_entries_total"));
        counted.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    };
    tally.count(&snapshot);
    tally.count(&snapshot);
    let before = total(&tally, &snapshot);
    let journal = std::sync::Arc::make_mut(&mut snapshot.journal);
    let mut entry = (*journal.tail[0]).clone();
    entry.seq = journal.length + 1;
    journal.length += 1;
    journal.tail.push(std::sync::Arc::new(entry));
    tally.count(&snapshot);
    assert_eq!(total(&tally, &snapshot), before + 1);
    // Set aside, and begun anew.
    let journal = std::sync::Arc::make_mut(&mut snapshot.journal);
    let mut first = (*journal.tail[0]).clone();
    (first.seq, first.time) = (1, snapshot.taken);
    (journal.tail, journal.length) = (vec![std::sync::Arc::new(first)], 1);
    tally.count(&snapshot);
    assert_eq!(total(&tally, &snapshot), before + 2);
}

#[test]
fn an_engine_with_nothing_has_a_page_too() {
    let nothing = page(&fixture::nothing(fixture::noon()));
    assert!(promtool(&["check", "metrics"], &nothing).status.success());
    assert!(!nothing.contains("hotspare_host_health"));
}

#[test]
fn the_number_of_series_does_not_grow_with_recordings_and_nothing_of_them_is_named() {
    let series = |count: usize| {
        let (snapshot, _rows) = fixture::archive(fixture::noon(), count);
        let page = page(&snapshot);
        (samples(&page).len(), page)
    };
    let ((few, _), (many, page)) = (series(4), series(4000));
    assert_eq!(few, many);
    assert!(!samples(&page).iter().any(|line| line.contains("2026")), "no session is named");
    // So many a host and check, and no more.
    let hosts = |count| samples(&self::page(&fixture::many(fixture::noon(), count))).len();
    let (ten, twenty) = (hosts(14), hosts(28));
    assert!((twenty - ten) / 14 <= 6 + 1 + 1 + 6 * 5, "{} series a host", (twenty - ten) / 14);
}

#[test]
fn nothing_that_was_said_stands_in_a_label() {
    let page = page(&everything());
    for said in ["no answer", "ops@", "fan", "ana", "mysql://", "/data", "/media", "new disk", "python3", "p014"] {
        assert!(!samples(&page).iter().any(|line| line.contains(said)), "{said}: {page}");
    }
}

/// `docs/metrics.md` names every family with its labels and its help. `UPDATE_DOCS=1` writes them.
#[test]
fn every_family_is_documented() {
    const BEGIN: &str = "| family | labels | |\n|---|---|---|\n";
    let page = page(&everything());
    let mut rows: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').unwrap();
        let sample = samples(&page)
            .into_iter()
            .find(|sample| sample.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let labels = sample.unwrap().strip_prefix(name).unwrap().split_once('}').map_or("", |(labels, _)| labels);
        let labels: Vec<String> = labels
            .trim_start_matches('{')
            .split("\",")
            .filter_map(|pair| Some(format!("`{}`", pair.split_once('=')?.0)))
            .collect();
        assert!(seen.insert(name), "{name} is there twice");
        rows.push(format!("| `{name}` | {} | {help} |\n", labels.join(" ")));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _rows) = text.split_once(BEGIN).unwrap();
    let wanted = format!("{before}{BEGIN}{}", rows.concat());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(
            text == wanted,
            "docs/metrics.md differs: UPDATE_DOCS=1 cargo test --test metrics every_family_is_documented"
        );
    }
}
