//! The stranger's test: with nothing but the stick and a fresh server, following `RECOVERY.txt` brings everything back.
//!
//! The commands are taken from the text as it stands on the stick, and run where hotspare is not to be found.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hotspare::dump::record::{Database, Held, Table};

use crate::server::Server;
use crate::site::{kit, open, time};
use crate::stick::Stick;

/// Databases with all that a dump can carry, under names that no file system likes.
const SETUP: &str = r#"
CREATE DATABASE meosmain CHARACTER SET latin1;
USE meosmain;
CREATE TABLE oEvent (Id INT AUTO_INCREMENT PRIMARY KEY, Name VARCHAR(128), `Date` VARCHAR(32), NameId VARCHAR(64),
  Modified TIMESTAMP) ENGINE=MyISAM;
INSERT INTO oEvent (Name, `Date`, NameId) VALUES ('Läufe', '2026-11-20', 'race:1'), ('O''Neil \\ ""', '2026-11-21', 'CON');
CREATE DATABASE `race:1 läufe? ``quoted``` CHARACTER SET utf8mb4;
USE `race:1 läufe? ``quoted```;
CREATE TABLE `o Runner's` (Id INT PRIMARY KEY, Name VARCHAR(64), Picture LONGBLOB, Fee DOUBLE, At DATETIME(6));
INSERT INTO `o Runner's` VALUES (1, 'Zoë 🏃', UNHEX('000D0A1A5C27FF00'), 0.1, '2026-11-20 10:00:00.123456'), (2, NULL, NULL, -1e300, NULL);
CREATE VIEW fast AS SELECT Name FROM `o Runner's`;
CREATE PROCEDURE count_them() SELECT COUNT(*) FROM `o Runner's`;
CREATE TRIGGER stamp BEFORE INSERT ON `o Runner's` FOR EACH ROW SET NEW.Fee = 1;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM `o Runner's` WHERE Id > 1000;
CREATE DATABASE CON; CREATE TABLE CON.card (Id INT PRIMARY KEY); INSERT INTO CON.card SELECT seq FROM CON.seq_1_to_3000;
CREATE DATABASE con; CREATE TABLE con.card (Id INT PRIMARY KEY); INSERT INTO con.card VALUES (7);
CREATE DATABASE `it's`; CREATE TABLE `it's`.card (Id INT PRIMARY KEY); INSERT INTO `it's`.card VALUES (8);
"#;

/// What the server holds of a database, in a form that only depends on its content.
fn state(server: &Server, database: &str) -> BTreeMap<String, String> {
    let text = |name: &str| name.replace('\\', "\\\\").replace('\'', "''");
    let list = |what: &str, sql: &str| {
        let rows = server.sql(&sql.replace("{}", &text(database)));
        (what.to_owned(), rows)
    };
    let mut state = BTreeMap::from([
        list(
            "tables",
            "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{}' ORDER BY 1",
        ),
        list(
            "routines",
            "SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{}' ORDER BY 1",
        ),
        list(
            "triggers",
            "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{}' ORDER BY 1",
        ),
        list(
            "events",
            "SELECT EVENT_NAME, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{}' ORDER BY 1",
        ),
        list("charset", "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{}'"),
    ]);
    for table in tables(server, database) {
        let name = format!("`{}`.`{}`", database.replace('`', "``"), table.name.replace('`', "``"));
        if table.rows.is_some() {
            state.insert(table.name, server.sql(&format!("CHECKSUM TABLE {name} EXTENDED")));
        }
    }
    state
}

fn tables(server: &Server, database: &str) -> Vec<Table> {
    let schema = database.replace('\\', "\\\\").replace('\'', "''");
    let list = server.sql(&format!(
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{schema}' ORDER BY 1"
    ));
    list.lines()
        .map(|line| {
            let (name, kind) = line.split_once('\t').unwrap();
            let count = format!("SELECT COUNT(*) FROM `{}`.`{name}`", database.replace('`', "``"));
            let rows = (kind == "BASE TABLE").then(|| server.sql(&count).trim().parse().unwrap());
            Table { name: name.to_owned(), rows, checksum: None }
        })
        .collect()
}

/// mariadb-dump itself fails where a database with a trigger or a routine has an apostrophe in its name.
const DATABASES: [&str; 5] = ["meosmain", "race:1 läufe? `quoted`", "CON", "con", "it's"];

fn dump(server: &Server, database: &str) -> Vec<u8> {
    let port = server.port.to_string();
    let tool = Command::new("mariadb-dump")
        .args(["--no-defaults", "-uroot", "-h127.0.0.1", "-P", &port, "--routines", "--events", "--triggers"])
        .args(["--default-character-set=utf8mb4", "--databases", database])
        .output()
        .expect("mariadb-dump is there: sh tests/install-deps, as root");
    assert!(tool.status.success(), "{}", String::from_utf8_lossy(&tool.stderr));
    tool.stdout
}

