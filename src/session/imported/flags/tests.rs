use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn table(columns: &[&str], rows: &[&[Cell]]) -> Table {
    Table {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        rows: rows.iter().map(|row| row.to_vec()).collect(),
    }
}

fn key(participant: &str, date: &str) -> Key {
    Key::new(participant, date).unwrap()
}

#[test]
fn columns_are_found_by_name_and_else_by_position() {
    let swapped = table(&["imported", "Date", "PARTICIPANT"], &[&[Cell::Integer(1), text("20250104"), text("p001")]]);
    assert_eq!(read(&swapped, true), Ok([(key("p001", "20250104"), Flag::Yes)].into()));
    let placed = table(&["name", "day", "flag"], &[&[text("p001"), text("2025-01-04"), Cell::Integer(0)]]);
    assert_eq!(read(&placed, true), Ok([(key("p001", "20250104"), Flag::No)].into()));
    let pairs = table(&["participant_id", "session_date"], &[&[Cell::Integer(47), Cell::Integer(20_250_104)]]);
    assert_eq!(read(&pairs, false), Ok([(key("47", "20250104"), Flag::Yes)].into()));
    assert_eq!(read(&pairs, true), Err("returns 2 columns; participant, date and imported are needed".to_owned()));
    assert!(read(&table(&["a"], &[]), false).is_err());
}

#[test]
fn days_come_in_both_spellings_and_with_a_time() {
    let wanted = Some(jiff::civil::date(2025, 1, 4));
    for good in ["20250104", "2025-01-04", "2025-01-04 10:00:00.000000", "2025-01-04T00:00:00Z", " 20250104 "] {
        assert_eq!(day(good), wanted, "{good}");
    }
    for wrong in ["", "p001", "04.01.2025", "2025-01-04x", "2025-02-30", "2025010410"] {
        assert_eq!(day(wrong), None, "{wrong}");
    }
    let wrong = table(&["a", "b", "c"], &[&[text("2025-01-04"), text("p001"), Cell::Integer(1)]]);
    assert_eq!(read(&wrong, true), Err("row 1: p001 is not a day such as 20250104 or 2025-01-04".to_owned()));
    let nobody =
        table(&["a", "b"], &[&[Cell::Null, text("x")], &[text("p"), Cell::Null], &[text("a/b"), text("20250104")]]);
    assert_eq!(read(&nobody, false), Ok(Flags::new()));
}

#[test]
fn a_flag_is_yes_no_or_not_known() {
    for yes in [Cell::Integer(1), Cell::Integer(3), text("1"), text("True"), text("yes"), text("\u{1}"), text("12")] {
        assert_eq!(flag(&yes), Flag::Yes, "{yes:?}");
    }
    for no in [Cell::Integer(0), text("0"), text("false"), text("NO"), text("\0"), text("00")] {
        assert_eq!(flag(&no), Flag::No, "{no:?}");
    }
    for neither in [Cell::Null, Cell::Other, Cell::Integer(-1), text(""), text("maybe"), text("-1"), text("1.5")] {
        assert!(matches!(flag(&neither), Flag::Unknown(_)), "{neither:?}");
    }
}

#[test]
fn every_query_must_hold_and_the_reason_names_those_that_do_not() {
    let (one, other) = (key("p001", "20250104"), key("p002", "20250104"));
    let flags = |key: &Key, flag: Flag| Flags::from([(key.clone(), flag)]);
    let named = |first: Flags, second: Flags| vec![("Subject".to_owned(), first), ("Session".to_owned(), second)];
    let judged =
        |acquisition: &Flags, named: &[(String, Flags)]| judge(acquisition, named, [&one].into_iter())[&one].clone();
    let yes = || flags(&one, Flag::Yes);
    assert_eq!(judged(&yes(), &named(yes(), yes())), Imported::Yes);
    assert_eq!(judged(&yes(), &[]), Imported::Yes);
    let no = |short: &str, why: &[&str]| Imported::No {
        short: short.to_owned(),
        why: why.iter().map(|&why| why.to_owned()).collect(),
    };
    assert_eq!(
        judged(&yes(), &named(Flags::new(), flags(&one, Flag::No))),
        no("not in Subject, Session", &["`Subject` has no row for it", "`Session` says that it was not imported"])
    );
    assert_eq!(judged(&flags(&other, Flag::Yes), &[]), no("no", &["the acquisition's database has no row for it"]));
    let unsure = flags(&one, Flag::Unknown("NULL is neither yes nor no".into()));
    let why = "`Session`: NULL is neither yes nor no".to_owned();
    assert_eq!(judged(&yes(), &named(yes(), unsure.clone())), Imported::Unknown { why });
    assert_eq!(judged(&unsure, &named(yes(), Flags::new())).known(), Some(false), "a no is a no");
    let known = judge(&flags(&other, Flag::No), &[], [&one].into_iter());
    assert_eq!(known.len(), 2, "what is only in the database is told too");
}

fn any_cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        Just(Cell::Other),
        (-2_i64..3).prop_map(Cell::Integer),
        "[a-z0-9]{0,5}".prop_map(Cell::Text),
    ]
}

proptest! {
    #[test]
    fn one_row_that_is_no_yes_is_enough(cells in prop::collection::vec(any_cell(), 1..6)) {
        let rows: Vec<Vec<Cell>> =
            cells.iter().map(|cell| vec![text("p001"), text("20250104"), cell.clone()]).collect();
        let table = Table { columns: vec!["a".into(), "b".into(), "c".into()], rows };
        let flags = read(&table, true).unwrap();
        let all_yes = cells.iter().all(|cell| flag(cell) == Flag::Yes);
        prop_assert_eq!(flags[&key("p001", "20250104")] == Flag::Yes, all_yes);
    }
}
