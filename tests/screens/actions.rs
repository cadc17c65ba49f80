//! Every action of the table is reached by its key, or by the palette, and does what its doc says.

use std::sync::Arc;

use hotspare::console::action::{Action, Danger, Invocation, Scope};
use hotspare::console::app::Effect;
use hotspare::console::keymap::written;
use hotspare::console::library::{Kind, Library};
use hotspare::console::modal::Possible;
use hotspare::console::pane::PaneId;
use hotspare::dump::worker::hands::Pick;
use hotspare::engine::command::{Command, Query, Which};
use hotspare::health::view::Health;
use hotspare::runbook::view::RunId;
use hotspare::session::key::Key;
use hotspare::session::view::Level;
use hotspare::work::view::{JobId, JobState};
use ratatui::crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::fixture::{FakeClient, LONG_LINE, ago, archive, dumps, feeds, harbour, mocap, noon, pools, runs, services};
use crate::stage::Stage;

/// A stage on which the action can be done.
fn stage_for(action: Action, keymap: &str, read_only: bool) -> Stage {
    if action.spec().scope == Scope::Pools {
        let scene = match action {
            Action::Giveback => "returned",
            Action::Unpause => "paused",
            Action::Clear | Action::Acknowledge => "failed-spare",
            Action::Resume | Action::Abandon => "interrupted",
            Action::AnswerStep => "asking",
            _ => "host-gone",
        };
        let mut stage = Stage::over(pools::client(scene, noon()), "dark", keymap, read_only);
        stage.app.focus = PaneId::Pools;
        return stage;
    }
    if action.spec().scope == Scope::Feeds {
        let mut stage = Stage::over(feeds::client("all", noon()), "dark", keymap, read_only);
        stage.app.focus = PaneId::Lag;
        stage.settle();
        return stage;
    }
    if action.spec().scope == Scope::Dumps {
        let mut stage = Stage::over(dumps::client("good", noon()), "dark", keymap, read_only);
        stage.app.focus = PaneId::Lag;
        stage.settle();
        return stage;
    }
    if action.spec().scope == Scope::Runs {
        let scene = if matches!(action, Action::RunAnswer | Action::RunLook) { "asking" } else { "interrupted" };
        let mut stage = Stage::over(runs::client(scene, noon()), "dark", keymap, read_only);
        if matches!(action, Action::RunResume | Action::RunAbandon) {
            stage.app.call(&Action::Runs.into());
            stage.settle();
        }
        return stage;
    }
    if action.spec().scope == Scope::Services || action == Action::Services {
        let scene = if action == Action::MaintainService { "free" } else { "held" };
        let mut stage = Stage::over(services::client(scene, noon()), "dark", keymap, read_only);
        if action != Action::Services {
            stage.app.call(&Action::Services.into());
            stage.settle();
        }
        return stage;
    }
    if action.spec().scope == Scope::Sessions || action == Action::Hold {
        return recordings_for(action, keymap, read_only);
    }
    let mut stage = Stage::with(harbour(noon()), "dark", keymap, read_only);
    match action {
        Action::Start => return stage.lost(),
        Action::EndMaintenance => _ = stage.press("down down"),
        Action::Cancel => stage.app.focus = PaneId::Jobs,
        Action::Back => stage.app.zoomed = true,
        Action::Up | Action::First | Action::PageUp => _ = stage.press("end"),
        _ => {}
    }
    stage
}

/// A stage with sessions, on which the action can be done.
fn recordings_for(action: Action, keymap: &str, read_only: bool) -> Stage {
    let fleet = if action == Action::ChooseStore { archive(noon(), 200) } else { mocap(noon()) };
    let mut stage = Stage::over(FakeClient::with(fleet.0, fleet.1), "dark", keymap, read_only);
    stage.app.focus = if action == Action::Hold { PaneId::Jobs } else { PaneId::Sessions };
    if action == Action::Delete {
        stage.app.call(&Invocation { action: Action::Filter, argument: Some("p013 20261118".into()) });
        stage.settle();
    }
    stage
}

