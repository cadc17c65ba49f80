//! Pools that are not there: every state of one, what is known of it, and what a run of it looks like.

use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::engine::command::Command;
use hotspare::engine::snapshot::Snapshot;
use hotspare::health::view::Health;
use hotspare::runbook::cast::Purpose;
use hotspare::runbook::view::{Phase, Question, RunId, RunReport, RunState, RunView, StepState, StepView};
use hotspare::standin::view::{
    Owner, Past, Pause, PoolDetail, PoolView, Protected, Sight, SpareState, SpareView, Stand, WhyNot,
};

use super::{FakeClient, ago, harbour, host, mocap};

/// Every scene there is.
pub const SCENES: [&str; 11] = [
    "ready",
    "standing-in",
    "host-gone",
    "waiting",
    "returned",
    "failed-spare",
    "interrupted",
    "under-way",
    "asking",
    "paused",
    "observe",
];

fn protected(name: &str, stand: Stand, why: &str, then: &str, now: Timestamp) -> Protected {
    Protected {
        name: name.into(),
        stand,
        since: ago(now, if stand == Stand::Serving { 1_051_300 } else { 724 }),
        spare: None,
        why: why.into(),
        if_it_dies: then.into(),
    }
}

fn spare(name: &str, state: SpareState, generation: u64, now: Timestamp) -> SpareView {
    SpareView {
        name: name.into(),
        state,
        standing_in_for: None,
        since: None,
        by: None,
        generation,
        reasons: Vec::new(),
        proven: Some(ago(now, 70)),
        free: Some(412_000_000_000),
    }
}

fn past(run: u64, purpose: Purpose, state: RunState, seconds: f64, before: i64, now: Timestamp) -> Past {
    Past {
        run: RunId(run),
        purpose,
        host: "studio-2".into(),
        spare: "studio-spare".into(),
        at: ago(now, before),
        state,
        seconds,
        promised: (purpose != Purpose::Giveback).then_some(180.0),
    }
}

/// Two studios and a spare; all is well.
fn ready(now: Timestamp) -> PoolView {
    let owner =
        |address: &str, by: &str| Owner { address: address.into(), held_by: vec![by.into()], seen: Some(ago(now, 65)) };
    PoolView {
        name: "people-count".into(),
        mode: "auto".into(),
        hosts: vec![
            protected("studio-1", Stand::Serving, "it serves", "studio-spare takes its place", now),
            protected("studio-2", Stand::Serving, "it serves", "studio-spare takes its place", now),
        ],
        spares: vec![spare("studio-spare", SpareState::Ready, 6, now)],
        paused: None,
        held_back: Vec::new(),
        run: None,
        owners: vec![owner("10.77.0.101", "studio-1"), owner("10.77.0.100", "studio-2")],
        last_takeover: None,
        last_drill: Some(past(11, Purpose::Drill, RunState::Done, 1.9, 6 * 86_400 + 90, now)),
        target: 180.0,
        drill_every: Some(30.0 * 86_400.0),
        alarms: Vec::new(),
    }
}

fn stands_in(pool: &mut PoolView, now: Timestamp) {
    let host = &mut pool.hosts[1];
    (host.stand, host.spare, host.since) = (Stand::StoodIn, Some("studio-spare".into()), ago(now, 724));
    host.why =
        "studio-spare serves in its place; it comes back when it is up for 60 s and somebody gives it back".into();
    host.if_it_dies = String::new();
    pool.hosts[0].if_it_dies = "takes the spare from studio-2".into();
    let spare = &mut pool.spares[0];
    spare.state = SpareState::Active;
    spare.standing_in_for = Some("studio-2".into());
    spare.since = Some(ago(now, 724));
    spare.by = Some("engine".into());
    spare.generation = 7;
    pool.owners[1].held_by = vec!["studio-spare".into()];
    pool.last_takeover = Some(past(12, Purpose::Takeover, RunState::Done, 1.31, 722, now));
    pool.run = Some(Arc::new(done(now)));
}

