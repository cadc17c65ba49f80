//! Runs that no pool asked for, in each of the states in which a person is needed.

use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::engine::snapshot::Snapshot;
use hotspare::runbook::cast::Purpose;
use hotspare::runbook::view::{Phase, Question, RunId, RunReport, RunState, RunView, StepState, StepView};

use super::{FakeClient, ago, harbour};

fn step(
    name: &str,
    kind: &str,
    on: &str,
    does: &str,
    undo: Option<&str>,
    state: StepState,
    now: Timestamp,
) -> StepView {
    let begun = state != StepState::Waiting;
    StepView {
        name: name.into(),
        kind: kind.into(),
        on: Some(on.into()),
        does: does.into(),
        undo: undo.map(Into::into),
        fence: false,
        state,
        started: begun.then(|| ago(now, 60)),
        seconds: begun.then_some(0.42),
        attempt: u32::from(begun),
        output: Vec::new(),
        note: None,
    }
}

fn run(id: u64, runbook: &str, state: RunState, steps: Vec<StepView>, now: Timestamp) -> RunView {
    RunView {
        id: RunId(id),
        runbook: runbook.into(),
        purpose: Purpose::Alone,
        pool: None,
        failed: None,
        spare: None,
        who: "ana (command line)".into(),
        why: "asked for by hand".into(),
        generation: 0,
        state,
        started: ago(now, 300),
        ended: state.ended().then(|| ago(now, 60)),
        steps,
        timeline: vec![Phase { name: "restart@studio-1".into(), at: 0.0, seconds: 12.4 }],
        question: None,
        next: None,
        owed: Vec::new(),
    }
}

/// A recovery in the middle of which the engine ended, or that asks.
fn recovery(asks: bool, now: Timestamp) -> RunView {
    use StepState::{Acting, Done, Waiting};
    let last = if asks { Acting } else { Waiting };
    let steps = vec![
        step("stop", "command", "studio-1", "cd KV2; ./stop.bash", None, Done, now),
        step(
            "fill",
            "command",
            "studio-1",
            "cp -a data/mongodb data/mongodb_init",
            Some("rm -r data/mongodb_init"),
            Done,
            now,
        ),
        step("members", "ask", "studio-1", "Are all members there? (shows: curl …/v2/members)", None, last, now),
        step("clean", "command", "studio-1", "rm -r data/mongodb_init", None, Waiting, now),
    ];
    let state = if asks { RunState::Asking } else { RunState::Interrupted };
    let mut run = run(31, "judicator-recovery", state, steps, now);
    run.owed = vec!["clean".into()];
    if asks {
        run.question = Some(Question {
            step: "members".into(),
            text: "Are all members there?".into(),
            evidence: ["kv-1 http://192.0.2.11:2000 leader", "kv-2 http://192.0.2.12:2000", "kv-3 no answer"]
                .map(Into::into)
                .into(),
            shows: Some("curl …/v2/members".into()),
        });
    } else {
        let next = "the engine ended in the middle of it: resume the run, or abandon it (undo what was done); a clean-up is owed: clean";
        run.next = Some(next.into());
    }
    run
}

/// A rolling restart that stopped at its second host.
fn rolling(now: Timestamp) -> RunView {
    use StepState::{Done, Failed, Waiting};
    let mut steps = vec![
        step("gate", "gate", "", "every vital check of studio-1, studio-2 passes, at most 120 s", None, Done, now),
        step("restart@studio-1", "command", "studio-1", "sudo systemctl restart people_count", None, Done, now),
        step(
            "gate@studio-1",
            "gate",
            "",
            "every vital check of studio-1, studio-2 passes, at most 120 s",
            None,
            Failed,
            now,
        ),
        step("restart@studio-2", "command", "studio-2", "sudo systemctl restart people_count", None, Waiting, now),
    ];
    steps[2].note =
        Some("closed for 120 s: studio-1: http: no answer in 800 ms; the hosts after it are untouched".into());
    let mut run = run(30, "rolling-restart", RunState::Failed, steps, now);
    run.next = Some(
        "step gate@studio-1: closed for 120 s; look at it, then resume the run, or abandon it (undo what was done)"
            .into(),
    );
    run
}

/// What would be done by a runbook that was not run yet.
pub fn rehearsal(now: Timestamp) -> RunReport {
    use StepState::Waiting;
    let steps = vec![
        step("pull@studio-1", "command", "studio-1", "docker compose pull", None, Waiting, now),
        step("up@studio-1", "command", "studio-1", "docker compose up -d", Some("docker compose down"), Waiting, now),
        step("pull@studio-2", "command", "studio-2", "docker compose pull", None, Waiting, now),
    ];
    let run = run(0, "rolling-update", RunState::Running, steps, now);
    RunReport { run: RunView { timeline: Vec::new(), ..run }, dry_run: true, refused: Vec::new() }
}

/// A fleet with runs: `asking`, or `interrupted` with a clean-up that is owed.
pub fn scene(name: &str, now: Timestamp) -> Snapshot {
    let mut snapshot = harbour(now);
    let recovery = recovery(name == "asking", now);
    if name != "asking" {
        let head = Arc::make_mut(&mut snapshot.head);
        head.alarms = vec!["clean-up is owed by run 31 (judicator-recovery): clean; `hotspare run judicator-recovery --resume` or `--abandon`".into()];
    }
    Arc::make_mut(&mut snapshot.head).file.runbooks =
        ["judicator-recovery", "rolling-restart", "rolling-update"].map(Into::into).into();
    snapshot.runs = Arc::new(vec![Arc::new(rolling(now)), Arc::new(recovery)]);
    snapshot
}

/// A client over such a fleet.
pub fn client(name: &str, now: Timestamp) -> Arc<FakeClient> {
    FakeClient::new(scene(name, now))
}
