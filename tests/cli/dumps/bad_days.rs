//! An engine whose stick is pulled, whose server dies, and that is killed amid a drill: what it says, to whom, and what it leaves.

use std::time::Duration;

use serde_json::Value;

use super::{Place, text};
use crate::server::Server;

/// How often something is looked at that needs a moment.
const LOOK: Duration = Duration::from_millis(20);

fn within(what: &str, is: impl Fn() -> bool) {
    for _try in 0..1500 {
        if is() {
            return;
        }
        std::thread::park_timeout(LOOK);
    }
    panic!("it did not come within 30 s: {what}");
}

#[test]
fn what_goes_wrong_is_in_the_journal_and_told_once_and_so_is_its_end() {
    let mut place = Place::new();
    let notices = place.folder.path().join("notices");
    let bell = format!(
        "[[notify]]\non = [\"dump-failed\"]\ncommand = [\"sh\", \"-c\", \"cat >> {0}; echo >> {0}\"]\n",
        notices.display()
    );
    place.fleet_with(&bell, "databases = [\"meosmain\", \"race\"]\nevery = \"5s\"\n", place.server.port);
    // A round that fails in the middle because the server goes is told, too: how many there are says nothing.
    let told = |state: &str| {
        let text = std::fs::read_to_string(&notices).unwrap_or_default();
        // The last line may be half there.
        let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|called| called["what"] == format!("dump meos: {state}")).collect::<Vec<_>>()
    };
    let journal = |place: &Place| {
        let text = text(&place.run(&["journal"]).stdout);
        text.lines().filter(|line| line.contains("dump meos")).map(str::to_owned).collect::<Vec<_>>()
    };
    let engine = place.engine();
    place.until("it is good", |dump| dump["state"] == "good");
    assert!(!notices.exists() && journal(&place).is_empty(), "a round that is good is told to nobody");

    let (usb, pocket) = (place.folder.path().join("usb"), place.folder.path().join("pocket"));
    std::fs::rename(&usb, &pocket).unwrap();
    place.until("the stick is missed", |dump| dump["state"] == "medium_away");
    within("somebody is called", || !told("medium away").is_empty());
    let called = told("medium away").remove(0);
    assert_eq!(called["event"], "dump-failed", "{called}");
    assert!(called.to_string().contains(&usb.display().to_string()), "it says which place: {called}");
    std::fs::rename(&pocket, &usb).unwrap();
    place.until("it is good again", |dump| dump["state"] == "good");
    let said = journal(&place);
    assert!(said.iter().any(|line| line.contains("medium away")), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("good again after it was medium away")), "{said:#?}");

    place.server.stop();
    // Who asks while it goes down may be told something else first.
    let refused = "connection refused; is the server running, and does it listen";
    place.until("the server is missed, with the reason", |dump| {
        dump["state"] == "server_away" && dump["error"].as_str().is_some_and(|why| why.contains(refused))
    });
    within("somebody is called again", || !told("server away").is_empty());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(place.server.again());
    place.until("it is good again", |dump| dump["state"] == "good");
    let said = journal(&place);
    assert!(said.iter().any(|line| line.contains("server away")), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("good again after it was server away")), "{said:#?}");
    assert_eq!((told("medium away").len(), told("server away").len()), (1, 1), "once for each");
    drop(engine);
}

#[test]
fn a_killed_drill_leaves_a_database_that_goes_with_the_next_round_or_drill() {
    let place = Place::new();
    let practice = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let practice = practice.block_on(Server::start(8, false));
    practice.sql("CREATE DATABASE hotspare_drill_notes; CREATE DATABASE hotspare_drill_0123456789abcdef");
    // Somebody else's drill is under way there.
    let theirs = "hotspare_drill_fedcba9876543210";
    practice.sql(&format!("CREATE DATABASE {theirs}"));
    let mut lock = std::process::Command::new("mariadb")
        .args(["--no-defaults", "-uroot", "-S"])
        .arg(practice.folder().join("s"))
        .args(["-e", &format!("SELECT GET_LOCK('{theirs}', 0); SELECT SLEEP(1000)")])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    within("their drill is under way", || practice.sql(&format!("SELECT IS_FREE_LOCK('{theirs}')")).trim() == "0");
    let url = format!("mysql://root@127.0.0.1:{}/", practice.port);
    let more = format!("databases = [\"race\"]\nevery = \"1h\"\nscratch = \"{url}\"\n");
    place.fleet_with("", &more, place.server.port);
    let drills = || {
        let found =
            practice.sql("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'hotspare%'");
        found.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let left = [theirs.to_owned(), "hotspare_drill_notes".to_owned()];
    let only_left = || drills().len() == 2 && left.iter().all(|name| drills().contains(name));

    // A client that never comes to its end, as long as somebody waits for it.
    let bin = place.folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let slow = bin.join("mariadb");
    let script = "#!/bin/sh\necho > \"${0%/*}/begun\"\nwhile kill -0 $PPID 2>/dev/null; do sleep 0.1; done\n";
    crate::program::script(&slow, script);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let silent = std::process::Stdio::null;
    let mut command = place.command(&["engine"]);
    let mut engine = super::Running(command.env("PATH", path).stdout(silent()).stderr(silent()).spawn().unwrap());
    place.until("it is good", |dump| dump["state"] == "good");
    within("what an earlier engine left is gone", only_left);
    let mut drill =
        super::Running(place.command(&["dump", "drill", "meos"]).stdout(silent()).stderr(silent()).spawn().unwrap());
    within("the drill is in the middle of it", || bin.join("begun").exists());
    assert_eq!(drills().len(), 3, "{:?}", drills());
    engine.0.kill().unwrap();
    engine.0.wait().unwrap();
    drill.0.wait().unwrap();
    assert_eq!(drills().len(), 3, "nobody could clear up: {:?}", drills());

    // The next engine does with its first round…
    let engine = place.engine();
    place.until("it is good", |dump| dump["state"] == "good");
    within("the killed drill is cleared up", only_left);
    // …and a drill before it begins, which ends well.
    practice.sql("CREATE DATABASE hotspare_drill_00000000deadbeef");
    assert_eq!(place.json(0, &["dump", "drill", "meos"])["ok"], true);
    assert!(only_left(), "{:?}", drills());
    drop(engine);
    lock.kill().unwrap();
    lock.wait().unwrap();
}