fn step(name: &str, kind: &str, on: Option<&str>, does: &str, undo: Option<&str>) -> StepView {
    StepView {
        name: name.into(),
        kind: kind.into(),
        on: on.map(Into::into),
        does: does.into(),
        undo: undo.map(Into::into),
        fence: name == "fence",
        state: StepState::Waiting,
        started: None,
        seconds: None,
        attempt: 1,
        output: Vec::new(),
        note: None,
    }
}

/// A run that has not begun.
fn waiting_run(id: u64, purpose: Purpose, now: Timestamp) -> RunView {
    let back = purpose == Purpose::Giveback;
    let steps = if back {
        vec![
            step("stop", "command", Some("studio-spare"), "./stop_people_count.sh", Some("./start_people_count.sh")),
            step(
                "release",
                "address",
                Some("studio-spare"),
                "ip addr del 10.77.0.100/24 dev eth0",
                Some("ip addr add 10.77.0.100/24 dev eth0, announced"),
            ),
            step("start", "command", Some("studio-2"), "./start_people_count.sh", Some("./stop_people_count.sh")),
            step("serving", "http", None, "http://10.77.0.100:5000/ answers 200 within 60 s", Some("nothing")),
        ]
    } else {
        vec![
            step("fence", "command", Some("studio-2"), "sudo poweroff", None),
            step(
                "take",
                "address",
                Some("studio-spare"),
                "arping -D 10.77.0.100; ip addr add 10.77.0.100/24 dev eth0; announced at once and after 1, 2, 5, 10 s",
                Some("ip addr del 10.77.0.100/24 dev eth0"),
            ),
            step("start", "command", Some("studio-spare"), "./start_people_count.sh", Some("./stop_people_count.sh")),
            step("serving", "http", None, "http://10.77.0.100:5000/ answers 200 within 60 s", Some("nothing")),
        ]
    };
    RunView {
        id: RunId(id),
        runbook: if back { "studio-giveback" } else { "studio-takeover" }.into(),
        purpose,
        pool: Some("people-count".into()),
        failed: Some("studio-2".into()),
        spare: Some("studio-spare".into()),
        who: "ana (console)".into(),
        why: "all 3 vital checks failed 5 times in a row; 2 of 2 witnesses do not reach it".into(),
        generation: 7,
        state: RunState::Running,
        started: ago(now, 723),
        ended: None,
        steps,
        timeline: Vec::new(),
        question: None,
        next: None,
        owed: Vec::new(),
    }
}

fn finish(step: &mut StepView, seconds: f64, note: &str) {
    step.state = StepState::Done;
    step.seconds = Some(seconds);
    step.note = (!note.is_empty()).then(|| note.into());
}

/// A takeover that is done, with its timeline.
pub fn done(now: Timestamp) -> RunView {
    let mut run = waiting_run(12, Purpose::Takeover, now);
    run.who = "engine".into();
    (run.state, run.ended) = (RunState::Done, Some(ago(now, 722)));
    finish(&mut run.steps[0], 0.08, "verified: 10.77.0.100 and 10.77.0.12 are silent");
    finish(&mut run.steps[1], 0.12, "nobody answered for 10.77.0.100; announced");
    finish(&mut run.steps[2], 0.05, "");
    finish(&mut run.steps[3], 0.04, "200 after 1 attempt");
    let mut at = 0.0;
    for (name, seconds) in
        [("detect", 1.02), ("confirm", 0.03), ("fence", 0.05), ("claim", 0.07), ("announce", 0.05), ("serve", 0.09)]
    {
        run.timeline.push(Phase { name: name.into(), at, seconds });
        at += seconds;
    }
    run
}

