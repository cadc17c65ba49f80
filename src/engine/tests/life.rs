//! What the engine does of its own accord, and what it keeps.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_refused_with_the_pid_of_the_first() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let error = Engine::start(place.config()).await.unwrap_err();
    assert!(matches!(error, StartError::Lock(_)), "{error}");
    assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
    engine.stop("a test").await;
    place.start().await.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_needs_a_reason_and_an_end_and_survives_a_restart() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let client = in_process(&engine, &Guest::console(false));
    let until_then = Clock::real().now() + jiff::SignedDuration::from_hours(1);
    let maintain = |host: &str, why: &str, until| Command::Maintain { host: host.into(), why: why.into(), until };
    let unknown = client.command(maintain("studio-3", "disk", until_then)).await.unwrap_err();
    assert_eq!(unknown.hint.as_deref(), Some("did you mean studio-1?"));
    assert!(client.command(maintain("studio-1", " ", until_then)).await.is_err());
    assert!(client.command(maintain("studio-1", "disk", Clock::real().now())).await.is_err());
    client.command(maintain("studio-1", "disk", until_then)).await.unwrap();
    engine.stop("a test").await;

    let engine = place.start().await;
    let kept = until(&mut engine.snapshots(), |snapshot| snapshot.hosts[0].maintenance.is_some()).await;
    assert_eq!(
        (kept.hosts[0].health, kept.hosts[0].why.as_deref().map(|why| why.contains("disk"))),
        (Health::Maintenance, Some(true))
    );
    let client = in_process(&engine, &Guest::console(false));
    let ended = client.command(Command::EndMaintenance { host: "studio-1".into() }).await.unwrap();
    assert_eq!(ended.said, "maintenance of studio-1 ended");
    assert!(client.command(Command::EndMaintenance { host: "studio-1".into() }).await.is_err());
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_is_a_job_and_numbers_go_on_after_a_restart() {
    let place = Place::new(FLEET);
    for number in 1..=2 {
        let engine = place.start().await;
        let client = in_process(&engine, &Guest::console(false));
        let job = client.command(Command::VerifyJournal).await.unwrap().job.unwrap();
        assert_eq!(job.0, number);
        let mut snapshots = engine.snapshots();
        let done = |snapshot: &Arc<Snapshot>| snapshot.jobs.iter().any(|view| view.id == job && view.state.ended());
        let snapshot = until(&mut snapshots, done).await;
        assert_eq!(snapshot.jobs[0].state, JobState::Done);
        let intact = until(&mut snapshots, |snapshot| snapshot.journal.chain == Chain::Intact).await;
        assert!(intact.head.alarms.is_empty());
        engine.stop("a test").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_in_force_a_broken_one_is_not_and_a_lost_one_may_return() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();

    // An atomic save: a new file takes the old name.
    let more = format!("{FLEET}\n[hosts.studio-3]\naddress = \"127.0.0.1\"\n");
    std::fs::write(place.0.path().join("new"), &more).unwrap();
    std::fs::rename(place.0.path().join("new"), place.file()).unwrap();
    until(&mut snapshots, |snapshot| snapshot.hosts.len() == 3).await;

    std::fs::write(place.file(), "name = \"harbour\"\n[hosts").unwrap();
    let refused = until(&mut snapshots, |snapshot| !snapshot.head.file.refused.is_empty()).await;
    assert_eq!(refused.hosts.len(), 3);
    assert!(!refused.healthy());

    std::fs::remove_file(place.file()).unwrap();
    until(&mut snapshots, |snapshot| snapshot.head.file.refused.iter().any(|line| line.ends_with("is not there")))
        .await;

    std::fs::write(place.file(), &more).unwrap();
    let back = until(&mut snapshots, |snapshot| snapshot.head.file.refused.is_empty()).await;
    assert_eq!(back.hosts.len(), 3);

    std::fs::write(place.file(), more.replace("harbour", "port")).unwrap();
    let renamed = until(&mut snapshots, |snapshot| !snapshot.head.file.refused.is_empty()).await;
    assert_eq!(renamed.head.fleet, "harbour");
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_nobody_needs_stops_with_its_last_console() {
    let place = Place::new("name = \"empty\"\n");
    let engine = place.start().await;
    let console = join(&place.socket()).await;
    let other = join(&place.socket()).await;
    drop(console);
    until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 1).await;
    drop(other);
    tokio::time::timeout(Duration::from_secs(5), engine.ended()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_did_not_change_are_the_same_arc() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();
    let before = until(&mut snapshots, |snapshot| snapshot.journal.chain == Chain::Intact).await;
    let client = in_process(&engine, &Guest::command_line(false));
    client.command(Command::Note { text: "only the journal".into() }).await.unwrap();
    let after = until(&mut snapshots, |snapshot| says(snapshot, "only the journal")).await;
    assert!(Arc::ptr_eq(&before.jobs, &after.jobs));
    assert!(!Arc::ptr_eq(&before.journal, &after.journal));
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_goes_down_and_returns_is_journalled_and_told_to_a_program() {
    let place = Place::new("");
    let told = place.0.path().join("told");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let fleet = format!(
        r#"
        name = "harbour"
        [[notify]]
        on = ["host-down", "host-up"]
        command = ["sh", "-c", "cat >> {told}; echo >> {told}"]
        [hosts.studio-1]
        address = "127.0.0.1"
        checks = [{{ kind = "tcp", port = {port} }}]
        [hosts.studio-9]
        address = "127.0.0.1"
        [pools.p]
        protects = ["studio-1"]
        spares = ["studio-9"]
        probe = {{ every = "50ms", failures = 3 }}
        up_after = "300ms"
        takeover = "t"
        fence = "none"
        [runbooks.t]
        steps = [{{ name = "tell", kind = "ask", text = "ready?" }}]
        "#,
        told = told.display()
    );
    std::fs::write(place.file(), fleet).unwrap();
    let engine = place.start().await;
    let mut snapshots = engine.snapshots();
    until(&mut snapshots, |snapshot| snapshot.hosts[0].health == Health::Up).await;
    drop(listener);
    until(&mut snapshots, |snapshot| says(snapshot, "studio-1 is down")).await;
    let _listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    until(&mut snapshots, |snapshot| says(snapshot, "studio-1 is up")).await;
    let both = async {
        loop {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            if text.lines().count() == 2 {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let text = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events[0]["subject"]), (&"host-down".into(), &"studio-1".into()));
    assert_eq!((&events[1]["event"], &events[1]["fleet"]), (&"host-up".into(), &"harbour".into()));
    assert_eq!(snapshots.borrow().pools[0].mode, "auto");
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn linger_decides_whether_the_engine_outlives_its_last_console() {
    for (linger, stays) in [("never", false), ("auto", true), ("always", true)] {
        let place = Place::new(&format!("{FLEET}\n[engine]\nlinger = \"{linger}\"\n"));
        let engine = place.start().await;
        // A command is no console: its leaving ends nothing here.
        drop(socket::join(&place.socket(), Guest::command_line(false), None).await.unwrap());
        let console = join(&place.socket()).await;
        until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 1).await;
        drop(console);
        if stays {
            until(&mut engine.snapshots(), |snapshot| snapshot.head.engine.consoles == 0).await;
            join(&place.socket()).await;
            engine.stop("a test").await;
        } else {
            tokio::time::timeout(Duration::from_secs(5), engine.ended()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_numbered_lines_and_a_report_needs_a_job() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    let client = in_process(&engine, &Guest::console(false));
    client.command(Command::Note { text: "into the log too".into() }).await.unwrap();
    let Answer::Log { lines } = client.query(Query::Log { after: 0 }).await.unwrap() else { panic!("another answer") };
    let line = lines.iter().find(|line| line.text.contains("into the log too")).unwrap();
    assert_eq!((line.level.as_str(), line.text.contains("(console)")), ("INFO", true));
    let Answer::Log { lines: later } = client.query(Query::Log { after: line.seq }).await.unwrap() else { panic!() };
    assert!(later.iter().all(|later| later.seq > line.seq));
    let refusal = client.query(Query::Report { job: crate::work::view::JobId(99) }).await.unwrap_err();
    assert_eq!(refusal.what, "no job 99 is kept");
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_down_when_its_maintenance_ends_is_told() {
    let place = Place::new(
        "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\n\
         checks = [{ kind = \"tcp\", port = 9, every = \"100ms\", timeout = \"100ms\" }]\n",
    );
    let engine = place.start().await;
    let client = join(&place.socket()).await;
    let until_then = Clock::real().now().checked_add(Duration::from_secs(3)).unwrap();
    let maintain = Command::Maintain { host: "studio-1".into(), why: "new disk".into(), until: until_then };
    client.command(maintain).await.unwrap();
    let mut snapshots = engine.snapshots();
    until(&mut snapshots, |snapshot| says(snapshot, "studio-1 is down (in maintenance)")).await;
    let over = until(&mut snapshots, |snapshot| says(snapshot, "the maintenance of studio-1 is over")).await;
    let told = until(&mut snapshots, |snapshot| {
        let alarm = crate::journal::entry::Weight::Alarm;
        snapshot.journal.tail.iter().any(|entry| entry.what == "studio-1 is down" && entry.weight == alarm)
    })
    .await;
    assert_eq!(told.host("studio-1").unwrap().health, Health::Down);
    assert!(over.seq <= told.seq);
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_jobs_do_not_repeat_where_the_last_one_cannot_be_read() {
    let place = Place::new(FLEET);
    // A folder in its place: a state.db that can be neither read nor written.
    super::super::state::StateFolder::locate(Some(&place.state()), "").unwrap().prepare().unwrap();
    std::fs::create_dir(place.state().join("state.db")).unwrap();
    let engine = place.start().await;
    let client = join(&place.socket()).await;
    let job = client.command(Command::Doctor).await.unwrap().job.unwrap();
    assert!(job.0 > 1_700_000_000, "{job}");
    std::fs::remove_dir(place.state().join("state.db")).unwrap();
    until(&mut engine.snapshots(), |snapshot| snapshot.head.alarms.is_empty()).await;
    engine.stop("a test").await;
    let engine = place.start().await;
    let next = join(&place.socket()).await.command(Command::Doctor).await.unwrap().job.unwrap();
    assert!(next > job, "{next} after {job}");
    engine.stop("a test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_is_told_once_and_again_when_its_engine_is_gone() {
    let place = Place::new("");
    let told = place.0.path().join("told");
    let fleet = format!(
        r#"
        name = "harbour"
        [[notify]]
        on = ["run-waits"]
        command = ["sh", "-c", "cat >> {told}; echo >> {told}"]
        [hosts.studio-1]
        address = "127.0.0.1"
        [runbooks.tell]
        steps = [{{ name = "tell", kind = "ask", text = "ready?" }}]
        [runbooks.other]
        steps = [{{ name = "other", kind = "ask", text = "and now?" }}]
        "#,
        told = told.display()
    );
    std::fs::write(place.file(), fleet).unwrap();
    let lines = async |many: usize| {
        let all = async {
            loop {
                let text = std::fs::read_to_string(&told).unwrap_or_default();
                if text.lines().count() >= many {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let text = tokio::time::timeout(Duration::from_secs(10), all).await.expect("it is told");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let engine = place.start().await;
    until(&mut engine.snapshots(), |snapshot| snapshot.head.lease.held).await;
    let client = in_process(&engine, &Guest::console(false));
    let run = |runbook: &str| Command::Run {
        runbook: runbook.into(),
        set: std::collections::BTreeMap::new(),
        dry_run: false,
    };
    client.command(run("tell")).await.unwrap();
    let asked = lines(1).await;
    assert_eq!((&asked[0]["event"], &asked[0]["why"]), (&"run-waits".into(), &"ready?".into()), "{asked:?}");
    let asks = until(&mut engine.snapshots(), |snapshot| snapshot.runs.iter().any(|run| run.question.is_some())).await;
    let asks = asks.runs[0].id;
    client.command(Command::Answer { run: asks, yes: false, step: None }).await.unwrap();
    assert!(lines(2).await[1]["what"].as_str().unwrap().ends_with("failed"));
    engine.stop("a test").await;
    // What is told is told in order: a failure that is told again would stand before the next question.
    let engine = place.start().await;
    until(&mut engine.snapshots(), |snapshot| snapshot.head.lease.held).await;
    in_process(&engine, &Guest::console(false)).command(run("other")).await.unwrap();
    let asked = lines(3).await;
    assert_eq!((asked.len(), &asked[2]["why"]), (3, &"and now?".into()), "{asked:?}");
    engine.stop("a test").await;
    let engine = place.start().await;
    until(&mut engine.snapshots(), |snapshot| snapshot.head.lease.held).await;
    let interrupted = lines(4).await;
    assert!(interrupted[3]["what"].as_str().unwrap().contains("interrupted"), "{interrupted:?}");
    engine.stop("a test").await;
    assert_eq!(lines(4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_any_part_of_a_snapshot_is_one() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    until(&mut engine.snapshots(), |snapshot| snapshot.head.lease.held).await;
    let one = engine.snapshots().borrow().clone();
    assert!(!crate::engine::compose::differ(&one, &one));
    let changes: [fn(&mut Snapshot); 10] = [
        |other| other.head = Arc::new((*other.head).clone()),
        |other| other.hosts = Arc::new((*other.hosts).clone()),
        |other| other.pools = Arc::new((*other.pools).clone()),
        |other| other.feeds = Arc::new((*other.feeds).clone()),
        |other| other.dumps = Arc::new((*other.dumps).clone()),
        |other| other.runs = Arc::new((*other.runs).clone()),
        |other| other.services = Arc::new((*other.services).clone()),
        |other| other.stores = Arc::new((*other.stores).clone()),
        |other| other.jobs = Arc::new((*other.jobs).clone()),
        |other| other.journal = Arc::new((*other.journal).clone()),
    ];
    for (part, change) in changes.iter().enumerate() {
        let mut other = (*one).clone();
        change(&mut other);
        assert!(crate::engine::compose::differ(&one, &other), "part {part}");
    }
    engine.stop("a test").await;
}

/// One thread: nothing of the engine has run yet when it is told.
#[tokio::test]
async fn what_is_told_before_the_engine_listens_is_heard() {
    let place = Place::new(FLEET);
    let engine = place.start().await;
    engine.outlet().tell(Some("taken".into()));
    let told = |snapshot: &Arc<Snapshot>| says(snapshot, "nobody can read the metrics");
    until(&mut engine.snapshots(), told).await;
    engine.stop("a test").await;
}
