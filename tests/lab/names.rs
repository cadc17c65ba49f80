//! What needs a surrounding of its own: a name with ten addresses, and a user without the right to ping.
//!
//! The test binary runs itself again inside that surrounding, with the one test that belongs there.

use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::check::CheckKind;
use hotspare::health::probe::icmp::Way;

use crate::farm::{Host, run};
use crate::probes::{ask, probe, prober};

/// A copy of this binary that any user may run.
fn copy(folder: &std::path::Path) -> String {
    let path = folder.join("lab");
    crate::program::itself(&path);
    run("chmod", &["755", folder.to_str().expect("a path")]);
    path.display().to_string()
}

#[test]
fn a_name_with_ten_addresses_costs_one_time_out() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let silent: Vec<String> = (1..10).map(|number| format!("192.0.2.{number}")).collect();
    host.silent_neighbours(&silent);
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, format!("{} many.test\n127.0.0.1 many.test\n", silent.join(" many.test\n")))
        .expect("written");
    let script = format!(
        "mount --bind {} /etc/hosts && exec {} --exact names::inside_ten_addresses --ignored --nocapture",
        hosts.display(),
        copy(folder.path())
    );
    host.exec(&["unshare", "--mount", "--propagation", "private", "sh", "-c", &script]);
}

#[tokio::test]
#[ignore = "run by a_name_with_ten_addresses_costs_one_time_out, where the name exists"]
async fn inside_ten_addresses() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let prober = prober(None);
    let (clock, time) = (Clock::real(), Duration::from_secs(2));
    let began = clock.tick();
    let seen = prober.run(&ask("many.test", CheckKind::Tcp { port }), time).await;
    assert_eq!(seen.reason, None, "the one that listens is found");
    assert_eq!(prober.run(&ask("many.test", CheckKind::Ping), time).await.reason, None);
    assert!(clock.tick().since(began) < time, "after {:?}", clock.tick().since(began));
    drop(listener);
    let began = clock.tick();
    let seen = prober.run(&ask("many.test", CheckKind::Tcp { port }), Duration::from_millis(800)).await;
    assert_eq!(seen.reason.as_deref(), Some("no answer in 800 ms"));
    assert!(clock.tick().since(began) < Duration::from_millis(1200), "one time-out, not ten");
}

#[test]
fn without_any_right_the_systems_ping_is_used() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    let binary = copy(folder.path());
    // In a new namespace no group may ping, and nobody may open a raw socket but root.
    let test = ["--exact", "names::inside_without_rights", "--ignored", "--nocapture"];
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", &binary];
    host.exec(&[&nobody[..], &test[..]].concat());
    let test = ["--exact", "names::inside_as_root", "--ignored", "--nocapture"];
    host.exec(&[&[binary.as_str()][..], &test[..]].concat());
}

#[tokio::test]
#[ignore = "run by without_any_right_the_systems_ping_is_used, as a user without rights"]
async fn inside_without_rights() {
    let prober = prober(None);
    assert_eq!(probe(&prober, &ask("127.0.0.1", CheckKind::Ping)).await.1, "");
    assert_eq!(prober.ping_way(), Some(Way::Program));
    assert_eq!(probe(&prober, &ask("::1", CheckKind::Ping)).await.1, "");
    let silent = probe(&prober, &ask("192.0.2.1", CheckKind::Ping)).await.1;
    assert_eq!(silent, "the ping program could not send", "the namespace has no way there");
}

#[tokio::test]
#[ignore = "run by without_any_right_the_systems_ping_is_used, as root in a new namespace"]
async fn inside_as_root() {
    let prober = prober(None);
    assert_eq!(probe(&prober, &ask("127.0.0.1", CheckKind::Ping)).await.1, "");
    assert_eq!(prober.ping_way(), Some(Way::Raw));
    assert_eq!(probe(&prober, &ask("::1", CheckKind::Ping)).await.1, "");
    assert_eq!(probe(&prober, &ask("192.0.2.1", CheckKind::Ping)).await.1, "no route to host");
}
