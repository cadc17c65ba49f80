//! A store whose copies go to another machine, by the real program, a real sshd and the real rsync.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::engine::command::{Finding, Grade};
use hotspare::engine::doctor::doctor;
use hotspare::fleet;
use hotspare::session::filter::Filter;
use hotspare::session::side::{self, Depth, Known, Look, Ways};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::farm::{Host, Ssh, run};
use crate::place::{Place, Running};
use crate::probes::prober;

const P001: [&str; 2] = ["p001", "20250104"];

/// A store here, a machine there, and the program between them.
struct Lab {
    host: Host,
    ssh: Ssh,
    place: Place,
}

impl Lab {
    async fn new() -> Self {
        let mut host = Host::new();
        let ssh = host.sshd().await;
        let there = host.folder.path().join("copies of all");
        std::fs::create_dir(&there).expect("a folder");
        let place = Place::new(&fleet(&ssh, &there));
        let lab = Self { host, ssh, place };
        // The ssh client of whoever runs the engine, with what the lab's sshd asks for.
        let client = run("sh", &["-c", "command -v ssh"]);
        let wrapper = format!(
            "#!/bin/sh\ncase \" $* \" in *' -F '*) exec {0} \"$@\";; esac\nexec {0} -F {1} \"$@\"\n",
            client.trim(),
            lab.ssh.config.display()
        );
        let bin = lab.place.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        crate::program::script(&bin.join("ssh"), &wrapper);
        let database = rusqlite::Connection::open(lab.place.path().join("imported.db")).expect("a database");
        database.execute("CREATE TABLE imported (participant TEXT, date TEXT, done INTEGER)", []).expect("a table");
        for participant in ["p001", "p002"] {
            database.execute("INSERT INTO imported VALUES (?1, '20250104', 1)", [participant]).expect("a row");
        }
        lab.record("p001");
        lab
    }

    /// What the camera left a while ago.
    fn record(&self, participant: &str) {
        for (name, size) in [("walk.1.mp4", 300_000), ("images/a.json", 30), ("half.tmp", 3)] {
            let path = self.session(participant).join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, vec![7; size]).expect("written");
        }
    }

    fn session(&self, participant: &str) -> PathBuf {
        self.place.path().join("data").join(participant).join("20250104")
    }

    fn there(&self) -> PathBuf {
        self.host.folder.path().join("copies of all")
    }

    fn copy(&self, participant: &str) -> PathBuf {
        self.there().join("20250104").join(participant)
    }

    fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        format!("{}:{path}", self.place.path().join("bin").display())
    }

    fn engine(&self) -> Running {
        let mut command = self.place.program(&["engine"]);
        let errors = std::fs::File::create(self.place.path().join("engine.err")).expect("a file");
        command.env("PATH", self.path()).stderr(errors).stdout(std::process::Stdio::null());
        Running::from(command.spawn().expect("an engine"))
    }

    async fn output(&self, args: &[&str]) -> Output {
        let mut command = self.place.program(&[&["session"], args].concat());
        command.env("PATH", self.path());
        tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends")
    }

    /// The exit code and the JSON of `hotspare session …`.
    async fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = self.output(&[args, &["--json"]].concat()).await;
        let said = String::from_utf8_lossy(&output.stdout);
        let json = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap_or(-1), json)
    }

    /// The row of p001, and how the destination stands.
    async fn row(&self, args: &[&str]) -> (Value, Value) {
        let (_, json) = self.json(&[&["list"], args].concat()).await;
        let first = |name: &str| json[name].get(0).cloned().unwrap_or(Value::Null);
        (first("sessions"), first("destinations"))
    }
}

