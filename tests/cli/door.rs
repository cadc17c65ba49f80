//! Other users of the machine at the engine's socket: real processes with other user and group numbers. Needs root, to be
//! them.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::place::text;

/// The engine's own user. None of these numbers has an account.
const OWNER: u32 = 61_001;
const STRANGER: Person = Person { uid: 61_009, gid: 61_009 };
/// By the group of its process.
const OPERATOR: Person = Person { uid: 61_002, gid: 62_001 };
const VIEWER: Person = Person { uid: 61_003, gid: 62_002 };
/// A user with an account, whose process has another group: it is in `nogroup` by the accounts alone.
const NOBODY: Person = Person { uid: 65_534, gid: 61_010 };

const HOSTS: &str = r#"
[hosts.studio-1]
address = "127.0.0.1"
checks = [{ kind = "tcp", port = 9, every = "1h" }]
"#;

#[derive(Clone, Copy)]
struct Person {
    uid: u32,
    gid: u32,
}

/// A folder that everybody may pass, with an engine of its own user.
struct House {
    folder: tempfile::TempDir,
    program: PathBuf,
    engine: Child,
}

impl House {
    fn new(groups: &str) -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests need root: they are several users");
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        // Where it was built others may not come.
        let program = folder.path().join("hotspare");
        let built = Path::new(env!("CARGO_BIN_EXE_hotspare"));
        std::fs::hard_link(built, &program).or_else(|_other_disk| std::fs::copy(built, &program).map(drop)).unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        chown(&home, Some(OWNER), Some(OWNER)).unwrap();
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o711)).unwrap();
        write(&home.join("hotspare.toml"), groups);
        let owner = Person { uid: OWNER, gid: OWNER };
        let mut engine = person(&program, folder.path(), owner);
        engine.arg("--fleet").arg(home.join("hotspare.toml")).arg("--state").arg(home.join("state")).arg("engine");
        let engine = engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let house = Self { folder, program, engine };
        let socket = house.state().join("engine.sock");
        within("the socket is there", || socket.exists());
        house
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("home/state")
    }

    fn rewrite(&self, groups: &str) {
        write(&self.folder.path().join("home/hotspare.toml"), groups);
    }

    fn command(&self, who: Person, arguments: &[&str]) -> Command {
        let mut command = person(&self.program, self.folder.path(), who);
        command.arg("--state").arg(self.state()).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, who: Person, arguments: &[&str]) -> Output {
        self.command(who, arguments).output().unwrap()
    }

    /// The exit code and what was said on standard error.
    fn told(&self, who: Person, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(who, arguments);
        (output.status.code(), text(&output.stderr))
    }

    fn journal(&self) -> String {
        let root = Person { uid: 0, gid: 0 };
        text(&self.run(root, &["journal", "--json"]).stdout)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ended_already = self.engine.kill();
        let _reaped = self.engine.wait();
    }
}

/// Waits until it holds, 20 s at most.
fn within(what: &str, mut holds: impl FnMut() -> bool) {
    let mut looks = 0..1_000;
    while !holds() {
        assert!(looks.next().is_some(), "{what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn person(program: &Path, folder: &Path, who: Person) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        format!("--reuid={}", who.uid),
        format!("--regid={}", who.gid),
        "--clear-groups".into(),
        "--".into(),
    ]);
    command.arg(program).current_dir("/").env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", folder.join("home"));
    command
}

fn write(path: &Path, groups: &str) {
    let fresh = path.with_extension("fresh");
    std::fs::write(&fresh, format!("name = \"harbour\"\n[engine]\n{groups}\n{HOSTS}")).unwrap();
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&fresh, Some(OWNER), Some(OWNER)).unwrap();
    std::fs::rename(fresh, path).unwrap();
}

const GROUPS: &str = "operators = [\"62001\", \"nogroup\"]\nviewers = \"62002\"";