/// What was sent, beside the checks before it.
fn in_earnest(stage: &mut Stage) -> Vec<Command> {
    let mut sent = stage.sent();
    sent.retain(|command| {
        !matches!(
            command,
            Command::SessionDelete { dry_run: true, .. }
                | Command::PoolTakeover { dry_run: true, .. }
                | Command::PoolGiveback { dry_run: true, .. }
                | Command::PoolDrill { dry_run: true, .. }
                | Command::Run { dry_run: true, .. }
                | Command::FeedPrepare { dry_run: true, .. }
                | Command::DumpRestore { dry_run: true, .. }
        )
    });
    sent
}

/// Calls the action as a person would: by its first key without an argument, else by its name in the palette.
fn call(stage: &mut Stage, action: Action) {
    let bindings = &stage.app.look.keymap.bindings;
    let own = bindings.iter().find(|binding| binding.invocation == action.into());
    if let Some(keys) = own.map(|binding| written(&binding.keys)) {
        stage.press(&keys);
    } else {
        let palette = stage.app.look.keymap.key_of(Action::Palette).expect("every keymap has a palette");
        stage.press(&palette).press(&format!("text:{}", action.spec().id));
        stage.press("enter");
    }
    if action == Action::RunBegin && !stage.app.modals.is_empty() {
        // Which one is asked for first.
        stage.press("text:rolling-update").press("enter");
    }
}

fn message(stage: &Stage) -> String {
    stage.app.toasts.history().next().map(|toast| toast.text.clone()).unwrap_or_default()
}