/// A takeover in the middle of its third step.
pub fn under_way(id: u64, now: Timestamp) -> RunView {
    let mut run = waiting_run(id, Purpose::Takeover, now);
    run.started = ago(now, 1);
    finish(&mut run.steps[0], 0.08, "verified: 10.77.0.100 and 10.77.0.12 are silent");
    finish(&mut run.steps[1], 0.12, "nobody answered for 10.77.0.100; announced");
    let start = &mut run.steps[2];
    start.state = StepState::Acting;
    start.seconds = Some(0.7);
    start.output = ["pulling nothing: images are here", "starting sync_mysql … done", "starting redis … done"]
        .map(Into::into)
        .to_vec();
    run
}

/// The same pool in one of its states.
#[allow(clippy::too_many_lines, reason = "one state after the other")]
pub fn pool(scene: &str, now: Timestamp) -> PoolView {
    let mut pool = ready(now);
    match scene {
        "standing-in" => stands_in(&mut pool, now),
        "host-gone" => {
            pool.mode = "manual".into();
            let host = &mut pool.hosts[1];
            (host.stand, host.since) = (Stand::Waiting, ago(now, 740));
            host.why = "gone, and nobody has asked for a takeover (mode manual); needs: F F on it".into();
            host.if_it_dies = String::new();
            pool.owners[1].held_by.clear();
            pool.alarms = vec!["nobody holds 10.77.0.100".into()];
        }
        "waiting" => {
            stands_in(&mut pool, now);
            let host = &mut pool.hosts[0];
            host.stand = Stand::Waiting;
            host.since = ago(now, 130);
            host.why = "no spare is free: studio-spare serves for studio-2, since 12 min of at least 15 min; needs: \
                        3 min more, or a takeover by hand"
                .into();
            host.if_it_dies = String::new();
            pool.owners[0].held_by.clear();
            pool.alarms = vec!["nobody holds 10.77.0.101".into()];
        }
        "returned" => {
            stands_in(&mut pool, now);
            let host = &mut pool.hosts[1];
            host.stand = Stand::Returned;
            host.since = ago(now, 190);
            host.why = "up for 3 min, and holds no address of another; needs: a giveback".into();
        }
        "failed-spare" => {
            let spare = &mut pool.spares[0];
            spare.state = SpareState::Failed;
            spare.reasons = vec!["takeover of studio-2 failed in step start: exit 1; it may hold 10.77.0.100".into()];
            let host = &mut pool.hosts[1];
            (host.stand, host.since) = (Stand::Waiting, ago(now, 700));
            host.why = "the automatic attempt failed; needs: a person who looks at studio-spare and clears it".into();
            for host in &mut pool.hosts {
                host.if_it_dies = "waits: no spare is ready".into();
            }
            pool.hosts[1].if_it_dies = String::new();
            let mut run = under_way(12, now);
            (run.state, run.ended) = (RunState::Failed, Some(ago(now, 700)));
            run.steps[2].state = StepState::Failed;
            run.steps[2].note = Some("exit 1 after 0.7 s, and 2 attempts".into());
            run.steps[2].output.push("redis: no space left on device".into());
            run.next = Some("look at studio-spare, free its disk, then clear it: F c".into());
            pool.run = Some(Arc::new(run));
            pool.last_takeover = Some(past(12, Purpose::Takeover, RunState::Failed, 4.2, 700, now));
            pool.held_back =
                vec!["cool-down after a takeover that failed, 48 min left, or until it is acknowledged".into()];
        }
        "interrupted" => {
            let host = &mut pool.hosts[1];
            (host.stand, host.spare, host.since) = (Stand::Failing, Some("studio-spare".into()), ago(now, 724));
            host.why = "a takeover was interrupted; needs: resume or abandon".into();
            host.if_it_dies = String::new();
            pool.spares[0].state = SpareState::Activating;
            pool.spares[0].standing_in_for = Some("studio-2".into());
            let mut run = under_way(12, now);
            run.state = RunState::Interrupted;
            run.steps[2].state = StepState::Unknown;
            run.steps[2].note =
                Some("the engine was gone before it ended: whether it took effect cannot be told".into());
            run.steps[2].output.clear();
            run.next = Some("resume goes on with step 3 after looking; abandon undoes steps 2 and 1".into());
            pool.run = Some(Arc::new(run));
            pool.alarms = vec!["the takeover of studio-2 was interrupted in step start".into()];
        }
        "under-way" | "asking" => {
            let host = &mut pool.hosts[1];
            (host.stand, host.spare, host.since) = (Stand::Failing, Some("studio-spare".into()), ago(now, 724));
            host.why = "its place is being taken".into();
            host.if_it_dies = String::new();
            pool.spares[0].state = SpareState::Activating;
            pool.spares[0].standing_in_for = Some("studio-2".into());
            let mut run = under_way(12, now);
            if scene == "asking" {
                run.state = RunState::Asking;
                run.steps[2] =
                    step("cameras", "ask", None, "asks whether the cameras are plugged over", Some("nothing"));
                run.steps[2].state = StepState::Acting;
                let text = "Are the cameras of studio-2 plugged into studio-spare, and do their lights blink?";
                run.question =
                    Some(Question { step: "cameras".into(), text: text.into(), evidence: Vec::new(), shows: None });
            }
            pool.run = Some(Arc::new(run));
        }
        "paused" => {
            pool.paused = Some(Pause {
                owner: "ana (console)".into(),
                why: "the switch of hall A is exchanged".into(),
                since: ago(now, 120),
                until: Some(ago(now, -1680)),
            });
        }
        "observe" => {
            pool.mode = "observe".into();
            let host = &mut pool.hosts[1];
            (host.stand, host.since) = (Stand::Waiting, ago(now, 740));
            host.why = "gone; studio-spare would take its place now, but the pool only observes".into();
            host.if_it_dies = String::new();
            pool.spares[0].state = SpareState::Unready;
            pool.spares[0].reasons = vec![
                "drift: image sync_mysql 1.4.2, studio-1 has 1.5.0".into(),
                "disk: 1.2 GB free on /data, wanted 20 GB".into(),
            ];
            pool.last_drill = None;
        }
        _ => {}
    }
    pool
}

