//! Every way in which a hold ends without its person: the locks are free soon, somebody says so, nothing is left behind.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
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

impl Site {
    /// A command for `--` that notes its number and then runs until it is ended, as far as it heeds signals.
    fn endless(&self, heeds: &str) -> String {
        format!("{heeds}; echo $$ >{}; while :; do sleep 0.2; done", crate::site::text(&self.lan.path("work.pid")))
    }

    /// The number that it noted.
    async fn work(&self) -> u32 {
        let read = || std::fs::read_to_string(self.lan.path("work.pid")).ok()?.trim().parse().ok();
        within(PATIENCE, "the command runs", || read().is_some()).await;
        read().expect("a number")
    }
}

/// Whether a process lives; a zombie does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill").success());
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
    let mut other = site.lan.machine("kv").command(&["sleep", "1000"]).spawn().expect("sleep");
    let child = site.held(&["--why", "new disk", "--", &site.endless("trap '' TERM HUP")]).await;
    let work = site.work().await;
    over(child);
    assert!(lives(work), "nobody on the host knows yet");
    // Nobody else begins before it is gone, although it does not heed what it is told first.
    let gone = || !lives(work);
    let early = || site.all("free") && lives(work);
    within(CUT, "the command is gone", || {
        assert!(!early(), "the locks are free, and the command runs");
        gone()
    })
    .await;
    println!("free {:?} after the command was gone", site.freed(CUT).await);
    within(PATIENCE, "the journal says so", || !site.journal("whoever held it is not there").is_empty()).await;
    assert_eq!(site.journal("did not end for 10 s, was killed, and is gone").len(), 1);
    assert_eq!(site.health(), "maintenance");
    assert!(other.try_wait().expect("a child").is_none(), "what else runs there is left alone");
    over(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_connection_broke_is_ended_before_the_locks_are_given_back() {
    let site = Site::new().await;
    let child = site.held(&["--why", "new disk", "--", &site.endless("trap '' HUP PIPE")]).await;
    let work = site.work().await;
    // The operator's own ssh, not that of the engine: it has the work in its command line.
    let mine = crate::farm::processes("hotspare-work").into_iter().filter(|pid| {
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        read("comm").starts_with(b"ssh\n") && String::from_utf8_lossy(&read("cmdline")).contains("work.pid")
    });
    mine.for_each(|pid| signal(pid, "KILL"));
    let ended = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("was ended, and is gone") && told.contains("the locks are free, read back"), "{told}");
    assert!(!lives(work) && site.all("free"));
    within(PATIENCE, "the host counts again", || site.health() == "up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_at_the_terminal_ends_the_command_and_the_maintenance() {
    let site = Site::new().await;
    let mut command = site.lan.hotspare(&[]);
    let program = command.get_program().to_owned();
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let line: Vec<String> = std::iter::once(program.to_string_lossy().into_owned())
        .chain(words)
        .chain(["maintain", "judicator", "--why", "disk", "--", &site.endless("true")].map(str::to_owned))
        .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
        .collect();
    // A terminal of its own.
    let mut terminal = Command::new("script");
    terminal.args(["-qefc", &line.join(" "), "/dev/null"]);
    for (name, value) in command.env("TERM", "xterm").get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = terminal.spawn().expect("script is missing: apt-get install bsdutils");
    let work = site.work().await;
    child.stdin.as_mut().expect("an input").write_all(&[3]).expect("typed");
    let ended = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{told}");
    assert!(
        told.contains("the command on kv was interrupted") && told.contains("the locks are free, read back"),
        "{told}"
    );
    assert!(!lives(work) && site.all("free"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_holds_on_one_host_show_both_reasons_until_the_last_is_over() {
    let site = Site::new().await;
    let file = site.file("gateway.pid");
    std::fs::write(&file, "99999999\n").expect("written");
    let path = site.lan.path("fleet.toml");
    let fleet = std::fs::read_to_string(&path).expect("read");
    let more = format!("[services.gateway]\nhost = \"kv\"\npid_files = [{:?}]\n", crate::site::text(&file));
    std::fs::write(&path, fleet + &more).expect("written");
    let services = || site.lan.ask(&["service", "list"]).1["services"].as_array().map_or(0, Vec::len);
    within(PATIENCE, "there are two", || services() == 2).await;
    let first = site.held(&["--why", "new disk", "--", "sleep 1000"]).await;
    let mut command = site.lan.hotspare(&["maintain", "gateway", "--why", "update", "--", "sleep 1000"]);
    let second = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hotspare");
    let why = || site.lan.ask(&["status"]).1["hosts"][0]["maintenance"]["why"].as_str().unwrap_or_default().to_owned();
    let both = "service judicator: new disk; service gateway: update";
    within(PATIENCE, "both reasons", || why() == both).await;
    signal(first.id(), "TERM");
    assert_eq!(first.wait_with_output().expect("it ends").status.code(), Some(130));
    within(PATIENCE, "the one that is left", || why() == "service gateway: update").await;
    assert_eq!(site.health(), "maintenance");
    signal(second.id(), "TERM");
    second.wait_with_output().expect("it ends");
    within(PATIENCE, "none is left", || site.health() == "up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_ended_while_the_locks_are_being_taken_has_none() {
    let site = Site::new().await;
    site.lan.tell(&["engine", "start"]);
    for (round, word) in ["TERM", "INT", "HUP", "TERM", "INT", "HUP"].into_iter().enumerate() {
        let mut command = site.lan.hotspare(&["maintain", "judicator", "--why", "new disk", "--", "sleep 1000"]);
        let taking =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("hotspare");
        let begun = || site.journal("locking judicator").len() > round;
        within(PATIENCE, "it is being taken", begun).await;
        signal(taking.id(), word);
        let ended = taking.wait_with_output().expect("it ends");
        assert_eq!(ended.status.code(), Some(130), "{word}: {}", super::said(&ended));
        within(PATIENCE, "nobody has them", || site.all("free")).await;
        within(PATIENCE, "it is no longer in maintenance", || site.health() == "up").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_lock_is_given_back_as_well() {
    let site = Site::new().await;
    site.lan.tell(&["engine", "start"]);
    let stranger = site.stranger("etcd.pid").await;
    let mut command =
        site.lan.hotspare(&["maintain", "judicator", "--why", "new disk", "--timeout", "300s", "--", "sleep 1000"]);
    let taking = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("hotspare");
    within(PATIENCE, "it is being taken", || !site.journal("locking judicator").is_empty()).await;
    let released = site.lan.tell(&["service", "release", "judicator"]);
    assert_eq!(released.status.code(), Some(0), "{}", super::said(&released));
    let ended = taking.wait_with_output().expect("it ends");
    let told = super::said(&ended);
    assert_eq!(ended.status.code(), Some(3), "{told}");
    assert!(told.contains("was given back by somebody while its locks were being taken"), "{told}");
    over(stranger);
    within(PATIENCE, "nobody has them", || site.all("free")).await;
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
async fn what_is_given_back_is_read_back_from_outside() {
    let site = Site::new().await;
    let first = site.held(&["--why", "new disk", "--", "sleep 8"]).await;
    let folder = crate::site::text(site.lan.folder.path());
    // The shell that has the locks hears nothing any more, and so does not let go when it is told to.
    let holders = crate::farm::processes("HOTSPARE_HOLD").into_iter().filter(|pid| {
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        read("cmdline").starts_with(b"sh\0-c\0eval") && String::from_utf8_lossy(&read("environ")).contains(folder)
    });
    let holders: Vec<u32> = holders.collect();
    assert!(!holders.is_empty(), "somebody has the locks");
    for pid in &holders {
        signal(*pid, "STOP");
    }
    let released = site.lan.tell(&["service", "release", "judicator"]);
    let told = super::said(&released);
    assert!(site.all("held"));
    for pid in &holders {
        signal(*pid, "CONT");
    }
    assert_eq!(released.status.code(), Some(1), "{told}");
    assert!(told.contains("a lock is still held") && told.contains("held now by root"), "{told}");
    assert_eq!(site.journal("a lock is still seen held").len(), 1);
    site.freed(PATIENCE).await;
    let ended = first.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_without_a_word_releases_by_itself() {
    let site = Site::new().await;
    let first = site.held(&["--why", "new disk", "--", &site.endless("trap '' HUP")]).await;
    let work = site.work().await;
    let kv = site.lan.machine("kv");
    kv.exec(&["nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; policy drop; }"]);
    let took = site.freed(CUT).await;
    println!("free {took:?} after the network was cut");
    assert!(took > Duration::from_secs(15), "nothing told the host: {took:?}");
    assert!(!lives(work), "what was begun there is ended by the host itself");
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