/// What must be true after it. The match has an arm for every action: a new one cannot be left out.
#[expect(clippy::too_many_lines, reason = "an arm for every action")]
fn check(stage: &mut Stage, action: Action) {
    let screen = stage.text();
    let position = stage.app.lists[PaneId::Hosts as usize].position();
    match action {
        Action::Help => assert!(screen.contains("All keys") && screen.contains("Leaves the console")),
        Action::Palette => assert!(screen.contains("Command")),
        Action::Quit => assert_eq!(stage.effects, [Effect::Quit]),
        Action::Suspend => assert_eq!(stage.effects, [Effect::Suspend]),
        Action::Redraw => assert_eq!(stage.effects, [Effect::Redraw]),
        Action::NextPane => assert_eq!(stage.app.focus, PaneId::Jobs),
        Action::PreviousPane => assert_eq!(stage.app.focus, PaneId::Journal),
        Action::ShowPane => assert!(screen.contains("pane.show") && screen.contains("journal")),
        Action::Zoom => assert!(stage.app.zoomed && screen.contains("2 Jobs")),
        Action::Back => assert!(!stage.app.zoomed),
        Action::Freeze => assert!(screen.contains("frozen by you")),
        Action::Problems => assert!(screen.contains("What is wrong") && screen.contains("✗ studio-2 down")),
        Action::Messages => assert!(screen.contains("Messages")),
        Action::Log => assert!(screen.contains("Hosts › Log") && screen.contains("listening on engine.sock")),
        Action::Logs => {
            assert!(screen.contains("Hosts › logs of studio-2") && screen.contains("no connection within 5 s"));
        }
        Action::Configs => assert!(screen.contains("configuration files of studio-2") && screen.contains("nginx.conf")),
        Action::FetchConfigs => assert_eq!(stage.sent(), [Command::ConfigNow { config: None }]),
        Action::Copy => {
            let copied = matches!(&stage.effects[..], [Effect::Copy(text)] if text.starts_with("✗ studio-2  down"));
            assert!(copied, "{:?}", stage.effects);
        }
        Action::UseTheme => assert!(screen.contains("high-contrast")),
        Action::UseKeymap => assert!(screen.contains("function-keys")),
        Action::Mouse => assert_eq!(stage.effects, [Effect::Mouse(true)]),
        Action::Bell => assert!(stage.app.choices.bell),
        Action::Announce => assert!(stage.app.choices.announce),
        Action::Down => assert_eq!(position, 1),
        Action::Up => assert_eq!(position, 4),
        Action::PageDown | Action::Last => assert_eq!(position, 5),
        Action::PageUp | Action::First => assert_eq!(position, 0),
        Action::Open => {
            assert!(screen.contains("Hosts › studio-2"));
            let queries = stage.client.queries.lock().unwrap();
            assert_eq!(*queries, [Query::History { host: "studio-2".into() }]);
        }
        Action::Filter => assert!(screen.contains("word without")),
        Action::Sort => assert!(screen.contains("by name ↑")),
        Action::Reverse => assert!(screen.contains("by trouble ↓")),
        Action::Mark => assert!(screen.contains("◆ 1 marked")),
        Action::MarkAll => assert!(screen.contains("◆ 6 marked")),
        Action::Probe => assert_eq!(stage.sent(), [Command::ProbeNow { hosts: vec!["studio-2".into()] }]),
        Action::ProbeAll => assert_eq!(stage.sent(), [Command::ProbeNow { hosts: Vec::new() }]),
        Action::Maintain => {
            stage.press("text:new fan").press("enter enter");
            let until = ago(noon(), -7200);
            let host = "studio-2".to_owned();
            assert_eq!(stage.sent(), [Command::Maintain { host, why: "new fan".into(), until }]);
        }
        Action::EndMaintenance => {
            stage.press("tab enter");
            assert_eq!(stage.sent(), [Command::EndMaintenance { host: "cupola-2".into() }]);
        }
        Action::Cancel => {
            stage.press("text:8").press("enter");
            assert_eq!(stage.sent(), [Command::Cancel { job: JobId(8) }]);
        }
        Action::Takeover
        | Action::Giveback
        | Action::Drill
        | Action::Pause
        | Action::Unpause
        | Action::Swear
        | Action::Clear
        | Action::Acknowledge
        | Action::Resume
        | Action::Abandon
        | Action::AnswerStep
        | Action::Why => check_pools(stage, action, &screen),
        Action::CarryNow | Action::Compare | Action::Repair | Action::Prepare | Action::StartOver => {
            check_feeds(stage, action);
        }
        Action::MakeKit | Action::VerifyKits | Action::DrillKit | Action::Eject | Action::RestoreKit => {
            check_dumps(stage, action);
        }
        Action::Runs
        | Action::RunBegin
        | Action::RunAnswer
        | Action::RunLook
        | Action::RunResume
        | Action::RunAbandon => {
            check_runs(stage, action, &screen);
        }
        Action::Services
        | Action::Look
        | Action::MaintainService
        | Action::Release
        | Action::StopModule
        | Action::ForceRelease => check_services(stage, action, &screen),
        Action::Sync
        | Action::Verify
        | Action::Delete
        | Action::DeleteSafe
        | Action::Refresh
        | Action::Limit
        | Action::ChooseStore => check_sessions(stage, action, &screen),
        Action::Hold => {
            assert_eq!(stage.sent(), [Command::Hold { job: JobId(12), held: true }]);
            assert!(screen.contains("paused"), "{screen}");
        }
        Action::Note => {
            stage.press("text:fan ordered").press("enter");
            assert_eq!(stage.sent(), [Command::Note { text: "fan ordered".into() }]);
        }
        Action::VerifyJournal => assert_eq!(stage.sent(), [Command::VerifyJournal]),
        Action::Doctor => assert_eq!(stage.sent(), [Command::Doctor]),
        Action::Reload => assert_eq!(stage.sent(), [Command::Reload]),
        Action::Start => assert_eq!(stage.effects, [Effect::Restart]),
        Action::Stop => {
            stage.press("text:harbour").press("enter");
            assert_eq!(stage.sent(), [Command::Stop { force: true }]);
        }
    }
}

