use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

const DAY: i64 = 86_400;

/// A table with a row every hour, of which `mark` were carried, looked at on this hour.
fn look(retention: &mut Retention, first: i64, mark: i64, hour: i64) -> (Option<Lost>, Option<Soon>) {
    let (first, mark) = (Place::Number(first), Place::Number(mark));
    let number = |place: &Place| if let Place::Number(number) = place { *number } else { 0 };
    let oldest = number(&first).max(number(&mark) + 1);
    let front = Front {
        first: Some(&first),
        time: Some(at(number(&first) * 3600)),
        mark: Some(&mark),
        waiting: u64::try_from(hour - oldest + 1).unwrap_or(0),
        oldest: Some(at(oldest * 3600)),
        now: at(hour * 3600),
    };
    retention.looked(front)
}

#[test]
fn a_target_that_is_away_for_as_long_as_rows_live_is_warned_of_before_it_is_too_late() {
    // Rows older than five days go each day; the target is away from the tenth day on.
    let mut retention = Retention::default();
    let (mut warned, mut lost) = (None, None);
    for hour in 0..24 * 17 {
        let day = hour / 24;
        let first = ((day - 5) * 24).max(0);
        let (gone, soon) = look(&mut retention, first, hour.min(24 * 10), hour);
        if let (Some(soon), None) = (soon, &warned) {
            warned = Some((hour, soon.to_string()));
        }
        if let (Some(gone), None) = (gone, lost.as_ref()) {
            lost = Some((hour, gone));
        }
    }
    let (warned, words) = warned.unwrap();
    let (lost, gone) = lost.unwrap();
    assert_eq!((warned, lost), (24 * 14 + 2, 24 * 16), "two days before");
    assert!(words.contains("the oldest is 4 d old") && words.contains("seen to go at 5 d"), "{words}");
    assert_eq!(gone, Lost { at_most: 23, since: Some(at((24 * 16 - 1) * 3600)) }, "of the day that went then");
    assert!(gone.to_string().contains("23 at most, since 20"), "{gone}");
}

#[test]
fn an_engine_that_was_off_sees_what_went_meanwhile() {
    let mut retention = Retention::default();
    let (gone, _) = look(&mut retention, 5_000, 1_000, 6_000);
    assert_eq!(gone, Some(Lost { at_most: 3_999, since: None }));
    assert_eq!(look(&mut retention, 5_000, 1_000, 6_001).0, None, "told once");
    assert_eq!(look(&mut retention, 5_010, 1_000, 6_002).0.unwrap().at_most, 10, "and what goes then");
}

#[test]
fn places_that_are_texts_tell_less() {
    let mut retention = Retention::default();
    let front = |first: &'static str, waiting| {
        let first: &'static Place = Box::leak(Box::new(Place::Text(first.into())));
        Front { first: Some(first), time: None, mark: None, waiting, oldest: None, now: at(DAY) }
    };
    assert_eq!(retention.looked(front("b", 7)), (None, None));
    assert_eq!(retention.looked(front("f", 3)).0.unwrap().at_most, 7);
    assert_eq!(retention.looked(front("f", 3)).0, None);
    assert_eq!(retention.looked(front("a", 3)).0, None, "another file");
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u8),
    Carry(u8),
    Delete(u8),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..20_u8).prop_map(Step::Insert),
        (1..20_u8).prop_map(Step::Carry),
        (1..20_u8).prop_map(Step::Delete),
        Just(Step::Look),
    ]
}

proptest! {
    /// Whatever happens between looks: what was lost is never more than is said, and where nothing was lost nothing is said.
    #[test]
    fn what_is_lost_is_told_and_nothing_else(steps in prop::collection::vec(step(), 0..60)) {
        let mut retention = Retention::default();
        let (mut rows, mut next, mut mark): (VecDeque<i64>, i64, Option<i64>) = (VecDeque::new(), 1, None);
        let (mut lost, mut told, mut known) = (0, 0, false);
        let mut now = 0;
        for step in steps.into_iter().chain([Step::Insert(1), Step::Look]) {
            now += 60;
            if let Step::Carry(_) | Step::Look = step {
                let first = rows.front().map(|row| Place::Number(*row));
                let place = mark.map(Place::Number);
                let waiting = rows.iter().filter(|row| Some(**row) > mark).count();
                known |= first.is_some();
                let front = Front {
                    first: first.as_ref(),
                    time: rows.front().map(|row| at(*row)),
                    mark: place.as_ref(),
                    waiting: waiting as u64,
                    oldest: None,
                    now: at(now),
                };
                told += retention.looked(front).0.map_or(0, |gone| gone.at_most);
            }
            match step {
                Step::Insert(count) => for _ in 0..count {
                    rows.push_back(next);
                    next += 1;
                },
                // What a look has found, and nothing else, is carried.
                Step::Carry(count) => {
                    let behind = rows.iter().filter(|row| Some(**row) > mark);
                    mark = behind.take(usize::from(count)).last().copied().or(mark);
                }
                Step::Delete(count) => for _ in 0..count {
                    let Some(row) = rows.pop_front() else { break };
                    // Before the first look nobody knows what there was, where nothing was carried.
                    lost += u64::from((known || mark.is_some()) && Some(row) > mark);
                },
                Step::Look => {}
            }
        }
        prop_assert!(told >= lost, "{told} of {lost} told");
        prop_assert!(lost > 0 || told == 0, "{told} told and none lost");
    }
}