/// Leaves a kit of these databases on the stick, in two rounds: the first database did not change since the first.
fn leave(server: &Server, stick: &Stick) {
    let medium = open(&stick.path(), &[]).unwrap();
    let mut databases: Vec<Database> = Vec::new();
    for (second, names) in [(1, &DATABASES[..1]), (2, &DATABASES[1..])] {
        let mut staging = medium.begin(time(second), 0).unwrap();
        for name in names {
            let plain = dump(server, name);
            let mut writer = staging.writer(name).unwrap();
            writer.write_all(&zstd::encode_all(plain.as_slice(), 1).unwrap()).unwrap();
            let held = Held {
                kit: String::new(),
                at: time(second),
                files: writer.finish().unwrap(),
                content: String::new(),
                plain: plain.len() as u64,
                locked: None,
                tables: tables(server, name),
                mark: String::new(),
            };
            databases.push(crate::site::database(name, held));
        }
        databases = staging.publish(kit(second, databases)).unwrap().databases;
    }
    medium.note_unchanged(&medium.kits().unwrap()[0], time(3)).unwrap();
}

/// A folder of programs that holds what the text asks for, and no hotspare. `sh`: which one; a `mysql` that knows the way
/// to the server, as an option file of the computer would tell it.
fn computer(folder: &Path, sh: &str, server: &Server) -> PathBuf {
    let bin = folder.join(format!("bin-{sh}"));
    std::fs::create_dir(&bin).unwrap();
    let tools = "mariadb zstd cat rm mktemp date head tail grep sed tr stty dirname sha256sum";
    for tool in tools.split(' ').chain(["busybox"]) {
        std::os::unix::fs::symlink(which(tool), bin.join(tool)).unwrap();
    }
    let shell = which(sh);
    if sh == "busybox" {
        crate::program::script(&bin.join("sh"), "#!/usr/bin/busybox sh\nexec /usr/bin/busybox sh \"$@\"\n");
    } else {
        std::os::unix::fs::symlink(shell, bin.join("sh")).unwrap();
    }
    // Whoever follows the text types the password; here nobody sits at a terminal.
    let client = format!(
        "#!/bin/sh\nfor word; do shift; [ \"$word\" = -p ] || set -- \"$@\" \"$word\"; done\n\
         exec {} --no-defaults -h127.0.0.1 -P{} \"$@\"\n",
        which("mariadb").display(),
        server.port
    );
    crate::program::script(&bin.join("mysql"), &client);
    bin
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("{program} is there: sh tests/install-deps, as root"))
}

