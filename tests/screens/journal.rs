//! Paging back through the journal, behind what a snapshot carries.

use std::sync::Arc;

use hotspare::console::pane::PaneId;
use hotspare::console::world::JOURNAL_KEPT;
use hotspare::engine::command::Query;
use hotspare::engine::snapshot::Snapshot;
use hotspare::journal::entry::Entry;

use crate::fixture::{harbour, noon};
use crate::stage::Stage;

fn rows(stage: &Stage) -> usize {
    stage.app.lists[PaneId::Journal as usize].len()
}

fn asked(stage: &Stage) -> usize {
    let queries = stage.client.queries.lock().unwrap();
    queries.iter().filter(|query| matches!(query, Query::Journal { before: Some(_), .. })).count()
}

/// The picture after one more entry, numbered as the journal goes on.
fn with_one_more(seq: u64, what: &str) -> Arc<Snapshot> {
    let mut snapshot = harbour(noon());
    snapshot.seq = seq;
    let journal = Arc::make_mut(&mut snapshot.journal);
    let newest = Entry { seq: journal.length + 1, what: what.into(), ..(**journal.tail.last().unwrap()).clone() };
    journal.length = newest.seq;
    journal.tail.push(Arc::new(newest));
    journal.tail.remove(0);
    Arc::new(snapshot)
}

#[test]
fn going_past_the_oldest_entry_brings_older_ones() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    assert_eq!((rows(&stage), asked(&stage)), (8, 0));
    stage.press("3");
    assert_eq!(asked(&stage), 0, "nothing is asked before anybody goes there");
    stage.press("end");
    assert_eq!((rows(&stage), asked(&stage)), (218, 1));
    assert!(stage.text().contains("engine started"), "{}", stage.text());
    assert!(stage.press("end").text().contains("remark 1 "), "{}", stage.text());
    stage.press("end end down page-down");
    assert_eq!(asked(&stage), 1, "the first entry of all has none before it");
}

#[test]
fn what_was_paged_to_stays_while_the_journal_goes_on() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("3 end end");
    stage.app.snapshot(with_one_more(2, "a new remark"));
    stage.settle();
    assert_eq!(rows(&stage), 219);
    assert!(stage.text().contains("remark 1"), "the selection stays on its entry\n{}", stage.text());
    assert!(stage.press("home").text().contains("a new remark"));
    let tail = &stage.app.world.shown.journal.tail;
    assert!(tail.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "without a gap");
}

#[test]
fn whoever_does_not_page_sees_the_newest_come_and_nothing_grows() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("3");
    stage.app.snapshot(with_one_more(2, "a new remark"));
    stage.settle();
    assert_eq!((rows(&stage), asked(&stage)), (8, 0));
    assert!(stage.text().contains("a new remark"));
}

#[test]
fn a_filter_looks_through_older_entries_too() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("3 /").press("text:remark 207").press("enter");
    assert_eq!((rows(&stage), asked(&stage)), (1, 1));
    assert!(stage.text().contains("remark 207"), "{}", stage.text());
}

#[test]
fn a_frozen_picture_can_be_paged_too() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("3 f end");
    assert_eq!(rows(&stage), 218);
    stage.press("f");
    assert_eq!(rows(&stage), 218);
}

#[test]
fn only_so_many_are_kept() {
    let mut snapshot = harbour(noon());
    let journal = Arc::make_mut(&mut snapshot.journal);
    let pattern = (*journal.tail[0]).clone();
    let numbered = |seq: u64| Arc::new(Entry { seq, ..pattern.clone() });
    let kept = u64::try_from(JOURNAL_KEPT).unwrap();
    journal.tail = (20_001..20_000 + kept).map(numbered).collect();
    journal.length = 20_000 + kept - 1;
    let mut stage = Stage::new(snapshot);
    let older: Vec<Entry> = (19_501..=20_000).map(|seq| (*numbered(seq)).clone()).collect();
    assert!(stage.app.world.page_back(&older));
    assert_eq!(stage.app.world.shown.journal.tail.len(), JOURNAL_KEPT);
    assert_eq!(stage.app.world.shown.journal.tail[0].seq, 20_000);
    assert_eq!(stage.app.world.oldest_entry(), None, "and no more are asked for");
    assert!(!stage.app.world.page_back(&older), "an answer that does not join is not taken");
}