/// The same for actions on sessions.
fn check_sessions(stage: &mut Stage, action: Action, screen: &str) {
    let one = |participant: &str, day: &str| Which::Keys { keys: vec![Key::new(participant, day).unwrap()] };
    let store = Some("mocap".to_owned());
    match action {
        Action::Sync => {
            stage.press("enter");
            let which = one("p014", "20261120");
            assert_eq!(stage.sent(), [Command::SessionSync { store, which, dry_run: false }]);
        }
        Action::Verify => {
            stage.press("down enter");
            let which = one("p014", "20261120");
            let level = Some(Level::Content);
            assert_eq!(stage.sent(), [Command::SessionVerify { store, which, level }]);
        }
        Action::Delete => {
            stage.press("text:DELETE").press("enter");
            let (which, phrase) = (one("p013", "20261118"), "DELETE".into());
            assert_eq!(
                in_earnest(stage),
                [Command::SessionDelete { store, which, dry_run: false, phrase, shown: Some(String::new()) }]
            );
        }
        Action::DeleteSafe => {
            stage.press("text:DELETE ALL").press("enter");
            let sent = in_earnest(stage);
            let [Command::SessionDelete { which: Which::Keys { keys }, phrase, .. }] = &sent[..] else {
                panic!("{sent:?}")
            };
            assert_eq!((keys.len(), phrase.as_str()), (16, "DELETE ALL"));
        }
        Action::Refresh => assert_eq!(stage.sent(), [Command::SessionRefresh { store }]),
        Action::Limit => {
            stage.press("text:80MiB/s").press("enter");
            let limit = Some(80 << 20);
            assert_eq!(stage.sent(), [Command::SessionLimit { store, limit }]);
            assert!(stage.text().contains("at most 83.9 MB/s"), "{}", stage.text());
        }
        Action::ChooseStore => assert!(screen.contains("session.store") && screen.contains("gait")),
        _ => panic!("{} is not about sessions", action.spec().id),
    }
}

/// The same for actions on runs that no pool asked for.
fn check_runs(stage: &mut Stage, action: Action, screen: &str) {
    let (runbook, run) = ("judicator-recovery".to_owned(), RunId(31));
    let expected = match action {
        Action::Runs => {
            return assert!(screen.contains("owes clean") && screen.contains("rolling-restart"), "{screen}");
        }
        Action::RunBegin => {
            stage.press("text:rolling-update").press("enter");
            Command::Run { runbook: "rolling-update".into(), set: std::collections::BTreeMap::new(), dry_run: false }
        }
        Action::RunLook => Command::LookAgain { run },
        Action::RunAnswer => {
            assert!(screen.contains("kv-3 no answer"), "{screen}");
            stage.press("right enter");
            Command::Answer { run, yes: false, step: Some("members".into()) }
        }
        Action::RunResume | Action::RunAbandon => {
            stage.press("text:judicator-recovery").press("enter");
            Command::RunMend { runbook, abandon: action == Action::RunAbandon }
        }
        _ => panic!("{} is not about runs", action.spec().id),
    };
    assert_eq!(in_earnest(stage), [expected]);
}

/// The same for actions on feeds. What is wrong stands first and is selected.
fn check_feeds(stage: &mut Stage, action: Action) {
    let feed = "orders".to_owned();
    let (keys, expected) = match action {
        Action::CarryNow => ("", Command::FeedRun { feed }),
        Action::Compare => ("", Command::FeedCheck { feed, repair: false }),
        Action::Repair => ("tab enter", Command::FeedCheck { feed, repair: true }),
        Action::Prepare => ("tab enter", Command::FeedPrepare { feed, dry_run: false }),
        Action::StartOver => {
            stage.press("text:orders");
            ("enter", Command::FeedReset { phrase: feed.clone(), feed })
        }
        _ => panic!("{} is not about feeds", action.spec().id),
    };
    stage.press(keys);
    assert_eq!(in_earnest(stage), [expected]);
}

/// The same for actions on dumps.
fn check_dumps(stage: &mut Stage, action: Action) {
    let dump = "meos".to_owned();
    let (keys, expected) = match action {
        Action::MakeKit => ("", Command::DumpNow { dump }),
        Action::VerifyKits => ("", Command::DumpVerify { dump, pick: None }),
        Action::DrillKit => ("", Command::DumpDrill { dump, pick: Pick::Newest }),
        Action::Eject => ("tab enter", Command::DumpEject { dump }),
        Action::RestoreKit => {
            stage.press("text:RESTORE").press("enter");
            let sent = in_earnest(stage);
            return assert!(
                matches!(&sent[..], [Command::DumpRestore { dump: named, dry_run: false, .. }] if *named == dump),
                "{sent:?}"
            );
        }
        _ => panic!("{} is not about dumps", action.spec().id),
    };
    stage.press(keys);
    assert_eq!(in_earnest(stage), [expected]);
}

