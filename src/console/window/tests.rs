//! What is asked for, and what of it is taken.

use proptest::prelude::*;

use super::*;
use crate::session::view::{Imported, Totals};

fn row(index: u64) -> SessionRow {
    let date = jiff::civil::date(2026, 1, 1).saturating_sub(jiff::Span::new().days(i64::try_from(index).unwrap()));
    let key = crate::session::key::Key { date, participant: "p001".into() };
    SessionRow {
        key,
        source: None,
        copies: Vec::new(),
        imported: Imported::NotAsked,
        busy: None,
        safe: false,
        why_not: Vec::new(),
        wrong: None,
    }
}

/// What an engine with so many rows answers.
fn answer(ask: &Ask, count: u64, version: u64) -> Rows {
    let at = ask.at.as_ref().and_then(|key| (0..count).find(|index| row(*index).key == *key));
    let offset = at.map_or(ask.offset, |at| at.saturating_sub(u64::from(ask.limit) / 2)).min(count);
    let end = count.min(offset + u64::from(ask.limit));
    let rows = (offset..end).map(row).collect();
    Rows { store: "s".into(), version, looked: None, matching: count, totals: Totals::default(), offset, rows }
}

fn wish(first: usize, version: u64) -> Wish {
    let ask = Ask { store: Some("s".into()), ..Ask::default() };
    Wish { ask, visible: first..first + 30, selected: None, version, frozen: false }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

proptest! {
    /// Wherever one jumps: after each answer the rows on the screen are here, and then nothing more is asked.
    #[test]
    fn what_is_looked_at_comes_with_one_or_two_questions(jumps in prop::collection::vec(0_usize..3_000, 1..20)) {
        let count = 2_500_u64;
        let mut window = Window::default();
        for (step, first) in jumps.into_iter().enumerate() {
            let first = first.min(usize::try_from(count).unwrap() - 30);
            let now = at(i64::try_from(step).unwrap());
            let mut asked = 0;
            while let Some(ask) = window.next(&wish(first, 1), now) {
                asked += 1;
                prop_assert!(ask.limit <= MOST_ROWS);
                let rows = answer(&ask, count, 1);
                prop_assert_eq!(window.take(&ask, Ok(rows), now), Taken::Rows);
            }
            prop_assert!(asked <= 2, "{} questions", asked);
            prop_assert!((first..first + 30).all(|position| window.row(position).is_some()));
        }
    }
}

#[test]
fn an_engine_that_gives_fewer_rows_than_it_says_is_not_asked_for_ever() {
    let mut window = Window::default();
    let mut asked = 0;
    for second in 0..60 {
        while let Some(ask) = window.next(&wish(0, 1), at(second * 1000)) {
            asked += 1;
            window.take(&ask, Ok(Rows { rows: Vec::new(), ..answer(&ask, 500, 1) }), at(second * 1000));
        }
    }
    assert_eq!(asked, 1);
}

#[test]
fn an_answer_to_an_old_question_is_not_taken() {
    let mut window = Window::default();
    let old = window.next(&wish(0, 1), at(0)).unwrap();
    let filtered = Wish { ask: Ask { filter: "p".into(), ..wish(0, 1).ask }, ..wish(0, 1) };
    let new = window.next(&filtered, at(1)).unwrap();
    assert_eq!(window.take(&old, Ok(answer(&old, 9, 1)), at(2)), Taken::Nothing);
    assert_eq!(window.matching(), None);
    assert_eq!(window.take(&new, Ok(answer(&new, 3, 1)), at(3)), Taken::Rows);
    assert_eq!(window.matching(), Some(3));
}
