//! Eight ways in which scripts that carry counts lose them, each by its name.

use std::time::Duration;

use crate::place::text;
use crate::site::{Site, at, count, eventually, number, until};

#[test]
fn late_rows_are_lost_for_ever() {
    let site = Site::new();
    let studio = site.writer();
    (0..10).for_each(|tick| count(&studio, "east", tick * 10));
    site.carry_all();
    // Written after the tick was carried, by a camera that was slow.
    count(&studio, "west", 40);
    count(&studio, "west", 0);
    site.carry_all();
    assert_eq!(site.carried(), 12);
    site.equal();
}

#[test]
fn a_tick_is_carried_in_part() {
    let site = Site::new();
    let (studio, warehouse) = (site.writer(), site.warehouse());
    warehouse
        .execute_batch(
            "CREATE TRIGGER once BEFORE INSERT ON traffic WHEN NEW.camera_name = 'c3' \
             BEGIN SELECT RAISE(ABORT, 'not today'); END",
        )
        .unwrap();
    for camera in ["c1", "c2", "c3", "c4", "c5"] {
        count(&studio, camera, 10);
    }
    let (well, said) = site.carry();
    assert!(!well && said.contains("not today") && said.contains("c3"), "{said}");
    assert_eq!(site.carried(), 0, "all of a batch or nothing");
    warehouse.execute_batch("DROP TRIGGER once").unwrap();
    count(&studio, "c1", 20);
    site.carry_all();
    assert_eq!(site.carried(), 6);
    site.equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_deletes_what_was_never_carried() {
    let site = Site::new();
    let studio = site.writer();
    // Days old, and the warehouse is empty: they are carried all the same.
    (1..=9).for_each(|day| at(&studio, "east", &format!("2026-10-0{day} 08:00:00")));
    site.carry_all();
    assert_eq!(site.carried(), 9);
    (10..=19).for_each(|day| at(&studio, "east", &format!("2026-10-{day} 08:00:00")));
    studio.execute("DELETE FROM traffic WHERE id <= 12", []).unwrap();
    let engine = site.place.engine();
    let joined = site.place.join().await;
    let view = until(&joined, "what is lost is told", |feed| !feed.warnings.is_empty()).await;
    assert!(
        view.warnings.iter().any(|told| told.contains("deleted rows before they were carried, 3 at most")),
        "{view:?}"
    );
    until(&joined, "the others are carried", |feed| feed.rows_behind == 0).await;
    assert_eq!(site.carried(), 16);
    drop(engine);
}

#[test]
fn two_that_carry_at_once_double_the_counts() {
    let site = Site::new();
    let studio = site.writer();
    // Its clock ahead of all others: elsewhere nothing would be carried before that time has come.
    at(&studio, "east", "2099-01-01 00:00:00");
    site.carry_all();
    let mut others: Vec<_> = (0..3)
        .map(|number| {
            let state = site.place.path().join(format!("other-{number}"));
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hotspare"));
            command.arg("--fleet").arg(site.place.file()).arg("--state").arg(state).args(["feed", "run", "counts"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            crate::place::Running::from(command.current_dir(site.place.path()).spawn().unwrap())
        })
        .collect();
    for tick in 0..300 {
        count(&studio, "east", tick);
        count(&studio, "west", tick);
    }
    for _try in 0..400 {
        if site.carried() == 601 {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    others.clear();
    assert_eq!(site.carried(), 601);
    site.equal();
}

#[test]
fn times_are_shifted_by_a_zone_on_the_way() {
    let site = Site::new();
    let studio = site.writer();
    for time in ["2026-10-25 00:30:00", "2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-11-21 08:00:00"] {
        at(&studio, "east", time);
    }
    let carried = site.place.program(&["feed", "run", "counts", "--once"]).env("TZ", "Europe/Berlin").output().unwrap();
    assert_eq!(carried.status.code(), Some(0), "{}", text(&carried.stderr));
    site.equal();
}

#[test]
fn rows_that_only_stand_in_the_log_are_left_behind() {
    let site = Site::new();
    let studio = site.writer();
    studio.pragma_update(None, "journal_mode", "wal").unwrap();
    studio.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let writers: Vec<_> = (0..4)
        .map(|camera| {
            let file = site.writer();
            std::thread::spawn(move || (0..100).for_each(|tick| count(&file, &format!("c{camera}"), tick)))
        })
        .collect();
    for _round in 0..5 {
        site.carry_all();
    }
    for writer in writers {
        writer.join().unwrap();
    }
    site.carry_all();
    assert_eq!(site.carried(), 400);
    site.equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_camera_is_not_seen_and_the_monitor_dies_of_its_first_finding() {
    let site = Site::new();
    let studio = site.writer();
    let now = hotspare::clock::Clock::real().now().to_zoned(jiff::tz::TimeZone::UTC);
    let ago = |seconds: i64| now.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap();
    let written = |seconds: i64| ago(seconds).strftime("%Y-%m-%d %H:%M:%S").to_string();
    at(&studio, "dead", &written(3600));
    (0..2500).for_each(|second| at(&studio, "alive", &written(2500 - second)));
    let mut engine = site.place.engine();
    let joined = site.place.join().await;
    let view =
        until(&joined, "it is carried", |feed| feed.rows_behind == 0 && feed.strands.iter().any(|one| one.carried > 0))
            .await;
    let groups = &view.strands[0].groups;
    let age = |name: &str| groups.iter().find(|group| group.name == name).and_then(|group| group.age).unwrap();
    assert!(age("dead") > 3500.0 && age("alive") < 120.0, "{groups:?}");
    // Finding after finding: it goes on, and says so.
    for _finding in 0..3 {
        let aside = site.place.path().join("aside.db");
        std::fs::rename(site.source(), &aside).unwrap();
        let away = until(&joined, "the source is away", |feed| feed.state.word() == "source away").await;
        assert!(away.why.as_ref().is_some_and(|why| why.contains("is not there")), "{away:?}");
        std::fs::rename(&aside, site.source()).unwrap();
        until(&joined, "it is back", |feed| feed.state.word() == "live").await;
    }
    assert_eq!(site.place.run(&["engine", "stop"]).status.code(), Some(0));
    assert_eq!(engine.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_lie_open_and_waiting_burns_a_core() {
    let site = Site::to("{ mysql = \"mysql://feed@127.0.0.1:1/people\", password_file = \"pass\" }");
    std::fs::write(site.place.path().join("pass"), "hunter2-secret\n").unwrap();
    let (well, said) = site.carry();
    assert!(!well && said.contains("others can read") && !said.contains("hunter2"), "{said}");
    let idle = Site::new();
    count(&idle.writer(), "east", 1);
    let running = idle.begin();
    eventually("it is carried", || idle.carried() == 1).await;
    let used = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<u64> =
            stat.rsplit(')').next().unwrap().split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // After the state and six more: user and system time, in hundredths of a second.
        fields[10] + fields[11]
    };
    let before = used(running.pid());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = used(running.pid()) - before;
    assert!(spent < 60, "{spent} hundredths of a second in two seconds");
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", running.pid())).unwrap();
    assert!(!line.contains("hunter2"));
    assert_eq!(number(&idle.warehouse(), "SELECT count(*) FROM traffic"), 1);
}