/// The same for actions on services.
fn check_services(stage: &mut Stage, action: Action, screen: &str) {
    let service = "judicator".to_owned();
    let expected = match action {
        Action::Services => return assert!(screen.contains("mongod --port"), "{screen}"),
        Action::Look => {
            let asked = stage.client.queries.lock().unwrap();
            let count = asked.iter().filter(|query| **query == Query::Services).count();
            return assert_eq!(count, 2, "when it opens, and again");
        }
        Action::MaintainService => {
            stage.press("text:new disk").press("enter enter");
            let (why, until) = ("new disk".into(), ago(noon(), -3600));
            Command::ServiceHold { service, why, until, patience: 10 }
        }
        Action::Release => {
            stage.press("tab enter");
            Command::ServiceRelease { service, generation: None }
        }
        Action::StopModule => {
            stage.press("text:judicator").press("enter");
            Command::ServiceStop { service, module: None }
        }
        Action::ForceRelease => {
            stage.press("text:judicator").press("enter");
            Command::ServiceForce { phrase: service.clone(), service }
        }
        _ => panic!("{} is not about services", action.spec().id),
    };
    assert_eq!(in_earnest(stage), [expected]);
}

/// The same for actions on pools.
fn check_pools(stage: &mut Stage, action: Action, screen: &str) {
    let (pool, host, spare) = ("people-count".to_owned(), "studio-2".to_owned(), "studio-spare".to_owned());
    let (typed, expected) = match action {
        Action::Takeover => {
            let (failed, spare) = (Some(host.clone()), Some(spare));
            let phrase = host.clone();
            ("studio-2", Command::PoolTakeover { pool, failed, spare, dry_run: false, phrase })
        }
        Action::Giveback => {
            let phrase = host.clone();
            ("studio-2", Command::PoolGiveback { pool, host: Some(host), dry_run: false, phrase })
        }
        Action::Drill => ("people-count", Command::PoolDrill { pool, dry_run: false }),
        Action::Pause => {
            stage.press("text:new switch").press("enter");
            ("", Command::PoolPause { pool, why: "new switch".into(), until: ago(noon(), -1800) })
        }
        Action::Unpause | Action::Acknowledge => {
            stage.press("tab");
            let seen = action == Action::Acknowledge;
            ("", if seen { Command::PoolAcknowledge { pool } } else { Command::PoolUnpause { pool } })
        }
        Action::Swear => ("studio-2", Command::PoolSwear { pool, phrase: host.clone(), host }),
        Action::Clear => ("studio-spare", Command::PoolClear { pool, phrase: spare.clone(), spare }),
        Action::Resume => ("studio-2", Command::PoolResume { pool }),
        Action::Abandon => ("studio-2", Command::PoolAbandon { pool }),
        Action::AnswerStep => {
            stage.press("right right");
            ("", Command::Answer { run: RunId(12), yes: true, step: Some("cameras".into()) })
        }
        Action::Why => return assert!(screen.contains("Not done before") && screen.contains("needs: "), "{screen}"),
        _ => panic!("{} is not about pools", action.spec().id),
    };
    stage.press(&format!("text:{typed}")).press("enter");
    assert_eq!(in_earnest(stage), [expected], "{screen}");
}

#[test]
fn every_action_does_what_it_says_in_every_keymap() {
    for (keymap, _) in Library::default().list(Kind::Keymap) {
        for action in Action::all() {
            let mut stage = stage_for(action, &keymap, false);
            stage.effects.clear();
            call(&mut stage, action);
            println!("{keymap}: {}", action.spec().id);
            check(&mut stage, action);
        }
    }
}

