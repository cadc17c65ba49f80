use super::tally::{Buckets, Tally};
use super::*;
use crate::feed::compare::canon::{self, Hashed};
use crate::feed::sink::{Kind, TargetColumn};

fn row(key: u64, row: u64) -> Hashed {
    Hashed { key, row }
}

#[test]
fn rows_are_told_apart() {
    let mut tally = Tally::new(vec![row(1, 10), row(2, 20), row(3, 30), row(4, 40)]);
    let mut see = |key, row_, wanted| tally.see(0, row(key, row_), wanted, || format!("k={key}"));
    see(1, 10, true);
    see(2, 21, true);
    see(5, 50, true);
    // What came in after the mark may be there or not.
    see(6, 60, false);
    see(4, 41, false);
    tally.end();
    assert_eq!(tally.extra(), [3]);
    let wrong = tally.wrong(0);
    assert_eq!((wrong.missing, wrong.different), (1, 1));
    assert_eq!(wrong.examples, ["missing: k=5", "different: k=2"]);
    assert_eq!(wrong.keys, [2, 5].into());
}

#[test]
fn of_two_rows_with_one_key_the_last_one_counts() {
    let mut tally = Tally::new(vec![row(1, 11), row(2, 20)]);
    for (key, value) in [(1, 10), (1, 11), (2, 20), (2, 21), (3, 30), (3, 31)] {
        tally.see(0, row(key, value), true, || format!("k={key}"));
    }
    tally.end();
    let wrong = tally.wrong(0);
    assert_eq!((wrong.missing, wrong.different, tally.extra().len()), (1, 1, 0));
    assert_eq!(wrong.examples, ["missing: k=3", "different: k=2"]);
}

#[test]
fn a_row_that_another_machine_wrote_is_the_same_row() {
    let mut tally = Tally::new(vec![row(1, 10), row(2, 20)]);
    tally.see(0, row(1, 99), true, String::new);
    tally.end();
    tally.see(1, row(1, 10), true, String::new);
    tally.see(1, row(2, 22), true, String::new);
    tally.end();
    assert_eq!((tally.wrong(0).different, tally.wrong(1).different), (0, 1));
}

#[test]
fn buckets_that_differ_are_looked_at_a_few_at_a_time() {
    let (mut one, mut other) = (Buckets::default(), Buckets::default());
    for bucket in 0..canon::BUCKETS {
        one.add(bucket, 100, 7);
        other.add(bucket, 100, if bucket % 256 == 0 { 8 } else { 7 });
    }
    assert_eq!(one.differing(&other, 250), [vec![0, 256], vec![512, 768]]);
    assert_eq!(one.differing(&other, 1), [[0], [256], [512], [768]]);
    assert!(one.differing(&one.clone(), 10).is_empty());
    assert_eq!(one.rows(), 102_400);
}

#[test]
fn only_rows_up_to_the_mark_have_to_be_there() {
    let mark = Mark { at: Some(Place::Number(5)), ..Mark::default() };
    let expected = Expected::of(Some(&mark));
    assert!(expected.wants(&Place::Number(5)) && !expected.wants(&Place::Number(6)));
    let passed = Mark { role: Role::PassedOver, ..mark };
    assert!(!Expected::of(Some(&passed)).wants(&Place::Number(1)) && !Expected::of(None).wants(&Place::Number(1)));
}

#[test]
fn a_column_may_be_declared_with_any_number_of_digits() {
    let column = TargetColumn { name: "n".into(), declared: "DECIMAL(10,99999)".into(), kind: Kind::Number };
    let written = canon::said(b"1.5".to_vec(), &column).unwrap();
    assert!(written.starts_with(b"1.50") && written.len() < 100, "{}", String::from_utf8_lossy(&written));
}