/// The fleet with its pool in one of its states; `all:` before it: with recordings too.
pub fn scene(name: &str, now: Timestamp) -> Snapshot {
    let (name, mut snapshot) = match name.strip_prefix("all:") {
        Some(name) => (name, mocap(now).0),
        None => (name, harbour(now)),
    };
    let view = pool(name, now);
    let well = view.hosts.iter().all(|host| !matches!(host.stand, Stand::Waiting | Stand::Failing | Stand::StoodIn));
    if well || name == "waiting" {
        let hosts = Arc::make_mut(&mut snapshot.hosts);
        if well {
            let mut healthy = host("studio-2", "10.77.0.12", 0.000_5, now);
            healthy.service = Some("10.77.0.100/24".into());
            hosts[1] = Arc::new(healthy);
        } else {
            let down = hosts[1].clone();
            let first = Arc::make_mut(&mut hosts[0]);
            (first.health, first.since, first.why) = (Health::Down, ago(now, 131), down.why.clone());
            first.service = Some("10.77.0.101/24".into());
            first.checks.clone_from(&down.checks);
            first.trend.clone_from(&down.trend);
        }
    }
    snapshot.pools = Arc::new(vec![Arc::new(view)]);
    snapshot
}

/// A client over such a fleet.
pub fn client(name: &str, now: Timestamp) -> Arc<FakeClient> {
    let rows = if name.starts_with("all:") { mocap(now).1 } else { Vec::new() };
    FakeClient::with(if name == "two" { two(now) } else { scene(name, now) }, rows)
}