#[test]
fn read_only_has_no_action_that_changes_anything() {
    for action in Action::all().filter(|action| action.spec().changes()) {
        let mut stage = stage_for(action, "default", true);
        call(&mut stage, action);
        assert_eq!(stage.sent(), [], "{}", action.spec().id);
        assert!(!stage.app.exists(action));
        let id = action.spec().id;
        let mut help = stage_for(action, "default", true).sized(120, 60);
        assert!(!help.press("?").text().contains(&format!(" {id} ")), "{id}");
    }
}

#[test]
fn a_dangerous_action_is_not_done_by_enter_by_a_paste_or_by_another_word() {
    for action in Action::all().filter(|action| action.spec().danger == Danger::Dangerous) {
        for wrong in ["enter", "tab enter", "y enter", "esc", "space enter", "tab tab enter"] {
            let mut stage = stage_for(action, "default", false);
            call(&mut stage, action);
            stage.press(wrong);
            assert_eq!(in_earnest(&mut stage), [], "{} {wrong}", action.spec().id);
        }
        let mut stage = stage_for(action, "default", false);
        call(&mut stage, action);
        for phrase in ["harbour", "8", "DELETE", "DELETE ALL", "studio-2", "studio-spare", "people-count"] {
            stage.event(Event::Paste(phrase.into()));
        }
        assert!(stage.text().contains("a paste is not taken here"));
        stage.press("enter");
        assert_eq!(in_earnest(&mut stage), []);
    }
}

#[test]
fn what_was_confirmed_is_done_whatever_happened_below() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("m").press("text:fan");
    // Another host goes down and floats to the top, under the question.
    let mut snapshot = harbour(noon());
    snapshot.seq = 2;
    Arc::make_mut(&mut Arc::make_mut(&mut snapshot.hosts)[0]).health = Health::Down;
    stage.app.snapshot(Arc::new(snapshot));
    stage.press("enter enter");
    assert!(matches!(&stage.sent()[..], [Command::Maintain { host, .. }] if host == "studio-2"));
}

#[test]
fn the_selection_stays_on_its_host_when_the_order_changes() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("down down down");
    let mut snapshot = harbour(noon());
    snapshot.seq = 2;
    Arc::make_mut(&mut Arc::make_mut(&mut snapshot.hosts)[3]).health = Health::Down;
    stage.app.snapshot(Arc::new(snapshot));
    stage.press("r");
    assert_eq!(stage.sent(), [Command::ProbeNow { hosts: vec!["studio-1".into()] }]);
}

#[test]
fn marked_hosts_are_probed_together() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("space space r");
    assert_eq!(stage.sent(), [Command::ProbeNow { hosts: vec!["nas".into(), "studio-2".into()] }]);
}

#[test]
fn a_filter_hides_and_back_brings_again() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("/").press("text:!up").press("enter");
    let text = stage.text();
    assert!(text.contains("studio-2") && !text.contains("studio-1") && text.contains("filter: !up"), "{text}");
    assert!(stage.press("esc").text().contains("studio-1"));
}

#[test]
fn the_palette_takes_arguments_and_completes_them() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press(":").press("text:theme lig").press("tab enter");
    assert_eq!(stage.app.look.theme.name, "light");
    stage.press(":").press("text:host.probe cupola-1").press("enter");
    assert_eq!(stage.sent(), [Command::ProbeNow { hosts: vec!["cupola-1".into()] }]);
    stage.press(":").press("text:journal.note the fan is here").press("enter");
    assert_eq!(stage.sent(), [Command::Note { text: "the fan is here".into() }]);
}

