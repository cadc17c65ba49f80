//! Every way in which a hold ends without its person: the locks are free soon, somebody says so, nothing is left behind.

use std::process::{Child, Command};
use std::time::Duration;

use hotspare::clock::Clock;

use super::{PATIENCE, Site};
use crate::site::within;

/// The host lets go by itself after 30 s; a cut connection is noticed a little earlier.
const CUT: Duration = Duration::from_secs(45);

impl Site {
    /// Waits until all locks are free and no helper is left, and says how long that took.
    async fn freed(&self, most: Duration) -> Duration {
        let clock = Clock::real();
        let began = clock.tick();
        within(most, "the locks are free", || self.all("free")).await;
        let took = clock.tick().since(began);
        within(PATIENCE, "no helper is left", || self.helpers().is_empty()).await;
        took
    }

    /// The ssh clients of the engine on whose input its hold hangs.
    fn clients(&self) -> Vec<u32> {
        let folder = crate::site::text(self.lan.folder.path());
        let ours = |pid: &u32| {
            let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let line = String::from_utf8_lossy(&read("cmdline")).into_owned();
            read("comm").starts_with(b"ssh\n") && line.contains("hotspare-hold") && line.contains(folder)
        };
        crate::farm::processes("HOTSPARE_HOLD").into_iter().filter(ours).collect()
    }
}

fn over(mut child: Child) {
    let _ended_already = child.kill();
    child.wait().expect("reaped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_ssh_releases_at_once_and_the_command_is_told() {
    let site = Site::new().await;
    let first = site.held(&["--why", "new disk", "--", "sleep 8"]).await;
    let clients = site.clients();
    assert!(!clients.is_empty(), "the engine has a client for the hold");
    for pid in clients {
        assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill").success());
    }
    println!("free {:?} after ssh was killed", site.freed(Duration::from_secs(10)).await);
    within(PATIENCE, "the journal says so", || !site.journal("its locks were lost").is_empty()).await;
    assert_eq!(site.health(), "maintenance", "a person looks before anything is decided by itself");
    let ended = first.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("did not last until the end"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_command_line_releases_and_the_host_stays_in_maintenance() {
    let site = Site::new().await;
    over(site.held(&["--why", "new disk", "--", "sleep 1000"]).await);
    println!("free {:?} after the command line was killed", site.freed(CUT).await);
    within(PATIENCE, "the journal says so", || !site.journal("whoever held it is not there").is_empty()).await;
    assert_eq!(site.health(), "maintenance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_releases_at_once_and_the_next_one_says_so() {
    let site = Site::new().await;
    let first = site.held(&["--why", "new disk", "--", "sleep 8"]).await;
    let (_, status) = site.lan.ask(&["engine", "status"]);
    let pid = status["engine"]["pid"].as_u64().expect("a pid").to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill").success());
    println!("free {:?} after the engine was killed", site.freed(Duration::from_secs(10)).await);
    let ended = first.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("the engine is gone"), "{told}");
    // Whoever comes next is told what became of it.
    let next = site.maintain(&["--", "true"]);
    assert_eq!(next.status.code(), Some(0), "{}", super::said(&next));
    assert_eq!(site.journal("ended without a word").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_without_a_word_releases_by_itself() {
    let site = Site::new().await;
    let first = site.held(&["--why", "new disk", "--", "sleep 1000"]).await;
    let kv = site.lan.machine("kv");
    kv.exec(&["nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; policy drop; }"]);
    let took = site.freed(CUT).await;
    println!("free {took:?} after the network was cut");
    assert!(took > Duration::from_secs(15), "nothing told the host: {took:?}");
    over(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_ends_it_when_its_time_is_over() {
    let site = Site::new().await;
    let began = Clock::real();
    let first = began.tick();
    let held = site.held(&["--for", "4s", "--", "sleep 12"]).await;
    site.freed(Duration::from_secs(10)).await;
    assert!(began.tick().since(first) >= Duration::from_secs(4));
    within(PATIENCE, "the journal says so", || !site.journal("its time is over").is_empty()).await;
    let ended = held.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("the time is over"), "{told}");
}