fn fleet(ssh: &Ssh, there: &Path) -> String {
    format!(
        "name = \"harbour\"\n[sessions.mocap]\nsource = \"data\"\nlayout = \"{{participant}}/{{date}}\"\nsettle = \"1s\"\n\
         destinations = [{{ name = \"Far\", path = \"ssh://{}{}\", layout = \"{{date}}/{{participant}}\" }}]\n\
         imported = {{ sqlite = \"imported.db\", query = \"SELECT participant, date, done FROM imported\" }}\n",
        ssh.destination,
        there.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_there_is_found_out_when_it_rots_and_is_deleted_here() {
    let lab = Lab::new().await;
    let _engine = lab.engine();
    drop(lab.place.join().await);
    let (code, synced) = lab.json(&[&["sync"][..], &P001].concat()).await;
    assert_eq!((code, &synced["sessions"][0]["result"]), (0, &Value::from("copied")), "{synced}");
    assert_eq!(std::fs::read(lab.copy("p001").join("walk.1.mp4")).expect("there").len(), 300_000);
    assert!(!lab.copy("p001").join("half.tmp").exists());
    run("sh", &["-c", &format!("cd '{}' && b3sum --check --quiet p001.b3", lab.there().join("20250104").display())]);
    let (_, again) = lab.json(&[&["sync"][..], &P001].concat()).await;
    assert_eq!(again["sessions"][0]["result"], "skipped", "{again}");

    let (code, shown) = lab.json(&[&["show"][..], &P001].concat()).await;
    assert_eq!(code, 0, "{shown}");
    assert!(shown.to_string().contains(&format!("{}:{}", lab.ssh.destination, lab.copy("p001").display())), "{shown}");

    let (code, verified) = lab.json(&[&["verify"][..], &P001].concat()).await;
    assert_eq!((code, &verified["ok"]), (0, &Value::from(true)), "{verified}");

    // The same size and time: only the content tells.
    let file = lab.copy("p001").join("walk.1.mp4");
    let time = std::fs::metadata(&file).expect("there").modified().expect("a time");
    let mut bytes = vec![7; 300_000];
    bytes[100] = 8;
    std::fs::write(&file, bytes).expect("written");
    std::fs::File::options().append(true).open(&file).expect("open").set_modified(time).expect("set");
    let (code, verified) = lab.json(&[&["verify"][..], &P001].concat()).await;
    assert_eq!((code, &verified["different"][0]["path"]), (1, &Value::from("walk.1.mp4")), "{verified}");
    let delete = [&["delete"][..], &P001, &["--confirm", "DELETE"]].concat();
    let (code, refused) = lab.json(&delete).await;
    assert_eq!(code, 3, "{refused}");
    assert!(lab.session("p001").join("walk.1.mp4").exists());

    let (code, synced) = lab.json(&[&["sync"][..], &P001].concat()).await;
    assert_eq!((code, &synced["sessions"][0]["result"]), (0, &Value::from("copied")), "{synced}");
    // Without its manifest a copy proves nothing.
    let (sums, aside) = (lab.there().join("20250104/p001.b3"), lab.there().join("aside"));
    std::fs::rename(&sums, &aside).expect("moved");
    let (code, refused) = lab.json(&delete).await;
    assert!(code == 3 && refused.to_string().contains("no manifest lies beside the copy"), "{refused}");
    std::fs::rename(&aside, &sums).expect("moved back");
    // Nor does one in a folder that is not the one that it was.
    let (marker, other) = (lab.there().join(".hotspare/store.json"), lab.there().join(".hotspare/other.json"));
    std::fs::rename(&marker, &other).expect("moved");
    let (code, refused) = lab.json(&delete).await;
    assert!(code == 3 && refused.to_string().contains("it has no marker"), "{refused}");
    std::fs::rename(&other, &marker).expect("moved back");

    let (code, deleted) = lab.json(&delete).await;
    assert_eq!(code, 0, "{deleted}");
    let remains = deleted["deleted"][0]["remains"][0].as_str().expect("it says where it remains");
    assert_eq!(remains, format!("Far: {}:{}", lab.ssh.destination, lab.copy("p001").display()));
    assert!(!lab.session("p001").exists() && file.exists());
    let (code, verified) = lab.json(&[&["verify"][..], &P001].concat()).await;
    assert_eq!((code, &verified["ok"]), (0, &Value::from(true)), "by the manifest alone: {verified}");
    assert_eq!(std::fs::read_dir(lab.there().join(".hotspare/locks")).expect("read").count(), 0, "no lock is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_that_is_pulled_makes_it_unknown_in_time_and_back_it_is_known_again() {
    let lab = Lab::new().await;
    let _engine = lab.engine();
    drop(lab.place.join().await);
    assert_eq!(lab.json(&[&["sync"][..], &P001].concat()).await.0, 0);
    // It is safe as soon as it has been quiet for a second.
    let mut known = lab.row(&[]).await;
    for _try in 0..100 {
        if known.0["safe"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        known = lab.row(&[]).await;
    }
    let (row, stands) = known;
    assert!(row["backup"] == true && row["safe"] == true, "{row} {stands}");

    lab.host.unplug();
    let clock = Clock::real();
    for args in [&[][..], &["--refresh"]] {
        let asked = clock.tick();
        let (row, stands) = lab.row(args).await;
        let lasted = clock.tick().since(asked);
        assert!(lasted < Duration::from_secs(10), "{lasted:?}");
        assert!(row["safe"] == false && row["backup"] == Value::Null, "{row} {stands}");
        assert!(stands.to_string().contains(&lab.ssh.destination), "{stands}");
    }
    let (code, refused) = lab.json(&[&["delete"][..], &P001, &["--confirm", "DELETE"]].concat()).await;
    assert_eq!(code, 3, "{refused}");
    assert_eq!(lab.json(&[&["sync"][..], &P001].concat()).await.0, 1);
    assert!(lab.session("p001").exists());

    lab.host.plug();
    let mut known = lab.row(&["--refresh"]).await;
    for _try in 0..30 {
        if known.0["safe"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        known = lab.row(&["--refresh"]).await;
    }
    assert!(known.0["backup"] == true && known.0["safe"] == true, "{} {}", known.0, known.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_it() {
    let lab = Lab::new().await;
    let mut declared = fleet::load(fleet(&lab.ssh, &lab.there()).as_bytes(), &lab.place.file()).fleet.expect("a fleet");
    let nowhere = lab.host.folder.path().join("nowhere");
    let more = fleet::load(fleet(&lab.ssh, &nowhere).as_bytes(), &lab.place.file()).fleet.expect("a fleet");
    declared.sessions.extend(more.sessions);
    let declared = Arc::new(declared);
    let examine = || async {
        let cancel = CancellationToken::new();
        let findings = doctor(declared.clone(), prober(Some(&lab.ssh)), Clock::real(), &|_, _, _| {}, &cancel).await;
        move |folder: &Path| -> Finding {
            let end = format!(":{}", folder.display());
            let found = findings.iter().find(|found| found.subject.ends_with(&end));
            found.unwrap_or_else(|| panic!("{findings:#?}")).clone()
        }
    };
    let find = examine().await;
    let fresh = find(&lab.there());
    assert!(fresh.grade == Grade::Good && fresh.found.starts_with("no marker yet") && fresh.found.ends_with("free"));
    let missing = find(&nowhere);
    assert!(missing.grade == Grade::Bad && missing.remedy.starts_with("make it there"), "{missing:?}");

    let own = lab.there().join(".hotspare");
    std::fs::create_dir(&own).expect("a folder");
    let marker =
        r#"{"id": "1", "fleet": "harbour", "store": "mocap", "destination": "Far", "made": "2025-01-04T10:00:00Z"}"#;
    std::fs::write(own.join("store.json"), marker).expect("written");
    let found = examine().await(&lab.there());
    assert!(found.found.starts_with("holds copies of mocap of harbour, "), "{found:?}");

    lab.host.unplug();
    let gone = examine().await(&lab.there());
    assert!(gone.grade == Grade::Bad && !gone.remedy.is_empty(), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_look_sees_what_came_and_what_went() {
    let lab = Lab::new().await;
    let write = |participant: &str, name: &str| {
        std::fs::create_dir_all(lab.copy(participant)).expect("a folder");
        std::fs::write(lab.copy(participant).join(name), b"x").expect("written");
    };
    for participant in ["p001", "p002", "p003"] {
        write(participant, "a.mp4");
    }
    let declared = fleet::load(fleet(&lab.ssh, &lab.there()).as_bytes(), &lab.place.file()).fleet.expect("a fleet");
    let store = &declared.sessions[0];
    let ways = Ways::new(lab.ssh.pool(), Clock::real());
    let far = side::destination(&store.destinations[0], &declared.hosts, &Filter::new(store), &ways);
    // Tomorrow: what was just written does not count as being written.
    let now = Timestamp::from_second(Clock::real().now().as_second() + 86_400).expect("a time");
    let scan = async |known: &Known, depth: Depth| {
        let (far, look) = (Arc::clone(&far), Look { known: Arc::new(known.clone()), depth, now });
        let scanned = tokio::task::spawn_blocking(move || far.scan(&look, &|| true)).await.expect("it ends");
        scanned.expect("looked at")
    };
    let first = scan(&Known::new(), Depth::Full).await;
    assert_eq!((first.found.len(), first.looked), (3, 3));
    let same = scan(&first.found, Depth::Changed).await;
    assert_eq!((same.found == first.found, same.looked), (true, 0), "nothing is looked into again");
    write("p001", "b.mp4");
    write("p004", "a.mp4");
    std::fs::remove_dir_all(lab.copy("p002")).expect("removed");
    let then = scan(&first.found, Depth::Changed).await;
    let mut files: Vec<_> = then.found.iter().map(|(key, it)| (key.participant.as_str(), it.facts.files)).collect();
    files.sort_unstable();
    assert_eq!((files.as_slice(), then.looked), (&[("p001", 2), ("p003", 1), ("p004", 1)][..], 2));
    let full = scan(&Known::new(), Depth::Full).await;
    assert_eq!(full.found, then.found, "a quick look says what a full one says");
}