/// Runs a command line of the text in the root of the stick.
fn follow(at: &Path, bin: &Path, command: &str, typed: &str) -> Output {
    let mut child = Command::new(bin.join("sh"))
        .args(["-c", command])
        .current_dir(at)
        .env_clear()
        .env("PATH", bin)
        .env("MYSQL_PWD", "it's \\ a \"pass")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A line of the text that begins so, without that.
fn lines<'a>(text: &'a str, begin: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(begin)).map(str::trim).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_the_stick_and_a_fresh_server_gets_everything_back() {
    let (old, fresh) = (Server::start(1, false).await, Server::start(2, false).await);
    old.sql(SETUP);
    let stick = Stick::new(40);
    leave(&old, &stick);
    let before: Vec<_> = DATABASES.iter().map(|name| state(&old, name)).collect();
    drop(old);
    stick.unmount();
    // Another computer, another place; and the stick may be write-protected.
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("USB STICK");
    std::fs::create_dir(&at).unwrap();
    stick.mount_at(&at);
    let _unmounted = Unmount(&at);
    crate::stick::run("mount", &["-o", "remount,ro", at.to_str().unwrap()]);
    let password = "it''s \\\\ a \"pass";
    fresh.sql(&format!(
        "CREATE USER stranger@'%' IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO stranger@'%' WITH GRANT OPTION"
    ));
    let text = std::fs::read_to_string(at.join("RECOVERY.txt")).unwrap();
    let command = lines(&text, "Linux, macOS:")[0];
    assert_eq!(command, "sh restore.sh");
    let command = format!("{command} --host 127.0.0.1 --port {} --user stranger", fresh.port);

    for sh in ["dash", "busybox", "bash"] {
        let bin = computer(folder.path(), sh, &fresh);
        // What was entered since must not be mixed into what is restored.
        fresh.sql("CREATE DATABASE IF NOT EXISTS con; CREATE OR REPLACE TABLE con.newer (Id INT); INSERT INTO con.newer VALUES (1)");
        let no = follow(&at, &bin, &command, "restore\n");
        assert!(!no.status.success() && words(&no).contains("nothing was changed"), "{sh}: {}", words(&no));
        assert!(words(&no).contains("con  as of") && words(&no).contains("tables, about"), "{sh}: {}", words(&no));
        assert!(fresh.sql("SHOW TABLES IN con").contains("newer"), "{sh}");
        let yes = follow(&at, &bin, &command, "RESTORE\n");
        assert!(yes.status.success() && words(&yes).contains("All is well"), "{sh}: {}", words(&yes));
        assert!(words(&yes).contains("last seen unchanged"), "{sh}: {}", words(&yes));
        for (name, before) in DATABASES.iter().zip(&before) {
            assert_eq!(state(&fresh, name), *before, "{sh}: {name}");
        }
        assert!(
            std::fs::read_dir("/tmp")
                .unwrap()
                .flatten()
                .all(|entry| { !entry.file_name().to_string_lossy().starts_with("restore.") }),
            "{sh}: the password is left behind"
        );
    }

    // By hand, line by line.
    let bin = folder.path().join("bin-dash");
    for name in DATABASES {
        fresh.sql(&format!("DROP DATABASE `{}`", name.replace('`', "``")));
    }
    fresh.sql("CREATE DATABASE con; CREATE TABLE con.newer (Id INT)");
    let checks = lines(&text, "check:");
    let sums = lines(&text, "must say");
    assert_eq!((checks.len(), sums.len()), (5, 5), "{text}");
    for (check, sum) in checks.iter().zip(sums) {
        assert!(words(&follow(&at, &bin, check, "")).starts_with(sum), "{check}");
    }
    for (remove, restore) in lines(&text, "remove:").iter().zip(lines(&text, "restore:")) {
        for line in [*remove, restore] {
            let done = follow(&at, &bin, &line.replace("-u root", "-u stranger"), "");
            assert!(done.status.success(), "{line}: {}", words(&done));
        }
    }
    for (name, before) in DATABASES.iter().zip(&before) {
        assert_eq!(state(&fresh, name), *before, "by hand: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_stick_restores_nothing_and_an_older_kit_is_at_hand() {
    let server = Server::start(1, false).await;
    server.sql(SETUP);
    let stick = Stick::new(40);
    leave(&server, &stick);
    server.sql("CREATE TABLE con.newer (Id INT); CREATE USER stranger@'%' IDENTIFIED BY 'it''s \\\\ a \"pass'; GRANT ALL ON *.* TO stranger@'%'");
    let folder = tempfile::tempdir().unwrap();
    let bin = computer(folder.path(), "dash", &server);
    let medium = open(&stick.path(), &[]).unwrap();
    let newest = medium.kits().unwrap().remove(0);
    let held = newest.databases[2].held.as_ref().unwrap();
    let file = stick.path().join(&held.kit).join(&held.files[0].name);
    let good = std::fs::read(&file).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&file, &bad).unwrap();
    let options = format!("--host 127.0.0.1 --port {} --user stranger", server.port);
    let run = |more: &str| follow(&stick.path(), &bin, &format!("sh restore.sh {options} {more}"), "RESTORE\n");
    let refused = run("");
    assert!(!refused.status.success() && words(&refused).contains("BROKEN"), "{}", words(&refused));
    assert!(server.sql("SHOW TABLES IN con").contains("newer"), "nothing was changed");
    let one = run("--database con");
    assert!(one.status.success(), "{}", words(&one));
    assert_eq!(server.sql("SHOW TABLES IN con").trim(), "card", "what is whole can be had by itself");
    let older = run(&format!("--kit {} --yes", medium.kits().unwrap()[1].name));
    assert!(older.status.success(), "{}", words(&older));

    std::fs::write(&file, &good).unwrap();
    std::fs::remove_file(stick.path().join(&newest.name).join("contents.txt")).unwrap();
    let listed = words(&run("--list"));
    assert!(!listed.contains(&newest.name) && listed.contains("made"), "{listed}");
    let lost = run("--kit 2020-01-01T00-00-00Z");
    assert!(!lost.status.success() && words(&lost).contains("--list"), "{}", words(&lost));
    let wrong = follow(
        &stick.path(),
        &bin,
        &format!("sh restore.sh --host 127.0.0.1 --port {} --user nobody", server.port),
        "",
    );
    assert!(!wrong.status.success() && words(&wrong).contains("no login"), "{}", words(&wrong));
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _gone_already = Command::new("umount").arg("--lazy").arg(self.0).output();
    }
}
