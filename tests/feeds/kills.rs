//! Killed again and again while rows come in: at the end both ends are equal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::site::Site;

/// Kills in a normal run; `HOTSPARE_FEED_KILLS=200 HOTSPARE_FEED_ROWS=1000000` plays the whole.
const KILLS: u64 = 12;
const ROWS: u64 = 60_000;

pub(crate) fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// Writes rows in ticks, one in fifty of them late by hours, until all are there.
pub(crate) fn counters(mut file: Connection, rows: u64, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        file.pragma_update(None, "synchronous", "off").unwrap();
        let time = |second: u64| {
            let day = second / 86_400;
            format!(
                "2026-{:02}-{:02} {:02}:{:02}:{:02}",
                1 + day / 28,
                1 + day % 28,
                second / 3600 % 24,
                second / 60 % 60,
                second % 60
            )
        };
        let mut next = 0;
        while next < rows {
            let transaction = file.transaction().unwrap();
            let text = "INSERT INTO traffic (timestamp, in_count, out_count, camera_name) VALUES (?1, ?2, 1, ?3)";
            let mut insert = transaction.prepare_cached(text).unwrap();
            for number in next..(next + 200).min(rows) {
                // Each second of ten cameras once; a late one is of a second that all others left out.
                let (second, camera) = (number / 10 * 2, number % 10);
                let late = number % 50 == 49;
                let second = if late { (second + 1).saturating_sub(7201) | 1 } else { second };
                insert
                    .execute((
                        time(second),
                        number.cast_signed(),
                        format!("c{camera}-{}", if late { number } else { 0 }),
                    ))
                    .unwrap();
            }
            drop(insert);
            transaction.commit().unwrap();
            next += 200;
        }
        over.store(true, Ordering::Release);
    })
}

#[test]
fn killed_at_any_moment_it_loses_and_doubles_nothing() {
    let (kills, rows) = (asked("HOTSPARE_FEED_KILLS", KILLS), asked("HOTSPARE_FEED_ROWS", ROWS));
    let site = Site::new();
    let studio = site.writer();
    studio.pragma_update(None, "journal_mode", "wal").unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let writing = counters(studio, rows, over.clone());
    let mut amid = 0;
    for kill in 0..kills {
        let before = site.carried();
        let running = site.begin();
        if kill % 2 == 0 {
            // From before it has read its fleet file to amidst its batches.
            std::thread::park_timeout(Duration::from_millis(fastrand::u64(1..400)));
        } else {
            // Amidst its batches, however slow the machine is.
            for _look in 0..10_000 {
                if before == rows || site.carried() > before {
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(2));
            }
            std::thread::park_timeout(Duration::from_millis(fastrand::u64(0..10)));
        }
        running.kill();
        let after = site.carried();
        amid += u64::from(after > before && after < rows);
    }
    writing.join().unwrap();
    assert!(over.load(Ordering::Acquire));
    site.carry_all();
    assert_eq!(site.carried(), rows);
    site.equal();
    println!("{kills} kills, {amid} amidst of rows; {}", site.check());
    assert!(amid > 0, "it was killed while it carried");
}