#[test]
fn the_palette_runs_what_was_typed_and_nothing_that_only_has_its_letters() {
    let probe = |host: &str| Command::ProbeNow { hosts: vec![host.into()] };
    let mut snapshot = harbour(noon());
    Arc::make_mut(&mut Arc::make_mut(&mut snapshot.hosts)[0]).name = "studio-22".into();
    let mut stage = Stage::new(snapshot);
    // The beginning of another name.
    stage.press(":").press("text:host.probe studio-2").press("enter");
    assert_eq!(stage.sent(), [probe("studio-2")]);
    // Letters of another name: the line is completed, and read before it is done.
    stage.press(":").press("text:host.probe upola-2").press("enter");
    assert_eq!(stage.sent(), []);
    assert!(stage.text().contains("host.probe cupola-2"), "{}", stage.text());
    stage.press("enter");
    assert_eq!(stage.sent(), [probe("cupola-2")]);
    // The beginning of a name, and a row that was gone to.
    stage.press(":").press("text:host.probe nas").press("enter");
    stage.press(":").press("text:host.probe cup").press("enter");
    stage.press(":").press("text:host.probe upola").press("down enter");
    assert_eq!(stage.sent(), [probe("nas"), probe("cupola-1"), probe("cupola-2")]);
}

#[test]
fn a_job_is_not_held_by_a_part_of_its_number() {
    let mut stage = recordings_for(Action::Hold, "default", false);
    let hold = Command::Hold { job: JobId(12), held: true };
    for part in ["2", "1"] {
        stage.press(":").press(&format!("text:job.hold {part}")).press("enter");
        assert_eq!(stage.sent(), [], "{part}");
        stage.press("esc");
    }
    stage.press(":").press("text:job.hold 12").press("enter");
    assert_eq!(stage.sent(), [hold]);
}

#[test]
fn a_pasted_filter_is_applied() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("/");
    stage.event(Event::Paste("!up".into()));
    assert!(!stage.text().contains("studio-1"), "rows follow\n{}", stage.text());
    let text = stage.press("enter").text();
    assert!(text.contains("filter: !up") && !text.contains("studio-1"), "{text}");
}

#[test]
fn no_job_and_no_hold_is_forced_that_was_not_listed() {
    let stop = |force| Command::Stop { force };
    let mut stage = Stage::new(harbour(noon()));
    stage.press("e q q").press("text:harbour");
    stage.client.obey(&Command::FeedRun { feed: "orders".into() }).unwrap();
    let job = stage.client.snapshots.borrow().jobs.last().unwrap().id;
    stage.client.change_job(job, |job| (job.state, job.kind) = (JobState::Running, "carry".into()));
    stage.refresh();
    let text = stage.press("enter").text();
    assert_eq!(stage.sent(), []);
    assert!(text.contains("this has changed") && text.contains(&format!("{job} carry")), "{text}");
    stage.press("enter");
    assert_eq!(stage.sent(), [stop(true)]);

    // A hold is forced too, also where no job runs.
    for (scene, force) in [("held", true), ("free", false)] {
        let mut stage = Stage::over(services::client(scene, noon()), "dark", "default", false);
        let jobs = Arc::clone(&stage.client.snapshots.borrow().jobs);
        for job in jobs.iter() {
            stage.client.change_job(job.id, |job| job.state = JobState::Done);
        }
        stage.refresh();
        let text = stage.press("e q q").text();
        assert_eq!(text.contains("judicator on cupola-1, held by ana"), force, "{text}");
        stage.press("text:harbour").press("enter");
        assert_eq!(stage.sent(), [stop(force)]);
    }
}

#[test]
fn help_filters_runs_and_says_why_not() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("?").press("text:trouble in no doc");
    assert!(stage.text().contains("no action has these words"));
    stage.press("esc ?").press("text:start an engine").press("ctrl-u").press("text:engine.start");
    assert!(stage.text().contains("not now: the engine is running"));
    stage.press("enter");
    assert!(stage.text().contains("All keys"), "a disabled action is not run");
    stage.press("ctrl-u").press("text:engine.doctor").press("enter");
    assert_eq!(stage.sent(), [Command::Doctor]);
}

#[test]
fn an_action_that_cannot_be_done_says_why() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("E");
    assert!(message(&stage).contains("studio-2 is not in maintenance"), "{}", message(&stage));
    let mut stage = Stage::new(harbour(noon())).lost();
    stage.press("r");
    assert!(message(&stage).contains("the engine is gone: its socket was closed"), "{}", message(&stage));
    assert_eq!(stage.sent(), []);
}

