//! Copies killed at any moment, and copies by somebody who may not read everything.
//!
//! The copy runs in a child process: this test binary again, told by its environment what to copy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::place::Running;
use crate::recording::{COPY, Recording, contents, copy_folder, noise};

/// Tells the child what to copy, and where to.
const SOURCE: &str = "HOTSPARE_TEST_COPY_FROM";
const ROOT: &str = "HOTSPARE_TEST_COPY_TO";

#[test]
#[ignore = "the child of the tests below, which they start"]
fn child() {
    let (Some(source), Some(root)) = (std::env::var_os(SOURCE), std::env::var_os(ROOT)) else { return };
    match copy_folder(Path::new(&source), Path::new(&root), &hotspare::work::steer::Alone) {
        Ok(copied) => println!("copied: {:?} {:?}", copied.failed, copied.odd),
        Err(error) => println!("not copied: {error}"),
    }
}

fn start(source: &Path, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["copy::child", "--exact", "--ignored", "--nocapture"]).env(SOURCE, source).env(ROOT, root);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Every file under its final name is one of the versions it ever had, whole.
fn nothing_half(root: &Path, versions: &BTreeMap<PathBuf, Vec<Vec<u8>>>, round: u64) {
    for (path, content) in contents(&root.join(COPY)) {
        assert!(versions[&path].contains(&content), "round {round}: {} is torn", path.display());
    }
}

/// `HOTSPARE_KILLS=200` for the number of the bad day.
#[test]
fn a_copy_killed_at_any_moment_shows_nothing_half_and_goes_on() {
    let kills: u64 = std::env::var("HOTSPARE_KILLS").map_or(24, |kills| kills.parse().unwrap());
    let session = Recording::new(4, 6_000_000, 60);
    let mut versions: BTreeMap<PathBuf, Vec<Vec<u8>>> = BTreeMap::new();
    let (mut folder, mut interrupted) = (tempfile::tempdir().unwrap(), 0);
    let mut random = fastrand::Rng::with_seed(7);
    // How long a copy takes differs tenfold between disks: the latest moment follows what the kills so far have met.
    let mut latest = Duration::from_millis(200);
    for round in 0..kills {
        // A new copy, then the same one brought up to date several times.
        if round % 4 == 0 {
            folder = tempfile::tempdir().unwrap();
        } else {
            let seed = u32::try_from(round).unwrap();
            session.write("walk_1.mp4", &noise(seed, 6_000_000 + usize::try_from(round).unwrap()));
            for number in 0..20 {
                session.write(&format!("images/{number}.json"), &noise(seed * 31 + number, 3_000));
            }
            session.write(&format!("more/{}/new.json", round % 4), b"{}");
        }
        for (path, content) in contents(&session.path()) {
            versions.entry(path).or_default().push(content);
        }
        let root = folder.path();
        let mut running = start(&session.path(), root).spawn().unwrap();
        std::thread::park_timeout(latest.mul_f64(random.f64()));
        let in_time = running.try_wait().unwrap().is_none();
        Running::from(running).kill();
        interrupted += u64::from(in_time);
        latest = latest.mul_f64(if in_time { 1.2 } else { 0.6 });
        nothing_half(root, &versions, round);
        let copied = session.copy(root).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(copied.whole() && copied.proof.is_some(), "round {round}: {copied:?}");
        let (here, there) = (contents(&session.path()), contents(&root.join(COPY)));
        assert!(here.iter().all(|(path, content)| there.get(path) == Some(content)), "round {round}");
        assert!(Recording::clean(root), "round {round}");
        let verified = session.verify(root).unwrap();
        assert!(verified.missing.is_empty() && verified.different.is_empty(), "round {round}: {verified:?}");
    }
    assert!(interrupted * 3 > kills, "only {interrupted} of {kills} copies were killed before their end");
    let after = kills - interrupted;
    println!(
        "{kills} kills of a copy: {interrupted} in its middle, {after} after its end; {kills} times the next run made it \
         whole; files half under their names 0, files lost 0, rests in the staging folder 0"
    );
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_is_copied() {
    use std::os::unix::fs::PermissionsExt;
    let session = Recording::new(1, 100_000, 3);
    session.write("closed/secret", b"x");
    session.write("unreadable", b"x");
    let folder = tempfile::tempdir().unwrap();
    let close = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let program = folder.path().join("program");
    crate::program::itself(&program);
    let share = folder.path().join("share");
    std::fs::create_dir(&share).unwrap();
    close(folder.path(), 0o755);
    close(&share, 0o777);
    for part in session.path().ancestors().take(2) {
        close(part, 0o755);
    }
    close(&session.path().join("closed"), 0o000);
    close(&session.path().join("unreadable"), 0o000);
    let mut command = start(&session.path(), &share);
    if rustix::process::geteuid().is_root() {
        // Root reads everything: somebody else copies.
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        other.args(command.get_args()).env(SOURCE, session.path()).env(ROOT, &share).env("TMPDIR", "/tmp");
        other.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command = other;
    }
    let ended = command.output().expect("setpriv is there: apt-get install util-linux");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    close(&session.path().join("closed"), 0o755);
    assert!(said.contains("unreadable") && said.contains("it cannot be read: Permission denied"), "{said}");
    assert!(said.contains("closed") && said.contains("not readable: Permission denied"), "{said}");
    assert_eq!(contents(&share.join(COPY)).len(), 4, "{said}");
}
