use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;

fn line(participant: &str, day: Date, bytes: u64, flags: (bool, bool, bool)) -> Arc<Line> {
    let (safe, wrong, busy) = flags;
    let key = Key { participant: participant.into(), date: day };
    let words = [("safe", safe), ("wrong", wrong), ("busy", busy)].map(|(word, holds)| if holds { word } else { "" });
    Arc::new(Line {
        text: format!("{participant} {} {day} {}", key.day(), words.join(" ")).to_lowercase().into(),
        key,
        on_disk: true,
        files: 1,
        bytes,
        changed: Timestamp::from_second(i64::try_from(bytes).unwrap_or(0)).ok(),
        verified: (!bytes.is_multiple_of(3))
            .then(|| Timestamp::from_second(i64::try_from(bytes % 7).unwrap_or(0)).unwrap()),
        safe,
        wrong,
        busy,
    })
}

fn few() -> Vec<Arc<Line>> {
    let mut lines = vec![
        line("p001", date(2025, 1, 4), 10, (true, false, false)),
        line("TF47", date(2025, 1, 4), 30, (false, true, false)),
        line("p002", date(2025, 1, 3), 20, (true, false, false)),
        line("p001", date(2025, 1, 2), 40, (false, false, true)),
    ];
    lines.sort_by(|one, other| one.key.cmp(&other.key));
    lines
}

fn names(lines: &[Arc<Line>], ask: &Ask) -> Vec<String> {
    select(lines, ask).order.iter().map(|at| lines[*at as usize].key.to_string()).collect()
}

#[test]
fn words_are_held_or_excluded() {
    let found = |filter: &str| {
        let ask = Ask { filter: filter.into(), sort: Sort::Date, ..Ask::default() };
        names(&few(), &ask)
    };
    assert_eq!(found("p001"), ["p001/20250104", "p001/20250102"]);
    assert_eq!(found("tf"), ["TF47/20250104"], "whatever the case");
    assert_eq!(found("2025-01-04 safe"), ["p001/20250104"]);
    assert_eq!(found("20250104 !safe"), ["TF47/20250104"]);
    assert_eq!(found("!p !wrong"), Vec::<String>::new());
    assert_eq!(found("  ").len(), 4);
    assert_eq!(found("!").len(), 4, "a word that is still being typed excludes nothing");
}

#[test]
fn each_order_is_what_its_name_says() {
    let lines = few();
    let by = |sort| names(&lines, &Ask { sort, ..Ask::default() });
    assert_eq!(by(Sort::Date), ["TF47/20250104", "p001/20250104", "p002/20250103", "p001/20250102"]);
    assert_eq!(by(Sort::Trouble), ["p001/20250102", "TF47/20250104", "p001/20250104", "p002/20250103"]);
    assert_eq!(by(Sort::Participant), ["TF47/20250104", "p001/20250104", "p001/20250102", "p002/20250103"]);
    assert_eq!(by(Sort::Size), ["p001/20250102", "TF47/20250104", "p002/20250103", "p001/20250104"]);
    assert_eq!(by(Sort::Safe), ["p002/20250103", "p001/20250104", "p001/20250102", "TF47/20250104"]);
    assert_eq!(by(Sort::Changed), by(Sort::Size));
    assert_eq!(by(Sort::Verified)[0], "TF47/20250104", "never verified before all");
}