/// A second pool beside the first.
pub fn two(now: Timestamp) -> Snapshot {
    let mut snapshot = scene("standing-in", now);
    let mut second = ready(now);
    second.name = "cameras".into();
    second.hosts = vec![protected("cupola-1", Stand::Serving, "it serves", "cupola-2 takes its place", now)];
    second.spares = vec![spare("cupola-2", SpareState::Unready, 3, now)];
    second.spares[0].reasons = vec!["maintenance: new fan, do not touch".into()];
    second.owners.clear();
    second.last_drill = None;
    Arc::make_mut(&mut snapshot.pools).push(Arc::new(second));
    snapshot
}

/// Everything known of a pool.
pub fn detail(pool: &PoolView, now: Timestamp) -> PoolDetail {
    let gone: Vec<&str> = pool
        .hosts
        .iter()
        .filter(|host| !matches!(host.stand, Stand::Serving | Stand::Returned))
        .map(|host| host.name.as_str())
        .collect();
    let mut matrix = Vec::new();
    for witness in ["console", "studio-1", "studio-2", "studio-spare"] {
        for host in pool.hosts.iter().map(|host| &host.name).filter(|host| *host != witness) {
            let reaches = if gone.contains(&witness) { None } else { Some(!gone.contains(&host.as_str())) };
            let says = match reaches {
                Some(true) => "2 of 2 answers to ping",
                Some(false) => "0 of 2 answers to ping in 400 ms",
                None => "no ssh connection",
            };
            let (witness, says) = (witness.to_owned(), says.to_owned());
            matrix.push(Sight { witness, host: host.clone(), reaches, at: ago(now, 1), says });
        }
    }
    let refusals = vec![
        WhyNot {
            at: ago(now, 3),
            what: "nothing about studio-1: it is suspect".into(),
            why: "http fails (3 of 5), ping answers from console and studio-spare".into(),
            needs: "all vital checks failing 5 times; now 3 of 5".into(),
        },
        WhyNot {
            at: ago(now, 211),
            what: "takeover of studio-2 by hand".into(),
            why: "10.77.0.100 answered (aa:bb:cc:00:00:07): an owner was alive".into(),
            needs: "release it there, or swear that it is off".into(),
        },
    ];
    let mut runs = Vec::new();
    if let Some(last) = &pool.last_takeover {
        runs.push(last.clone());
    }
    runs.extend(pool.last_drill.clone());
    runs.push(past(10, Purpose::Giveback, RunState::Done, 2.6, 7 * 86_400, now));
    runs.push(past(9, Purpose::Takeover, RunState::Undone, 6.4, 7 * 86_400 + 900, now));
    PoolDetail { pool: pool.clone(), matrix, refusals, past: runs }
}

/// What a dry run finds.
pub fn rehearsal(pool: &PoolView, command: &Command, now: Timestamp) -> RunReport {
    let purpose = match command {
        Command::PoolGiveback { .. } => Purpose::Giveback,
        Command::PoolDrill { .. } => Purpose::Drill,
        _ => Purpose::Takeover,
    };
    let mut run = waiting_run(0, purpose, now);
    if purpose == Purpose::Drill {
        run.steps.remove(0);
    }
    if let Command::PoolTakeover { failed: Some(host), .. } = command {
        run.failed = Some(host.clone());
        run.steps[0].on = Some(host.clone());
    }
    let mut refused = Vec::new();
    if purpose == Purpose::Takeover {
        let owner = pool.owners.iter().find(|owner| owner.held_by.iter().any(|by| Some(by) == run.failed.as_ref()));
        if let Some(owner) = owner {
            let address = &owner.address;
            run.steps[0].note = Some(format!("not proven: {address} answers (aa:bb:cc:00:00:07)"));
            refused.push(format!("{address} is held by {}; needs: that it releases it", owner.held_by[0]));
        } else {
            run.steps[0].note = Some("verified: 10.77.0.100 and 10.77.0.12 are silent (best effort: poweroff)".into());
            run.steps[1].note = Some("nobody answers for 10.77.0.100".into());
        }
    }
    RunReport { run, dry_run: true, refused }
}
