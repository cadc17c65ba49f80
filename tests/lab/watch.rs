//! The worker over real hosts: faults come and go, and the verdicts follow within the announced thresholds.

use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::Fleet;
use hotspare::fleet::check::{Check, CheckKind};
use hotspare::fleet::host::Host as Declared;
use hotspare::health::observation::Outcome;
use hotspare::health::view::{Health, MaintenanceView};
use hotspare::health::worker::{HostChange, Watch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::farm::{Host, run};
use crate::probes::{nginx, prober};

fn declared(name: &str, address: &str, every: Duration, kinds: Vec<CheckKind>) -> Declared {
    let checks = kinds.into_iter().map(|kind| Check {
        name: kind.word().to_owned(),
        kind,
        every: Some(every),
        timeout: None,
        vital: None,
    });
    Declared {
        name: name.into(),
        address: address.into(),
        ssh: address.into(),
        service: None,
        labels: std::collections::BTreeMap::new(),
        checks: checks.collect(),
    }
}

fn fleet(hosts: Vec<Declared>) -> Arc<Fleet> {
    Arc::new(Fleet { hosts, ..Fleet::empty("lab") })
}

fn page(address: &str) -> CheckKind {
    CheckKind::Http { url: format!("http://{address}/"), status: 200, contains: None }
}

/// The next change of health, which must come within `time`.
async fn next(changes: &mut UnboundedReceiver<HostChange>, time: Duration) -> HostChange {
    tokio::time::timeout(time, changes.recv()).await.expect("a change in time").expect("the watch goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_goes_and_comes_back_within_its_thresholds() {
    let mut host = Host::new();
    let pid = nginx(&mut host).await;
    let address = host.address.to_string();
    let every = Duration::from_millis(200);
    let kinds = vec![CheckKind::Ping, CheckKind::Tcp { port: 80 }, page(&address)];
    let clock = Clock::real();
    let (watch, mut changes) =
        Watch::start(&fleet(vec![declared("a", &address, every, kinds)]), clock.clone(), prober(None));
    let up = next(&mut changes, Duration::from_secs(3)).await;
    assert_eq!((up.change.from, up.change.to), (Health::Unknown, Health::Up));
    assert_eq!(watch.views()[0].thresholds, "down after 5 failures × 200 ms, up after 1 s");

    // Half dead: it answers pings and accepts connections, and no page comes.
    run("kill", &["-STOP", &pid.to_string()]);
    let suspect = next(&mut changes, Duration::from_secs(5)).await;
    assert_eq!((suspect.change.to, suspect.change.why.as_deref()), (Health::Suspect, Some("no answer in 800 ms")));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(watch.views()[0].health, Health::Suspect, "never down while a vital check passes");
    run("kill", &["-CONT", &pid.to_string()]);
    assert_eq!(next(&mut changes, Duration::from_secs(3)).await.change.to, Health::Up);

    host.unplug();
    let began = clock.tick();
    assert_eq!(next(&mut changes, Duration::from_secs(4)).await.change.to, Health::Suspect);
    let down = next(&mut changes, Duration::from_secs(6)).await;
    let took = clock.tick().since(began);
    assert_eq!(down.change.to, Health::Down);
    assert!(down.evidence.as_deref().is_some_and(|evidence| evidence.contains("ping failed")), "{down:?}");
    // Each failure takes its time-out of 800 ms, and the next run starts on the grid of 200 ms: five of at most 1 s.
    assert!(took > Duration::from_secs(3) && took < Duration::from_millis(6500), "{took:?}");

    host.plug();
    let back = next(&mut changes, Duration::from_secs(10)).await;
    assert_eq!((back.change.from, back.change.to), (Health::Down, Health::Up));
    let history = watch.history("a").expect("it is watched");
    let seen: Vec<Health> = history.changes.iter().map(|change| change.to).collect();
    assert_eq!(seen, [Health::Up, Health::Suspect, Health::Up, Health::Suspect, Health::Down, Health::Up]);
    assert!(history.checks["http"].iter().any(|point| point.outcome == Outcome::Fail));
    watch.shutdown().await;
}

/// A server on this machine that answers every page, or never answers anything.
async fn server(answers: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut client, _peer)) = listener.accept().await {
            if answers {
                tokio::spawn(async move {
                    let mut question = [0_u8; 2048];
                    let _asked = client.read(&mut question).await;
                    let _sent = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                });
            } else {
                held.push(client);
            }
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_hosts_that_never_answer_delay_nobody() {
    let (silent, speaking) = (server(false).await, server(true).await);
    let every = Duration::from_secs(1);
    let mut hosts: Vec<Declared> =
        (0..200).map(|number| declared(&format!("silent-{number}"), "127.0.0.1", every, vec![page(&silent)])).collect();
    let well = (0..50).map(|number| declared(&format!("well-{number}"), "127.0.0.1", every, vec![page(&speaking)]));
    hosts.extend(well);
    let (watch, _changes) = Watch::start(&fleet(hosts), Clock::real(), prober(None));
    tokio::time::sleep(Duration::from_secs(8)).await;
    for view in watch.views() {
        let check = &view.checks[0];
        if view.name.starts_with("silent") {
            assert_eq!((view.health, check.reason.as_deref()), (Health::Down, Some("no answer in 800 ms")), "{view:?}");
        } else {
            assert_eq!(view.health, Health::Up, "{view:?}");
            let runs = watch.history(&view.name).expect("it is watched").checks["http"].len();
            assert!((7..=9).contains(&runs), "{} ran {runs} times in 8 s", view.name);
        }
    }
    let lateness = watch.lateness();
    assert_eq!(lateness.skipped, 0, "{lateness:?}");
    assert!(lateness.p99 < Duration::from_millis(50), "{lateness:?}");
    watch.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_lines_are_edited_while_it_is_silent_goes_down_all_the_same() {
    let silent = server(false).await;
    let host = |label: &str| {
        // Each question takes longer than the pace: the next one is always owed.
        let mut host = declared("a", "127.0.0.1", Duration::from_millis(100), vec![page(&silent)]);
        host.labels.insert("site".into(), label.into());
        host
    };
    let (watch, mut changes) = Watch::start(&fleet(vec![host("hall")]), Clock::real(), prober(None));
    let mut seen = watch.seen();
    let failed = async { while watch.views()[0].checks[0].reason.is_none() && seen.changed().await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), failed).await.expect("a first failure");
    for label in ["hall-a", "hall-b"] {
        watch.reload(&fleet(vec![host(label)]));
    }
    let mut told = Vec::new();
    while told.last() != Some(&Health::Down) {
        told.push(next(&mut changes, Duration::from_secs(8)).await.change.to);
    }
    assert_eq!(watch.views()[0].health, Health::Down, "{told:?}");
    // Taken out of the file, it is asked and told of no more.
    watch.reload(&fleet(Vec::new()));
    assert!(tokio::time::timeout(Duration::from_secs(2), changes.recv()).await.is_err());
    watch.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_fleet_is_quiet_and_a_reload_keeps_what_did_not_change() {
    let speaking = server(true).await;
    let every = Duration::from_millis(100);
    let host = |name: &str| declared(name, "127.0.0.1", every, vec![page(&speaking)]);
    let (watch, mut changes) = Watch::start(&fleet(vec![host("a"), host("b")]), Clock::real(), prober(None));
    for _host in 0..2 {
        assert_eq!(next(&mut changes, Duration::from_secs(3)).await.change.to, Health::Up);
    }
    // Latencies settle; then ten seconds of checks bring next to nothing to see.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut seen = watch.seen();
    let before = *seen.borrow_and_update();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let brought = *seen.borrow() - before;
    assert!(brought <= 8, "{brought} changes to see in 80 runs of an idle fleet");

    let views = watch.views();
    let mut labelled = host("b");
    labelled.labels.insert("site".into(), "hall".into());
    let mut third = host("c");
    third.checks.push(Check {
        name: "closed".into(),
        kind: CheckKind::Tcp { port: 1 },
        every: None,
        timeout: None,
        vital: None,
    });
    watch.reload(&fleet(vec![third, labelled, host("a")]));
    let after = watch.views();
    assert_eq!(after.iter().map(|view| view.name.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    assert!(Arc::ptr_eq(&after[2], &views[0]), "an unchanged host is the same");
    assert_eq!(
        (after[1].health, after[1].labels.len()),
        (Health::Up, 1),
        "a label changes nothing of what is believed"
    );
    assert!(watch.history("b").expect("it is watched").checks["http"].len() > 20);
    assert_eq!(after[0].health, Health::Unknown);

    assert_eq!(watch.probe_now(&["c".to_owned()]).await, 2);
    assert_eq!(watch.views()[0].checks[1].reason.as_deref(), Some("connection refused"));
    let now = Clock::real().now();
    let maintenance = MaintenanceView { owner: "ana".into(), why: "new disk".into(), since: now, until: now };
    assert!(watch.set_maintenance("a", Some(maintenance)));
    let view = watch.views()[2].clone();
    assert_eq!((view.health, view.why.as_deref()), (Health::Maintenance, Some("new disk")));
    assert!(watch.set_maintenance("a", None));
    assert_eq!(watch.views()[2].health, Health::Up);
    assert!(!watch.set_maintenance("nobody", None));
    let mut elsewhere = host("b");
    elsewhere.checks[0].kind = page(&server(true).await);
    watch.reload(&fleet(vec![elsewhere, host("a")]));
    assert_eq!(watch.views()[0].health, Health::Unknown, "of another address nothing is known yet");
    assert_eq!(watch.views()[1].health, Health::Up);
    watch.shutdown().await;
    let count = watch.history("a").expect("it is watched").checks["http"].len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(watch.history("a").expect("it is watched").checks["http"].len(), count, "it has stopped");
}
