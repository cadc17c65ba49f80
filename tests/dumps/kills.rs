//! `kill -9` at any moment of making kits, noting and tidying up: the last good kit and `RECOVERY.txt` are whole each time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::site::{kit, open, recovery, round, sql, time, whole, write};
use crate::stick::Stick;

/// Kills in a run.
const KILLS: u64 = 100;
/// Where the one that is killed writes to.
const AT: &str = "HOTSPARE_DUMP_KILLED_AT";

/// The one that is killed: another process, which is this test program again.
#[test]
#[ignore = "it runs until it is killed"]
fn makes_kits_until_it_is_killed() {
    let Some(at) = std::env::var_os(AT) else { return };
    let medium = open(Path::new(&at), &[]).unwrap();
    let keep = hotspare::fleet::data::Keep { last: 3, hourly: 0, daily: 0 };
    for second in i64::from(std::process::id()) * 1000.. {
        let mut staging = medium.begin(time(second), 1 << 20).unwrap();
        let mut databases = vec![write(&mut staging, "meosmain", &sql(30_000)).unwrap()];
        // Every other round a database has not changed: its files stay in an older kit.
        let last = medium.kits().unwrap().into_iter().next().unwrap();
        if second % 2 == 0 {
            databases.push(write(&mut staging, "race", &sql(300_000)).unwrap());
        } else {
            databases.extend(last.databases.into_iter().filter(|database| database.name == "race"));
        }
        let made = staging.publish(kit(second, databases)).unwrap();
        medium.note_unchanged(&made, time(second)).unwrap();
        medium.retain(keep, 0).unwrap();
    }
}

#[test]
fn killed_at_a_hundred_moments_it_leaves_a_whole_kit_and_its_instructions() {
    let stick = Stick::new(60);
    let medium = open(&stick.path(), &[]).unwrap();
    round(&medium, 0).unwrap();
    let mut newest = medium.kits().unwrap()[0].number;
    let (mut amid, mut made) = (0, 0);
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "kills::makes_kits_until_it_is_killed"])
            .env(AT, stick.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before it has opened the medium to amidst its second and third round.
        std::thread::park_timeout(Duration::from_micros(fastrand::u64(3_000..150_000)));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it was killed, it did not fail");

        let left = std::fs::read_dir(stick.path()).unwrap().flatten();
        let half = |name: &str| name.starts_with(".hotspare-") && name != ".hotspare-medium";
        amid += u64::from(left.into_iter().any(|entry| half(&entry.file_name().to_string_lossy())));
        let told = recovery(&stick.path());
        let kits = whole(&medium);
        assert!(kits.contains(&told), "kill {kill}: RECOVERY.txt speaks of {told}, there are {kits:?}");
        let now = medium.kits().unwrap()[0].number;
        assert!(now >= newest, "kill {kill}: the newest kit is {now}, it was {newest}");
        made += now - newest;
        newest = now;
    }
    println!("{KILLS} kills, {amid} with something half done, {made} kits made meanwhile");
    assert!(amid > KILLS / 10 && made > KILLS / 10, "{amid} amid, {made} made");
    // What was left half done goes with the next kit.
    round(&medium, 1).unwrap();
    let left = std::fs::read_dir(stick.path()).unwrap().flatten();
    let litter: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with(".hotspare-")).collect();
    assert_eq!(litter, [".hotspare-medium"]);
}
