use super::*;
use crate::runbook::view::RunId;
use crate::standin::desk::Desk;

const DAY: u64 = 24 * 60 * 60;

fn pool(every: Option<u64>) -> Pool {
    let every = every.map(|days| format!("drill_every = \"{days}d\"")).unwrap_or_default();
    let text = format!(
        "name = \"f\"\n[hosts.a]\naddress = \"192.0.2.1\"\n[hosts.b]\naddress = \"192.0.2.2\"\n[hosts.s]\naddress = \"192.0.2.3\"\n\
         [hosts.t]\naddress = \"192.0.2.4\"\n[pools.p]\nprotects = [\"a\", \"b\"]\nspares = [\"s\", \"t\"]\nfence = \"none\"\n\
         takeover = \"r\"\ndrill = \"r\"\n{every}\n[runbooks.r]\nsteps = [{{ kind = \"command\", on = \"spare\", run = \"true\" }}]\n"
    );
    let loaded = crate::fleet::load(text.as_bytes(), std::path::Path::new("/nowhere/fleet.toml"));
    let fleet = loaded.fleet.expect("a fleet");
    fleet.pools.first().expect("a pool").clone()
}

fn view(pool: &Pool) -> PoolView {
    let mut view = PoolView::clone(&Desk::new(pool, Timestamp::UNIX_EPOCH).view());
    for spare in &mut view.spares {
        spare.state = SpareState::Ready;
    }
    view
}

fn at(days: u64) -> Timestamp {
    Timestamp::from_second(i64::try_from(days * DAY).expect("small")).expect("a time")
}

fn drill(host: &str, spare: &str, days: u64, state: RunState) -> Past {
    Past {
        run: RunId(days),
        purpose: Purpose::Drill,
        host: host.into(),
        spare: spare.into(),
        at: at(days),
        state,
        seconds: 1.0,
        promised: Some(180.0),
    }
}

#[test]
fn hosts_and_spares_take_turns() {
    let pool = pool(Some(7));
    let view = view(&pool);
    let mut past: Vec<Past> = Vec::new();
    let mut turns = Vec::new();
    for round in 0..5 {
        let now = at(100 + round * 7);
        let (host, spare) = turn(&pool, &view, &past, now).expect("due");
        assert_eq!(turn(&pool, &view, &[drill(&host, &spare, 100 + round * 7, RunState::Undone)], now), None);
        turns.push(format!("{host}{spare}"));
        past.insert(0, drill(&host, &spare, 100 + round * 7, RunState::Done));
    }
    assert_eq!(turns, ["as", "at", "bs", "bt", "as"]);
}

#[test]
fn nothing_begins_by_itself_unless_all_is_well() {
    let pool = pool(Some(7));
    let well = view(&pool);
    assert!(turn(&pool, &well, &[], at(100)).is_some());
    for stand in [Stand::Suspect, Stand::Failing, Stand::Waiting, Stand::StoodIn, Stand::Returned] {
        let mut view = well.clone();
        view.hosts[1].stand = stand;
        assert_eq!(turn(&pool, &view, &[], at(100)), None, "{stand:?}");
    }
    for state in [SpareState::Unready, SpareState::Active, SpareState::Failed, SpareState::Releasing] {
        let mut view = well.clone();
        view.spares[1].state = state;
        assert_eq!(turn(&pool, &view, &[], at(100)), None, "{state:?}");
    }
    let held = PoolView { held_back: vec!["paused by ana: lunch".into()], ..well.clone() };
    assert_eq!(turn(&pool, &held, &[], at(100)), None);
    assert_eq!(turn(&Pool { mode: Mode::Observe, ..pool.clone() }, &well, &[], at(100)), None);
    assert!(turn(&Pool { mode: Mode::Manual, ..pool.clone() }, &well, &[], at(100)).is_some());
    assert_eq!(turn(&self::pool(None), &well, &[], at(100)), None, "by hand only");
}

#[test]
fn who_promised_drills_is_told_when_they_are_overdue() {
    let pool = pool(Some(7));
    let said = |past: &[Past]| overdue(&pool, past, at(100));
    assert_eq!(said(&[]).as_deref(), Some("there was no drill yet, and one each 7 d is promised"));
    let failed = drill("a", "s", 99, RunState::Undone);
    assert!(said(std::slice::from_ref(&failed)).is_some_and(|said| said.starts_with("no drill went well yet")));
    assert_eq!(said(&[failed.clone(), drill("a", "s", 94, RunState::Done)]), None);
    assert!(said(&[failed, drill("a", "s", 93, RunState::Done)]).is_some_and(|said| said.contains("1970-04-04")));
    assert_eq!(overdue(&self::pool(None), &[], at(100)), None, "nothing was promised");
    assert_eq!(every(&self::pool(None)), Some(LONG));
}

#[test]
fn a_drill_is_broken_off_for_a_host_that_is_gone() {
    let pool = pool(Some(7));
    let mut view = view(&pool);
    assert_eq!(broken_off(&view), None);
    view.hosts[0].stand = Stand::Suspect;
    assert_eq!(broken_off(&view), None, "a suspicion is not enough");
    view.hosts[0].stand = Stand::Waiting;
    assert_eq!(broken_off(&view).as_deref(), Some("a is gone: the spare is needed"));
}
