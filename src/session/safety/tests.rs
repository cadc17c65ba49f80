use jiff::ToSpan;
use proptest::prelude::*;

use super::*;

/// All that a case borrows.
#[derive(Debug, Clone)]
struct Known {
    side: SideState,
    source: Option<Facts>,
    odd: Vec<Odd>,
    copies: Vec<(String, SideState, CopyView, Vec<Different>)>,
    imported: Imported,
    busy: Vec<String>,
    settle: Duration,
    now: Timestamp,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn facts(changed: i64) -> Facts {
    Facts { videos: 1, files: 3, bytes: 100, changed: Some(at(changed)), digest: [7; 16], state: [8; 16], odd: 0 }
}

fn copy_of(changed: i64, verified: i64) -> CopyView {
    CopyView {
        state: CopyState::Same,
        facts: Some(Facts { state: [9; 16], ..facts(changed) }),
        verified: Some(Verified {
            level: Level::Content,
            at: at(verified),
            ok: true,
            read: Some("from the disk".into()),
            from_storage: true,
            problems: 0,
            source: Some([8; 16]),
            copy: [9; 16],
        }),
    }
}

/// Recorded at 0, copied at 100, verified at 200, asked at 1000.
fn good() -> Known {
    let copies = ["Network", "Stick"].map(|name| (name.to_owned(), SideState::Ready, copy_of(100, 200), Vec::new()));
    Known {
        side: SideState::Ready,
        source: Some(facts(0)),
        odd: Vec::new(),
        copies: copies.into(),
        imported: Imported::Yes,
        busy: Vec::new(),
        settle: Duration::from_secs(120),
        now: at(1000),
    }
}

impl Known {
    fn judge<T>(&self, look: impl FnOnce(&Case<'_>) -> T) -> T {
        let copies: Vec<Copy<'_>> =
            self.copies.iter().map(|(name, state, view, differs)| Copy { name, state, view, differs }).collect();
        look(&Case {
            side: &self.side,
            source: self.source.as_ref(),
            odd: &self.odd,
            copies: &copies,
            imported: &self.imported,
            busy: &self.busy,
            settle: self.settle,
            now: self.now,
        })
    }

    fn why(&self) -> Vec<String> {
        let why = self.judge(why_not);
        assert_eq!(why.is_empty(), self.judge(safe), "both say the same");
        why
    }

    fn verified(&mut self) -> &mut Verified {
        self.copies[1].2.verified.as_mut().unwrap()
    }
}

fn trouble(word: &str) -> SideState {
    SideState::Trouble { word: word.into(), why: "/mnt/x does not answer".into(), remedy: "look at the server".into() }
}

type Break = (&'static str, fn(&mut Known));

/// Every way to break one condition, with what is then said.
fn breaks() -> Vec<Break> {
    vec![
        ("being copied", |k| k.busy.push("being copied".into())),
        ("source: not looked at yet; refresh", |k| k.side = SideState::Unknown),
        ("source: no folder: /mnt/x does not answer; look at the server", |k| k.side = trouble("no folder")),
        ("nothing lies on this computer", |k| k.source = None),
        ("the folder holds no files, so nothing can be proven of it; look into it", |k| {
            k.source.as_mut().unwrap().files = 0;
            k.copies.iter_mut().for_each(|copy| copy.2.facts.as_mut().unwrap().files = 0);
        }),
        ("a is a fifo, which no copy can hold; move it out of the session", |k| {
            k.odd.push(Odd { path: "a".into(), what: "a fifo".into() });
        }),
        ("2 things are no regular files, so no copy can hold them; move them out", |k| {
            k.source.as_mut().unwrap().odd = 2;
        }),
        ("recorded 40 s ago, quiet for 2 min is needed; wait", |k| k.now = at(40)),
        ("its files carry times 3 d in the future; set the clock right, or `touch` them", |k| {
            k.source.as_mut().unwrap().changed = Some(at(1000 + 86_400 * 3));
        }),
        ("it is not known when it was last written to; refresh", |k| k.source.as_mut().unwrap().changed = None),
        ("no destination is declared, so there is no copy; declare one", |k| k.copies.clear()),
        ("Stick: stale: /mnt/x does not answer; look at the server", |k| k.copies[1].1 = trouble("stale")),
        ("Stick: not looked at yet; refresh", |k| k.copies[1].1 = SideState::Unknown),
        ("Stick: the copy is unknown: stale", |k| k.copies[1].2.state = CopyState::Unknown { why: "stale".into() }),
        ("Stick: no copy; sync it", |k| k.copies[1].2.state = CopyState::None),
        ("Stick: no copy; sync it", |k| k.copies[1].2.facts = None),
        ("Stick: the copy has other names or sizes than the source; sync it", |k| {
            k.copies[1].2.state = CopyState::Differs;
        }),
        ("Stick: the copy has other names or sizes than the source; sync it", |k| {
            k.copies[1].2.state = CopyState::Alone;
        }),
        ("Stick: the copy has other names or sizes than the source; sync it", |k| {
            k.copies[1].2.facts.as_mut().unwrap().digest = [1; 16];
        }),
        ("Stick: the copy has other names or sizes than the source; sync it", |k| {
            k.copies[1].2.facts.as_mut().unwrap().bytes = 99;
        }),
        ("Stick: walk.mp4: size differs", |k| {
            k.copies[1].3.push(Different { path: "walk.mp4".into(), reason: "size".into() });
        }),
        ("Stick: walk.mp4: missing", |k| {
            k.copies[1].2.state = CopyState::Differs;
            k.copies[1].3.push(Different { path: "walk.mp4".into(), reason: "missing".into() });
        }),
        ("Stick: never verified; sync it", |k| k.copies[1].2.verified = None),
        ("Stick: verified by sizes only; verify by content", |k| k.verified().level = Level::Sizes),
        ("Stick: verified by number only; verify by content", |k| k.verified().level = Level::Count),
        ("Stick: the last verification failed; verify again", |k| k.verified().ok = false),
        ("Stick: verified bytes may have come from memory and not from its storage; verify again", |k| {
            k.verified().from_storage = false;
        }),
        ("Stick: verified while the source was not there; verify again", |k| k.verified().source = None),
        ("Stick: the source is not as it was verified; sync again", |k| k.verified().source = Some([1; 16])),
        ("Stick: the copy is not as it was verified; verify again", |k| k.verified().copy = [1; 16]),
        ("Network: verified 3 h before the source last changed; verify again", |k| {
            k.source.as_mut().unwrap().changed = Some(at(200 + 3 * 3600));
            k.now = at(100_000);
        }),
        ("Stick: the copy is not as it was verified; verify again", |k| {
            k.copies[1].2.facts.as_mut().unwrap().changed = Some(at(200));
        }),
        ("Stick: verified 8 min in the future; set the clock right and verify again", |k| k.verified().at = at(1500)),
        ("Stick: the copy carries times 8 min in the future; set the clocks right on both sides", |k| {
            k.copies[1].2.facts.as_mut().unwrap().changed = Some(at(1500));
            k.verified().at = at(900);
        }),
        ("not imported: no such session", |k| {
            k.imported = Imported::No { short: "no such session".into(), why: Vec::new() };
        }),
        ("not imported: walk: camera 17391304 is missing", |k| {
            let why = vec!["walk: camera 17391304 is missing".into()];
            k.imported = Imported::No { short: "2 of 3".into(), why };
        }),
        ("imported unknown: the database did not answer in 5 s", |k| {
            k.imported = Imported::Unknown { why: "the database did not answer in 5 s".into() };
        }),
        ("no `imported` is declared, so nothing proves it; see [sessions.NAME] in docs/fleet-file.md", |k| {
            k.imported = Imported::NotAsked;
        }),
    ]
}

#[test]
fn every_single_condition_that_is_broken_is_said() {
    assert_eq!(good().why(), Vec::<String>::new());
    for (said, spoil) in breaks() {
        let mut known = good();
        spoil(&mut known);
        let why = known.why();
        assert!(why.iter().any(|why| why == said), "{said}: {why:?}");
    }
}

#[test]
fn the_nearest_reason_comes_first() {
    let mut known = good();
    known.busy.push("being copied".into());
    known.imported = Imported::NotAsked;
    assert_eq!(known.judge(|case| reasons(case)[0].to_string()), "being copied");
}

#[test]
fn where_nothing_lies_here_nothing_else_is_said_of_copies() {
    let mut known = good();
    known.source = None;
    known.copies[0].2.state = CopyState::Alone;
    known.copies[1].2 = CopyView { state: CopyState::None, facts: None, verified: None };
    assert_eq!(known.why(), ["nothing lies on this computer"]);
    known.copies[1].1 = trouble("stale");
    assert_eq!(known.why(), ["nothing lies on this computer"]);
    // What lies on a disk that does not answer is not known.
    known.side = trouble("stale");
    assert!(known.why()[0].starts_with("source: stale"), "{:?}", known.why());
    assert_eq!(known.why().len(), 2);
}

#[test]
fn a_file_that_differs_speaks_against_a_copy_that_is_called_the_same() {
    let mut known = good();
    known.copies[0].3.push(Different { path: "a".into(), reason: "content".into() });
    assert_eq!(known.why(), ["Network: a: content differs"]);
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (-300_i64..2_000).prop_map(at),
        1 => (-62_000_000_000_i64..250_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap()),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
    ]
}

fn mostly<T: Clone + std::fmt::Debug>(usual: T, other: T) -> impl Strategy<Value = T> {
    prop_oneof![8 => Just(usual), 1 => Just(other)]
}

prop_compose! {
    fn any_facts()(
        files in mostly(3_u32, 0), bytes in mostly(100_u64, 101), digest in mostly([7; 16], [6; 16]),
        state in mostly([8; 16], [5; 16]), odd in mostly(0_u32, 1),
        changed in prop_oneof![1 => Just(None), 12 => moment().prop_map(Some)],
    ) -> Facts {
        Facts { videos: 1, files, bytes, changed, digest, state, odd }
    }
}

prop_compose! {
    fn any_verified()(
        level in mostly(Level::Content, Level::Sizes), at in moment(), ok in mostly(true, false),
        from_storage in mostly(true, false), source in mostly(Some([8; 16]), None), copy in mostly([8; 16], [4; 16]),
    ) -> Verified {
        Verified { level, at, ok, read: None, from_storage, problems: 0, source, copy }
    }
}

prop_compose! {
    fn any_copy()(
        side in mostly(SideState::Ready, trouble("stale")), state in mostly(CopyState::Same, CopyState::Differs),
        facts in prop_oneof![8 => any_facts().prop_map(Some), 1 => Just(None)],
        verified in prop_oneof![8 => any_verified().prop_map(Some), 1 => Just(None)],
    ) -> (String, SideState, CopyView, Vec<Different>) {
        ("Network".into(), side, CopyView { state, facts, verified }, Vec::new())
    }
}

prop_compose! {
    fn any_known()(
        side in mostly(SideState::Ready, SideState::Unknown),
        source in prop_oneof![8 => any_facts().prop_map(Some), 1 => Just(None)],
        copies in prop::collection::vec(any_copy(), 0..3),
        imported in mostly(Imported::Yes, Imported::Unknown { why: "silent".into() }),
        busy in mostly(Vec::new(), vec!["being copied".into()]),
        settle in 0_u64..400, now in moment(),
    ) -> Known {
        Known { side, source, odd: Vec::new(), copies, imported, busy, settle: Duration::from_secs(settle), now }
    }
}

/// Safe as rule 26 has it, written down a second time without a thought for reasons.
fn proven(known: &Known) -> bool {
    let Some(source) = known.source else { return false };
    let Some(changed) = source.changed else { return false };
    let quiet = known.settle.as_secs().try_into().unwrap_or(i64::MAX);
    changed <= known.now
        && changed.checked_add(quiet.seconds()).is_ok_and(|settled| settled <= known.now)
        && known.side == SideState::Ready
        && known.busy.is_empty()
        && known.odd.is_empty()
        && source.odd == 0
        && source.files > 0
        && known.imported == Imported::Yes
        && !known.copies.is_empty()
        && known.copies.iter().all(|(_, side, view, differs)| {
            let (Some(facts), Some(verified)) = (view.facts, &view.verified) else { return false };
            *side == SideState::Ready
                && differs.is_empty()
                && view.state == CopyState::Same
                && facts.digest == source.digest
                && facts.bytes == source.bytes
                && facts.files == source.files
                && verified.ok
                && verified.level == Level::Content
                && verified.from_storage
                && verified.source == Some(source.state)
                && verified.copy == facts.state
                && changed < verified.at
                && facts.changed.is_some_and(|changed| changed < verified.at)
                && verified.at <= known.now
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn safe_is_what_the_rule_proves_and_nothing_else(known in any_known()) {
        prop_assert_eq!(known.judge(safe), proven(&known));
    }

    #[test]
    fn any_break_of_a_safe_case_makes_it_unsafe(known in any_known(), which in 0..breaks().len()) {
        let mut safe_one = good();
        safe_one.settle = known.settle;
        prop_assert!(safe_one.judge(safe));
        breaks()[which].1(&mut safe_one);
        // With no time to settle, a look shortly after the recording is only wrong about the verification.
        prop_assert!(!safe_one.judge(safe));
    }

    #[test]
    fn a_clock_set_to_any_time_never_makes_an_unsafe_case_safe(known in any_known(), now in moment()) {
        let later = Known { now, ..known.clone() };
        if later.judge(safe) && !known.judge(safe) {
            // Only time may have been missing: what was written must lie before the verification in both.
            let source = known.source.unwrap().changed.unwrap();
            prop_assert!(known.copies.iter().all(|copy| copy.2.verified.as_ref().unwrap().at > source));
            prop_assert!(now >= source);
        }
    }
}
