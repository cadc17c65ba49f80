//! Ten ways in which a dump in a loop loses races, each by its name.

use std::time::Duration;

use hotspare::dump::report::MadeResult::{Failed, Unchanged, Written};
use hotspare::dump::trouble::Trouble;
use hotspare::fleet::data::DumpDatabases;

use super::meos::{Meos, PASSWORD, files, of, results};

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_dies_the_recovery_instructions_are_destroyed() {
    let mut meos = Meos::start(&["race_1"]).await;
    meos.good().await;
    let (recovery, there) = (meos.recovery(), files(meos.stick.path()));
    assert!(recovery.contains("restore.sh"), "{recovery}");
    meos.server.stop();
    for _round in 0..3 {
        let away = meos.round().await;
        assert!(matches!(&away, Err(Trouble::Server(why)) if why.contains("connection refused")), "{away:?}");
    }
    assert_eq!((meos.recovery(), files(meos.stick.path())), (recovery, there));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failure_ends_the_program() {
    let mut meos = Meos::start(&["race_1"]).await;
    let first = meos.good().await;
    meos.server.stop();
    assert!(meos.round().await.is_err());
    meos.server.again().await;
    // A power cut leaves tables marked as crashed, which the first reading mends: the list of races may be one of them.
    let second = meos.round().await.expect("a round");
    for name in ["meosmain", "race_1"] {
        assert_eq!(of(&second, name).result, Unchanged, "nothing is written for a restart: {second:?}");
    }
    assert_eq!(second.kit, first.kit);
    meos.good().await;
    meos.server.sql("DELETE FROM race_1.oCard WHERE Id = 1");
    assert_eq!(of(&meos.good().await, "race_1").result, Written);
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_race_stops_all_later_ones() {
    let meos = Meos::start(&["race_1"]).await;
    meos.list("race_2", "listed, and not made yet");
    meos.race("race_3", "Sprint / Final");
    meos.race("race_4", "the last");
    let made = meos.round().await.expect("a round");
    let come =
        [("meosmain", Written), ("race_1", Written), ("race_2", Failed), ("race_3", Written), ("race_4", Written)];
    assert_eq!(results(&made), come);
    assert!(of(&made, "race_2").error.as_deref().is_some_and(|why| why.contains("not made yet")));
    assert!(of(&made, "race_2").file.is_none(), "nothing that looks like a dump");
    // A table that is damaged beyond reading stops nothing either.
    meos.server.sql("FLUSH TABLES");
    let data = meos.server.folder().join("data/race_3/oRunner.MYI");
    std::fs::write(data, "no index").expect("written");
    meos.server.sql("INSERT INTO race_4.oCard VALUES (777, '')");
    let made = meos.round().await.expect("a round");
    assert_eq!((of(&made, "race_3").result, of(&made, "race_4").result), (Failed, Written));
    assert!(of(&made, "race_3").error.as_deref().is_some_and(|why| why.contains("oRunner")), "{made:?}");
    // The kit goes on holding what it had of it.
    let kit = meos.newest();
    let race = kit.databases.iter().find(|one| one.name == "race_3").expect("race_3");
    assert!(race.held.as_ref().is_some_and(|held| held.kit != kit.name) && race.error.is_some(), "{race:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_races_of_one_name_overwrite_each_other() {
    let meos = Meos::start(&[]).await;
    meos.race("race_1", "Race 1");
    meos.race("Race_1", "Race-1");
    meos.race("RACE_1", "Race 1");
    meos.server.sql("INSERT INTO Race_1.oCard VALUES (5000, 'only here')");
    let made = meos.good().await;
    let mut names: Vec<String> =
        made.databases.iter().map(|one| one.file.clone().expect("a file").to_lowercase()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "also where the case of letters tells nothing: {names:?}");
    meos.practised().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_half_a_dump_with_a_regular_name() {
    let mut meos = Meos::start(&["race_1"]).await;
    let small = Small::mount(meos.stick.path());
    meos.dump.mount = true;
    let first = meos.good().await;
    let recovery = meos.recovery();
    // What no compression makes small enough.
    meos.server.sql(
        "USE race_1; CREATE TABLE race_1.noise (b BLOB); INSERT INTO race_1.noise SELECT RANDOM_BYTES(1000) FROM seq_1_to_9000",
    );
    for _round in 0..2 {
        let full = meos.round().await;
        assert!(matches!(&full, Err(Trouble::Medium(_))), "{full:?}");
        assert_eq!((meos.recovery(), meos.newest().name), (recovery.clone(), first.kit.clone()));
        meos.practised().await;
    }
    let half: Vec<String> = files(meos.stick.path()).into_iter().filter(|file| file.contains(".sql.zst")).collect();
    assert!(half.iter().all(|file| file.starts_with(&first.kit)), "{half:?}");
    meos.server.sql("DROP TABLE race_1.noise; DELETE FROM race_1.oCard WHERE Id < 50");
    assert_eq!(of(&meos.good().await, "race_1").result, Written);
    drop(small);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_accounts_without_a_password_work_and_ps_would_show_one() {
    let mut meos = Meos::start(&["race_1"]).await;
    let seen = meos.stick.path().parent().expect("a folder").join(format!("seen-{}", fastrand::u64(..)));
    let script = format!(
        "{{ tr '\\0' ' ' < /proc/$$/cmdline; env; f=${{1#--defaults-file=}}; stat -c '%a' \"$f\"; stat -c '%a' \"${{f%/*}}\"; }} >> {}; \
         exec /usr/bin/mariadb-dump \"$@\"",
        seen.display()
    );
    meos.instead_of("mariadb-dump", &script);
    meos.good().await;
    let told = std::fs::read_to_string(&seen).expect("it was called");
    std::fs::remove_file(&seen).expect("removed");
    assert!(told.contains("--defaults-file=") && !told.contains(PASSWORD) && !told.contains("p\"a"), "{told}");
    assert!(told.contains("\n600\n") && told.contains("\n700\n"), "nobody else reads the file: {told}");
    assert!(files(meos.stick.path()).iter().all(|file| {
        let bytes = std::fs::read(meos.stick.path().join(file)).expect("read");
        !bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes())
    }));
    meos.swept();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_dump_passes_for_a_whole_one() {
    let mut meos = Meos::start(&["race_1", "race_2"]).await;
    let first = meos.good().await;
    let there = files(meos.stick.path());
    let change = |number: u32| {
        meos.server.sql(&format!(
            "INSERT INTO race_1.oCard VALUES ({number}, 'new'); INSERT INTO race_2.oCard VALUES ({number}, 'new')"
        ));
    };
    change(1001);
    let mut broken = Meos::start(&[]).await;
    broken.dump = meos.dump.clone();
    std::mem::swap(&mut broken.stick, &mut meos.stick);
    let real = "/usr/bin/mariadb-dump";
    let only_race_1 = |script: &str| format!("case \"$*\" in *race_1) {script};; *) exec {real} \"$@\";; esac");
    broken.tools.patience.flow = Duration::from_secs(2);
    for (script, said) in [
        (format!("{real} \"$@\" | head -c 3000; exit 0"), "wrote only the beginning"),
        (format!("{real} \"$@\" | head -c 3000; kill -9 $$"), "signal: 9"),
        ("echo 'mariadb-dump: Got error: 2013: \"Lost connection\"' >&2; exit 2".into(), "Lost connection"),
        ("exit 0".into(), "wrote only the beginning"),
        ("echo; sleep 1000".into(), "stood still for 2 s"),
        ("echo \"mariadb-dump: unknown option '--hex-blob'\" >&2; exit 7".into(), "too old"),
    ] {
        broken.instead_of("mariadb-dump", &only_race_1(&script));
        let made = broken.round().await.expect("a round");
        let race = of(&made, "race_1");
        assert!(
            race.result == Failed && race.error.as_deref().is_some_and(|why| why.contains(said)),
            "{said}: {race:?}"
        );
        assert_ne!(of(&made, "race_2").result, Failed, "the other one is dumped");
        broken.swept();
    }
    broken.instead_of("mariadb-dump", "true");
    broken.instead_of("mysqldump", "true");
    broken.tools.path = Some("/nowhere".into());
    let missing = broken.round().await;
    assert!(
        matches!(&missing, Err(Trouble::Failed(why)) if why.contains("apt-get install mariadb-client")),
        "{missing:?}"
    );
    broken.tools.path = None;
    // Whatever the tools did, what was good is as it was.
    let now = files(broken.stick.path());
    assert!(there.iter().filter(|file| file.starts_with(&first.kit)).all(|file| now.contains(file)));
    let mended = broken.good().await;
    assert_eq!(of(&mended, "race_1").result, Written);
    broken.practised().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_names_a_path_of_the_dead_machine_and_newer_rows_stay() {
    let meos = Meos::start(&["race_1"]).await;
    meos.good().await;
    let recovery = meos.recovery();
    assert!(!recovery.contains(&meos.stick.path().display().to_string()), "{recovery}");
    // On the spare computer an older attempt at the same race lies about.
    let spare = crate::server::Server::start(2, false).await;
    spare.sql("CREATE DATABASE race_1; CREATE TABLE race_1.tables_of_yesterday (id INT)");
    assert!(meos.restore(&meos.newest(), &spare, &[], false).await.expect("restored").ok);
    assert_eq!(spare.sql("SHOW TABLES FROM race_1"), "oCard\noRunner\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_shows_several_moments() {
    let mut meos = Meos::start(&[]).await;
    // Two tables of each kind that are always written one after the other, and one database that has both kinds.
    for (database, one, other) in
        [("inno", "InnoDB", "InnoDB"), ("isam", "MyISAM", "MyISAM"), ("mixed", "MyISAM", "InnoDB")]
    {
        meos.server.sql(&format!(
            "CREATE DATABASE {database}; USE {database}; CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT) ENGINE={one}; \
             CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT) ENGINE={other}; \
             INSERT INTO a SELECT seq, REPEAT('x', 100) FROM seq_1_to_20000; INSERT INTO b SELECT * FROM a"
        ));
        meos.dump.databases.push(DumpDatabases::Named(database.into()));
    }
    let socket = meos.server.folder().join("s");
    let (over, done) = std::sync::mpsc::channel::<()>();
    let writing = std::thread::spawn(move || {
        let write = |database: &str| {
            format!("USE {database}; BEGIN; INSERT INTO a (t) VALUES ('n'); INSERT INTO b (t) VALUES ('n'); COMMIT; ")
        };
        let some = ["inno", "isam", "mixed"].map(write).join("").repeat(20);
        while matches!(done.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
            let mut client = std::process::Command::new("mariadb");
            client.args(["--no-defaults", "-uroot", "-S"]).arg(&socket).args(["-e", &some]);
            assert!(client.status().expect("the client").success());
        }
    });
    let mut locked = Vec::new();
    for _round in 0..4 {
        let made = meos.good().await;
        let kit = meos.newest();
        for name in ["inno", "isam", "mixed"] {
            let held =
                kit.databases.iter().find(|one| one.name == name).and_then(|one| one.held.clone()).expect("held");
            let rows: Vec<u64> = held.tables.iter().map(|table| table.rows.expect("rows")).collect();
            // `a` first, then `b`; a transaction of both is seen whole.
            let apart = rows[0] - rows[1];
            assert!(if name == "inno" { apart == 0 } else { apart <= 1 }, "{name}: {rows:?}");
            assert_eq!(of(&made, name).locked.is_some(), name != "inno", "InnoDB is never locked");
            locked.extend(of(&made, name).locked);
        }
    }
    drop(over);
    writing.join().expect("the writer");
    println!("tables were locked for {locked:?} s");
    meos.practised().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_stick_takes() {
    let meos = Meos::start(&[]).await;
    let names = [
        "a/b",
        "c:d",
        "wer?",
        "all*",
        "quo\"te",
        "l<t",
        "g>t",
        "p|pe",
        "back\\slash",
        "CON",
        "nul",
        "com1.x",
        "dot.",
        "with space",
        "★ final",
        "Läufer",
        "-rf",
        "$(touch x)",
        "back`tick",
        "it's",
    ];
    for name in names {
        meos.race(name, &format!("{name} 😀"));
    }
    let made = meos.good().await;
    assert_eq!(made.databases.len(), names.len() + 1);
    for file in files(meos.stick.path()) {
        for part in file.split('/') {
            let bad = |symbol: char| "\\:*?\"<>|".contains(symbol) || symbol.is_control();
            let stem = part.split('.').next().unwrap_or_default().to_lowercase();
            assert!(!part.contains(bad) && !part.ends_with(['.', ' ']) && part.len() < 250, "{file}");
            assert!(!["con", "nul", "prn", "aux", "com1"].contains(&stem.as_str()), "{file}");
        }
    }
    meos.practised().await;
}

/// A file system of its own with room for little.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: &std::path::Path) -> Self {
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "hotspare-test"])
            .arg(at)
            .status()
            .expect("mount");
        assert!(mount.success(), "a test that mounts needs root");
        Self(at.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _gone = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