#[test]
fn maintenance_needs_a_reason_and_a_duration() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("m enter enter");
    assert!(stage.text().contains("say why"));
    stage.press("text:fan").press("enter ctrl-u").press("text:soon").press("enter");
    assert!(stage.text().contains("a duration is a number"), "{}", stage.text());
    assert_eq!(stage.sent(), []);
}

#[test]
fn a_frozen_picture_stands_still_and_then_goes_on() {
    let mut stage = Stage::new(harbour(noon()));
    stage.press("f");
    let mut snapshot = harbour(noon());
    snapshot.seq = 2;
    Arc::make_mut(&mut Arc::make_mut(&mut snapshot.hosts)[1]).health = Health::Up;
    stage.app.snapshot(Arc::new(snapshot));
    assert!(stage.text().contains("✗ 1 down"));
    assert!(!stage.press("f").text().contains("✗ 1 down"));
}

#[test]
fn the_mouse_selects_and_opens() {
    let mut stage = Stage::new(harbour(noon()));
    let click = |row| {
        Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 5,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    stage.event(click(4));
    assert_eq!(stage.app.lists[0].position(), 1);
    stage.event(click(4));
    assert!(stage.text().contains("Hosts › nas"));
}

#[test]
fn an_alarm_is_told_rings_and_reaches_the_desktop_by_choice() {
    let mut stage = Stage::new(harbour(noon()));
    stage.app.choices.bell = true;
    stage.app.choices.announce = true;
    let mut snapshot = harbour(noon());
    snapshot.seq = 2;
    let journal = Arc::make_mut(&mut snapshot.journal);
    let mut entry = (*journal.tail[3]).clone();
    entry.seq = 219;
    entry.what = "nas is down".into();
    journal.tail.push(Arc::new(entry));
    journal.length = 219;
    stage.app.snapshot(Arc::new(snapshot));
    stage.settle();
    assert_eq!(stage.effects, [Effect::Announce("harbour: nas is down".into()), Effect::Bell]);
    assert!(stage.text().contains("nas is down"));
}

#[test]
fn a_line_of_the_log_is_broken_on_the_screen_and_whole_in_the_clipboard() {
    let mut stage = Stage::new(harbour(noon())).sized(80, 24);
    stage.press("L");
    assert!(!stage.text().contains(LONG_LINE) && stage.text().contains("(no answer in 800 "));
    stage.press("y");
    let copied = |effect: &Effect| matches!(effect, Effect::Copy(text) if text.contains(LONG_LINE));
    assert!(stage.effects.iter().any(copied), "{:?}", stage.effects);
}

#[test]
fn nothing_changes_on_a_quiet_screen_but_the_minute() {
    let mut stage = Stage::new(harbour(noon()));
    let before = stage.buffer();
    // 14:02:11 to 14:02:20: no age passes a minute in between.
    stage.later(8);
    assert_eq!(stage.buffer(), before);
    stage.later(60);
    assert_ne!(stage.buffer(), before);
}

#[test]
fn the_theme_of_a_terminal_follows_its_background() {
    let mut stage = Stage::with(harbour(noon()), "auto", "default", false);
    stage.app.background(true);
    assert_eq!(stage.app.look.theme.name, "light");
}

#[test]
fn a_maintenance_whose_time_is_over_is_asked_about_and_nothing_is_done() {
    let mut stage = Stage::new(harbour(noon()));
    let mut snapshot = harbour(noon());
    snapshot.seq = 2;
    let journal = Arc::make_mut(&mut snapshot.journal);
    let mut entry = (*journal.tail[2]).clone();
    entry.seq = 219;
    entry.what = "maintenance of studio-2 ended: its time is over".into();
    entry.about = serde_json::json!({ "host": "studio-2", "maintenance": false });
    journal.tail.push(Arc::new(entry));
    journal.length = 219;
    stage.app.snapshot(Arc::new(snapshot));
    stage.settle();
    let told = message(&stage);
    assert!(told.contains("the maintenance of studio-2 is over, and it is down: is it done?"), "{told}");
    assert!(stage.text().contains("m on studio-2 prolongs it"), "{}", stage.text());
    assert_eq!(stage.sent(), []);
}