#[test]
fn each_may_do_what_its_groups_may_and_the_journal_knows_who() {
    let house = House::new(GROUPS);
    for who in [OPERATOR, NOBODY, Person { uid: 0, gid: 0 }] {
        let (code, said) = house.told(who, &["host", "probe"]);
        assert_eq!(code, Some(0), "uid {}: {said}", who.uid);
        assert!(!said.contains("started the engine"), "{said}");
    }
    // Its hello asks for everything; the door gives less.
    let (code, said) = house.told(VIEWER, &["host", "probe"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("probe now is refused, because uid 61003 is in 62002, whose members may look"), "{said}");
    assert!(said.contains("members of 62001, nogroup may change things"), "{said}");
    for looks in [&["jobs", "--json"][..], &["journal", "--json"], &["engine", "status", "--json"]] {
        let looked = house.run(VIEWER, looks);
        assert_eq!(looked.status.code(), Some(0), "{looks:?}: {}", text(&looked.stderr));
    }
    let status = house.run(VIEWER, &["status", "--json"]);
    assert!(text(&status.stdout).contains("studio-1"), "{}", text(&status.stderr));
    let (code, said) = house.told(VIEWER, &["engine", "stop", "--force"]);
    assert_eq!(code, Some(3), "{said}");

    for asks in [&["status"][..], &["journal"], &["engine", "stop", "--force"], &["--read-only", "jobs"]] {
        let (code, said) = house.told(STRANGER, asks);
        assert_eq!(code, Some(3), "{asks:?}: {said}");
        let expected = "uid 61009 is in none of the groups that this engine lets in: 62001, nogroup (to change things), 62002 (to look)";
        assert!(said.contains(expected), "{said}");
    }
    let journal = house.journal();
    let probes = journal.matches("uid 61002 (command line)").count();
    assert_eq!(probes, 1, "{journal}");
    assert!(journal.contains("\"nobody (command line)\"") && journal.contains("\"root (command line)\""), "{journal}");
    assert!(journal.contains("refused: probe now") && journal.contains("uid 61003 (command line)"), "{journal}");
    assert_eq!(journal.matches("refused: to join the engine").count(), 1, "not each time: {journal}");
}

#[test]
fn through_the_state_folder_nothing_but_the_socket_is_reached() {
    let house = House::new(GROUPS);
    let socket = house.state().join("engine.sock");
    within("the way is open", || mode(&socket) == 0o666);
    assert_eq!(mode(&house.state()), 0o711);
    let mut folders = vec![house.state()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let found = std::fs::symlink_metadata(&path).unwrap();
            seen += 1;
            assert!(path == socket || found.mode().trailing_zeros() >= 6, "{}: {:o}", path.display(), found.mode());
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
    assert!(seen > 3);
}

#[test]
fn without_groups_the_door_is_shut_for_all_others() {
    let house = House::new("");
    assert_eq!((mode(&house.state()), mode(&house.state().join("engine.sock"))), (0o700, 0o600));
    for who in [OPERATOR, VIEWER, STRANGER, NOBODY] {
        let (code, said) = house.told(who, &["status"]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("is another user's, and lets in nobody else"), "{said}");
    }
    // Even where the way is open: the door itself judges.
    for path in [house.state(), house.state().join("engine.sock")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let (code, said) = house.told(OPERATOR, &["status"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("uid 61002 is not the user whose engine this is"), "{said}");
}

#[test]
fn a_change_of_the_groups_holds_for_those_who_are_there() {
    let house = House::new(GROUPS);
    let mut watching = house.command(OPERATOR, &["status", "--watch", "--json"]);
    let mut watching = watching.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("studio-1"));
    // In whatever order they come.
    let mut until = |words: &[&str]| {
        let mut missing = words.to_vec();
        while !missing.is_empty() {
            let line = lines.next().unwrap_or_else(|| panic!("never heard: {missing:?}")).unwrap();
            missing.retain(|words| !line.contains(words));
        }
    };
    house.rewrite("viewers = [\"62001\", \"no-such-group\"]");
    until(&[
        "you may only look from now on: uid 61002 is in 62001",
        "\"engine\":true",
        // A group that does not exist lets nobody in, and is an alarm.
        "`viewers` of [engine] lets nobody in by the group no-such-group",
    ]);
    let (code, said) = house.told(OPERATOR, &["host", "probe"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the engine's own user may change things"), "{said}");
    house.rewrite("viewers = \"62002\"");
    until(&["uid 61002 is in none of the groups"]);
    assert_eq!(house.told(OPERATOR, &["status"]).0, Some(3));
    house.rewrite("");
    within("it is shut again", || mode(&house.state()) == 0o700 && mode(&house.state().join("engine.sock")) == 0o600);
    watching.kill().unwrap();
    watching.wait().unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}