#[test]
fn a_window_follows_its_key_wherever_it_stands_now() {
    let lines: Vec<_> = (1..=28)
        .map(|day| line("p1", date(2025, 2, day), u64::from(day.unsigned_abs()), (false, false, false)))
        .collect();
    let ask = |offset, limit, at: Option<i8>| Ask {
        sort: Sort::Date,
        offset,
        limit,
        at: at.map(|day| Key { participant: "p1".into(), date: date(2025, 2, day) }),
        ..Ask::default()
    };
    let at = |ask: &Ask| window(&lines, &select(&lines, ask), ask);
    assert_eq!(at(&ask(0, 10, None)), (0, 10));
    assert_eq!(at(&ask(25, 10, None)), (18, 28), "a window is full as long as there are rows");
    assert_eq!(at(&ask(0, 10, Some(14))), (9, 19));
    assert_eq!(at(&ask(0, 10, Some(28))), (0, 10));
    assert_eq!(at(&ask(u64::MAX, u32::MAX, None)), (0, 28));
    let gone = Ask { at: Some(Key { participant: "x".into(), date: date(2025, 2, 1) }), ..ask(3, 5, None) };
    assert_eq!(at(&gone), (3, 8));
}

fn lines() -> impl Strategy<Value = Vec<Arc<Line>>> {
    let one = ("[pq][0-3]", 0_i32..6, 0_u64..9, any::<(bool, bool, bool)>()).prop_map(|(name, day, bytes, flags)| {
        line(&name, date(2025, 1, 1).saturating_add(jiff::Span::new().days(day)), bytes, flags)
    });
    proptest::collection::vec(one, 0..40).prop_map(|mut lines| {
        lines.sort_by(|one, other| one.key.cmp(&other.key));
        lines.dedup_by(|one, other| one.key == other.key);
        lines
    })
}

fn sorts() -> impl Strategy<Value = Sort> {
    use Sort::{Changed, Date, Participant, Safe, Size, Trouble, Verified};
    proptest::sample::select(vec![Trouble, Date, Participant, Size, Safe, Verified, Changed])
}

proptest! {
    #[test]
    fn what_is_selected_is_what_one_would_pick_by_hand(
        lines in lines(),
        filter in "(!?(p1|q|safe|wrong|2025010[1-6]) ){0,3}",
        safe in any::<bool>(),
        sort in sorts(),
        reversed in any::<bool>(),
    ) {
        let ask = Ask { filter: filter.clone(), safe, sort, reversed, ..Ask::default() };
        let chosen = select(&lines, &ask);
        let holds = |line: &Line| filter.split_whitespace().all(|word| match word.strip_prefix('!') {
            Some(word) => !line.text.contains(word),
            None => line.text.contains(word),
        });
        let mut expected: Vec<u32> = (0_u32..).zip(&lines).filter(|(_, line)| holds(line) && (line.safe || !safe)).map(|(at, _)| at).collect();
        let mut got = chosen.order.clone();
        got.sort_unstable();
        prop_assert_eq!(&got, &expected);
        let by = |one: &u32, other: &u32| {
            let (one, other) = (&lines[*one as usize], &lines[*other as usize]);
            let newest = other.key.date.cmp(&one.key.date).then_with(|| one.key.participant.cmp(&other.key.participant));
            match sort {
                Sort::Trouble => other.busy.cmp(&one.busy).then(other.wrong.cmp(&one.wrong)),
                Sort::Date => std::cmp::Ordering::Equal,
                Sort::Participant => one.key.participant.cmp(&other.key.participant),
                Sort::Size => other.bytes.cmp(&one.bytes),
                Sort::Safe => other.safe.cmp(&one.safe).then(other.bytes.cmp(&one.bytes)),
                Sort::Verified => one.verified.cmp(&other.verified),
                Sort::Changed => other.changed.cmp(&one.changed),
            }.then(newest)
        };
        expected.sort_by(by);
        if reversed {
            expected.reverse();
        }
        prop_assert_eq!(chosen.order, expected);
    }

    #[test]
    fn sums_can_be_taken_back(lines in lines()) {
        let mut totals = Totals::default();
        for line in &lines {
            line.add_to(&mut totals);
        }
        prop_assert_eq!(totals, select(&lines, &Ask::default()).totals);
        for line in &lines {
            line.take_from(&mut totals);
        }
        prop_assert_eq!(totals, Totals::default());
    }
}
