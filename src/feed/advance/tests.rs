use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

fn row(at: i64, key: &str) -> Row {
    Row { at: Place::Number(at), values: vec![Value::from(key), Value::Int(at)].into() }
}

fn look(tail: Option<Row>, span: Option<(i64, i64)>, rows: Vec<Row>) -> Look {
    Look {
        tail,
        span: span.map(|(first, last)| (Place::Number(first), Place::Number(last))),
        waiting: rows.len() as u64,
        counted: true,
        rows,
        changed: Vec::new(),
        times: None,
        groups: BTreeMap::new(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn given(mark: Option<&Mark>) -> Given<'_> {
    Given { mark, part: Part::Alone, key: &[0], changes: None, unique: true }
}

/// A mark after these rows.
fn after(rows: Vec<Row>) -> Mark {
    match advance(given(None), look(None, Some((1, 9)), rows), &mut Ties::default()) {
        Advance::Write { mark, .. } => mark,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_mark_follows_the_rows() {
    let mark = after(vec![row(1, "a"), row(2, "b")]);
    assert_eq!((mark.at.clone(), mark.turn, mark.rows, mark.role), (Some(Place::Number(2)), 1, 2, Role::Carried));
    let idle = look(Some(row(2, "b")), Some((1, 2)), vec![]);
    assert_eq!(advance(given(Some(&mark)), idle, &mut Ties::default()), Advance::Nothing);
}

#[test]
fn an_empty_source_gets_a_mark_once() {
    let Advance::Write { rows, mark } = advance(given(None), look(None, None, vec![]), &mut Ties::default()) else {
        panic!("no mark");
    };
    assert!(rows.is_empty() && mark.at.is_none());
    assert_eq!(advance(given(Some(&mark)), look(None, None, vec![]), &mut Ties::default()), Advance::Nothing);
}

#[test]
fn a_rowid_that_is_given_again_and_a_file_that_was_replaced_are_noticed() {
    let mark = after(vec![row(1, "a"), row(2, "b")]);
    let told = |look: Look| match advance(given(Some(&mark)), look, &mut Ties::default()) {
        Advance::Again { mark, why } => {
            assert_eq!((mark.at, mark.turn, mark.rows), (None, 2, 2));
            why
        }
        other => panic!("{other:?}"),
    };
    assert!(told(look(None, Some((1, 1)), vec![])).contains("its last row stands at 1"));
    assert!(told(look(Some(row(2, "c")), Some((1, 5)), vec![row(3, "d")])).contains("another row"));
    assert!(told(look(None, Some((1, 5)), vec![row(3, "d")])).contains("is gone"));
}

#[test]
fn retention_is_no_other_source() {
    let mark = after(vec![row(1, "a"), row(2, "b")]);
    let all_deleted = look(None, Some((3, 5)), vec![row(3, "c")]);
    assert!(matches!(advance(given(Some(&mark)), all_deleted, &mut Ties::default()), Advance::Write { .. }));
    let nothing_left = look(None, None, vec![]);
    assert_eq!(advance(given(Some(&mark)), nothing_left, &mut Ties::default()), Advance::Nothing);
}

#[test]
fn rows_of_one_place_are_carried_once_each_however_late_they_come() {
    let ask = |mark| Given { unique: false, ..given(mark) };
    let mut ties = Ties::default();
    let first = look(None, Some((1, 2)), vec![row(1, "a"), row(2, "b")]);
    let Advance::Write { mark, .. } = advance(ask(None), first, &mut ties) else { panic!("nothing") };
    assert_eq!(mark.tail, None, "no row stands for a place that has several");
    let again = look(Some(row(2, "b")), Some((1, 2)), vec![row(2, "b")]);
    assert_eq!(advance(ask(Some(&mark)), again, &mut ties), Advance::Nothing);
    let late = look(Some(row(2, "b")), Some((1, 2)), vec![row(2, "b"), row(2, "c")]);
    let Advance::Write { rows, mark } = advance(ask(Some(&mark)), late, &mut ties) else { panic!("nothing") };
    assert_eq!(rows, [row(2, "c")]);
    let again = look(Some(row(2, "b")), Some((1, 2)), vec![row(2, "b"), row(2, "c")]);
    assert_eq!(advance(ask(Some(&mark)), again, &mut ties), Advance::Nothing);
}

#[test]
fn updates_are_carried_by_the_column_that_tells_of_them() {
    let ask = |mark| Given { changes: Some(1), ..given(mark) };
    let changed =
        |at, key: &str, when| Row { at: Place::Number(at), values: vec![Value::from(key), Value::Int(when)].into() };
    let mut ties = Ties::default();
    let mut first = look(None, Some((1, 2)), vec![changed(1, "a", 10), changed(2, "b", 10)]);
    first.changed = first.rows.clone();
    let Advance::Write { mark, .. } = advance(ask(None), first, &mut ties) else { panic!("nothing") };
    assert_eq!(mark.changed, Some(Place::Number(10)));
    let mut idle = look(Some(changed(2, "b", 10)), Some((1, 2)), vec![]);
    idle.changed = vec![changed(1, "a", 10), changed(2, "b", 10)];
    assert_eq!(advance(ask(Some(&mark)), idle.clone(), &mut ties), Advance::Nothing);
    idle.changed.push(changed(1, "a", 11));
    let Advance::Write { rows, mark } = advance(ask(Some(&mark)), idle, &mut ties) else { panic!("nothing") };
    assert_eq!((rows, mark.changed), (vec![changed(1, "a", 11)], Some(Place::Number(11))));
}

#[test]
fn what_a_spare_writes_in_a_drill_is_passed_over_and_what_it_writes_in_place_of_a_host_is_not() {
    let ask = |mark, part| Given { part, ..given(mark) };
    let mut ties = Ties::default();
    let drill = look(None, Some((1, 2)), vec![row(1, "drill"), row(2, "drill 2")]);
    let Advance::Write { rows, mark } = advance(ask(None, Part::Idle), drill, &mut ties) else { panic!("nothing") };
    assert!(rows.is_empty());
    assert_eq!((mark.at.clone(), mark.role), (Some(Place::Number(2)), Role::PassedOver));
    let serves = look(Some(row(2, "drill 2")), Some((1, 3)), vec![row(3, "real")]);
    let Advance::Write { rows, mark } = advance(ask(Some(&mark), Part::StandsIn), serves, &mut ties) else {
        panic!("nothing")
    };
    assert_eq!((rows.len(), mark.role), (1, Role::Carried));
    // It was given back, and its last row is still to be carried.
    let last = look(Some(row(3, "real")), Some((1, 4)), vec![row(4, "last")]);
    let Advance::Write { rows, mark } = advance(ask(Some(&mark), Part::Idle), last, &mut ties) else {
        panic!("nothing")
    };
    assert_eq!((rows.len(), mark.role), (1, Role::Carried));
    let idle = look(Some(row(4, "last")), Some((1, 4)), vec![]);
    let Advance::Write { mark, .. } = advance(ask(Some(&mark), Part::Idle), idle, &mut ties) else { panic!("nothing") };
    assert_eq!(mark.role, Role::PassedOver);
}

proptest! {
    /// Whatever is inserted, in whatever batches it is looked at: each row is carried once, in order.
    #[test]
    fn each_row_is_carried_once(batches in prop::collection::vec(0_usize..7, 1..12), limit in 1_usize..9) {
        let (mut source, mut carried, mut mark, mut ties) = (Vec::<Row>::new(), Vec::new(), None::<Mark>, Ties::default());
        for more in batches {
            for _row in 0..more {
                let at = i64::try_from(source.len()).unwrap() + 1;
                source.push(row(at, &format!("k{at}")));
            }
            loop {
                let at = match mark.as_ref().and_then(|mark| mark.at.clone()) { Some(Place::Number(at)) => at, _ => 0 };
                let waiting: Vec<Row> = source.iter().filter(|row| row.at > Place::Number(at)).cloned().collect();
                let span = (!source.is_empty()).then_some((1, i64::try_from(source.len()).unwrap()));
                let tail = source.iter().find(|row| row.at == Place::Number(at)).cloned();
                let now = look(tail, span, waiting.into_iter().take(limit).collect());
                match advance(given(mark.as_ref()), now, &mut ties) {
                    Advance::Nothing => break,
                    Advance::Write { rows, mark: next } => { carried.extend(rows); mark = Some(next); }
                    Advance::Again { why, .. } => prop_assert!(false, "{}", why),
                }
            }
        }
        prop_assert_eq!(carried, source);
    }
}
