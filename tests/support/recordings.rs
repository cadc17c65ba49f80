//! Stores of recording sessions that are not there: rows, windows of them, details and reports.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::console::filter::Filter;
use hotspare::engine::command::Which;
use hotspare::session::key::Key;
use hotspare::session::listing::{Facts, Odd};
use hotspare::session::report::{DeleteReport, Deleted, Different, Proof, Refused};
use hotspare::session::report::{SyncReport, SyncResult, Synced, VerifyReport};
use hotspare::session::view::{
    Ask, CopyState, CopyView, DestinationView, Detail, FileLine, Imported, Level, Rows, SessionRow, SideState, Sort,
    StoreView, Totals, Verified,
};

use super::ago;

const DAY: i64 = 86_400;

/// The rows of one store, with the orders that were asked for.
#[derive(Debug, Default)]
pub struct Recordings {
    pub rows: Vec<SessionRow>,
    orders: HashMap<(String, Sort, bool), Arc<Vec<u32>>>,
}

impl Recordings {
    pub fn new(rows: Vec<SessionRow>) -> Self {
        Self { rows, orders: HashMap::new() }
    }

    /// Changes rows; what was sorted is sorted anew.
    pub fn change(&mut self, act: impl FnOnce(&mut Vec<SessionRow>)) {
        act(&mut self.rows);
        self.orders.clear();
    }

    fn order(&mut self, ask: &Ask) -> Arc<Vec<u32>> {
        let rows = &self.rows;
        let made = || {
            let filter = Filter::new(&ask.filter);
            let mut order: Vec<u32> = (0..u32::try_from(rows.len()).expect("few")).collect();
            if !filter.is_empty() {
                order.retain(|row| filter.passes(&haystack(&rows[*row as usize])));
            }
            let row = |index: &u32| &rows[*index as usize];
            let newest = |row: &SessionRow| (Reverse(row.key.date), row.key.participant.clone());
            let size = |row: &SessionRow| Reverse(row.source.map_or(0, |facts| facts.bytes));
            let verified = |row: &SessionRow| row.copies.iter().map(|copy| copy.verified.as_ref().map(|v| v.at)).min();
            match ask.sort {
                Sort::Trouble => order.sort_by_cached_key(|index| {
                    let row = row(index);
                    (row.busy.is_none(), row.wrong.is_none(), newest(row))
                }),
                Sort::Date => order.sort_by_cached_key(|index| newest(row(index))),
                Sort::Participant => {
                    order
                        .sort_by_cached_key(|index| (row(index).key.participant.clone(), Reverse(row(index).key.date)));
                }
                Sort::Size => order.sort_by_cached_key(|index| size(row(index))),
                Sort::Safe => order.sort_by_cached_key(|index| (!row(index).safe, size(row(index)))),
                Sort::Verified => order.sort_by_cached_key(|index| verified(row(index))),
                Sort::Changed => {
                    order.sort_by_cached_key(|index| Reverse(row(index).source.and_then(|facts| facts.changed)));
                }
            }
            if ask.reversed {
                order.reverse();
            }
            Arc::new(order)
        };
        let key = (ask.filter.clone(), ask.sort, ask.reversed);
        Arc::clone(self.orders.entry(key).or_insert_with(made))
    }

    /// A window, put around the wished key where that is there.
    pub fn window(&mut self, ask: &Ask, view: &StoreView) -> Rows {
        let order = self.order(ask);
        let limit = u64::from(ask.limit);
        let at = ask.at.as_ref().and_then(|key| order.iter().position(|row| self.rows[*row as usize].key == *key));
        let offset = at.map_or(ask.offset, |at| (at as u64).saturating_sub(limit / 2));
        let from = usize::try_from(offset).expect("few");
        let here = order.iter().skip(from).take(ask.limit as usize);
        Rows {
            looked: None,
            store: view.name.clone(),
            version: view.version,
            matching: order.len() as u64,
            totals: totals(order.iter().map(|row| &self.rows[*row as usize])),
            offset,
            rows: here.map(|row| self.rows[*row as usize].clone()).collect(),
        }
    }

    fn row(&self, key: &Key) -> Option<&SessionRow> {
        self.rows.iter().find(|row| row.key == *key)
    }

    pub fn meant(&self, which: &Which) -> Vec<Key> {
        match which {
            Which::Keys { keys } => keys.clone(),
            Which::Range { from, to, participant, safe } => {
                let passes = |row: &&SessionRow| {
                    from.is_none_or(|from| row.key.date >= from)
                        && to.is_none_or(|to| row.key.date <= to)
                        && participant.as_ref().is_none_or(|participant| row.key.participant == *participant)
                        && (!safe || row.safe)
                };
                self.rows.iter().filter(passes).map(|row| row.key.clone()).collect()
            }
        }
    }

    pub fn detail(&self, store: &str, key: &Key) -> Option<Detail> {
        let row = self.row(key)?.clone();
        let files = row.source.map_or(0, |facts| facts.files);
        let mut lines: Vec<FileLine> = (0..files)
            .map(|index| {
                let trial = index / 8;
                let (path, size) = match index % 8 {
                    0 => (format!("walk_{}_1001{trial:02}.json", key.day()), 8_192),
                    camera => {
                        let serial = 17_391_300 + camera;
                        (format!("walk_{}_1001{trial:02}.{serial}.mp4", key.day()), 312_000_000 + u64::from(index))
                    }
                };
                let there = row.copies.iter().map(|copy| copy.facts.map(|_| size)).collect();
                let missing = row.copies.iter().any(|copy| copy.state == CopyState::None);
                FileLine { path, here: Some(size), there, problem: missing.then(|| "missing".into()) }
            })
            .collect();
        if row.copies.iter().any(|copy| copy.state == CopyState::Differs) {
            lines.insert(
                0,
                FileLine {
                    path: format!("walk_{}_100102.17391304.mp4", key.day()),
                    here: Some(312_000_011),
                    there: vec![Some(0)],
                    problem: Some("size".into()),
                },
            );
            lines.insert(
                1,
                FileLine {
                    path: "images/20261119_101500_a very long name of a photo that somebody took of the set-up.jpg"
                        .into(),
                    here: Some(4_100_000),
                    there: vec![None],
                    problem: Some("missing".into()),
                },
            );
        }
        let odd = row.source.filter(|facts| facts.odd > 0);
        Some(Detail {
            store: store.into(),
            source: format!("/data/{}/{}", key.participant, key.day()),
            copies: vec![format!("/mnt/CottonLab/mobile_system_data/{}/{}", key.day(), key.participant)],
            files: lines,
            more: 0,
            odd: odd.map(|_| Odd { path: "latest".into(), what: "a symbolic link".into() }).into_iter().collect(),
            row,
        })
    }

    fn by_key(&self) -> HashMap<&Key, &SessionRow> {
        self.rows.iter().map(|row| (&row.key, row)).collect()
    }

    pub fn deletion(&self, which: &Which, dry_run: bool, now: Timestamp) -> DeleteReport {
        let mut report = DeleteReport { dry_run, ..DeleteReport::default() };
        let rows = self.by_key();
        for key in self.meant(which) {
            match rows.get(&key) {
                Some(row) if row.safe => {
                    let facts = row.source.unwrap_or_default();
                    let at = row.copies[0].verified.as_ref().map_or(now, |verified| verified.at);
                    let proof = |what: &str, how: &str, at| Proof { what: what.into(), how: how.into(), at };
                    report.bytes_freed += facts.bytes;
                    report.deleted.push(Deleted {
                        files: u64::from(facts.files),
                        bytes: facts.bytes,
                        remains: vec![format!(
                            "CottonLab Network  /mnt/CottonLab/mobile_system_data/{}/{}",
                            key.day(),
                            key.participant
                        )],
                        proofs: vec![proof("imported", "", now), proof("copy", "content", at), proof("quiet", "", now)],
                        notes: Vec::new(),
                        key,
                    });
                }
                Some(row) => report.refused.push(Refused { key, reasons: row.why_not.clone() }),
                None => report.refused.push(Refused { key, reasons: vec!["not on this computer".into()] }),
            }
        }
        report
    }

    pub fn sync(&self, which: &Which, dry_run: bool) -> SyncReport {
        let rows = self.by_key();
        let one = |key: Key| {
            let row = rows.get(&key);
            let facts = row.and_then(|row| row.source).unwrap_or_default();
            let there = row.is_some_and(|row| row.copies.iter().all(|copy| copy.state == CopyState::Same));
            let odd = facts.odd > 0;
            let result = match (odd, there) {
                (true, _) => SyncResult::Failed,
                (_, true) => SyncResult::Skipped,
                _ => SyncResult::Copied,
            };
            Synced {
                key,
                destination: "CottonLab Network".into(),
                result,
                files: u64::from(facts.files),
                bytes: facts.bytes,
                written: u64::from(facts.files),
                written_bytes: if result == SyncResult::Copied { facts.bytes } else { 0 },
                seconds: 121.0,
                error: odd.then(|| {
                    "1 thing is never copied: latest (a symbolic link); take it away or exclude it in the fleet file"
                        .into()
                }),
                refused: false,
            }
        };
        SyncReport { dry_run, sessions: self.meant(which).into_iter().map(one).collect() }
    }

    pub fn verification(&self, which: &Which, level: Option<Level>) -> Vec<VerifyReport> {
        let rows = self.by_key();
        let one = |key: Key| {
            let row = rows.get(&key);
            let facts = row.and_then(|row| row.source).unwrap_or_default();
            let differs = row.is_some_and(|row| row.wrong.is_some());
            VerifyReport {
                destination: "CottonLab Network".into(),
                level: level.unwrap_or(Level::Content),
                ok: !differs,
                missing: differs.then(|| "images/20261119_101500_set-up.jpg".to_owned()).into_iter().collect(),
                different: differs
                    .then(|| Different {
                        path: format!("walk_{}_100102.17391304.mp4", key.day()),
                        reason: "size".into(),
                    })
                    .into_iter()
                    .collect(),
                extra: Vec::new(),
                files: u64::from(facts.files),
                bytes: facts.bytes,
                seconds: 38.2,
                read: Some("from the disk".into()),
                error: None,
                key,
            }
        };
        self.meant(which).into_iter().map(one).collect()
    }
}

fn haystack(row: &SessionRow) -> String {
    let mut words = vec![row.key.participant.clone(), row.key.day(), row.key.date.to_string()];
    words.extend(row.wrong.clone());
    words.extend(row.safe.then(|| "safe".to_owned()));
    words.extend(row.why_not.iter().cloned());
    words.join(" ")
}

fn totals<'a>(rows: impl Iterator<Item = &'a SessionRow>) -> Totals {
    let mut sum = Totals::default();
    for row in rows {
        let facts = row.source.unwrap_or_default();
        sum.sessions += 1;
        sum.on_disk += u64::from(row.source.is_some());
        sum.files += u64::from(facts.files);
        sum.bytes += facts.bytes;
        sum.safe += u64::from(row.safe);
        sum.safe_bytes += if row.safe { facts.bytes } else { 0 };
        sum.wrong += u64::from(row.wrong.is_some());
    }
    sum
}

/// What a snapshot carries of a store with these rows.
pub fn view(name: &str, rows: &[SessionRow], now: Timestamp) -> StoreView {
    StoreView {
        name: name.into(),
        version: 1,
        source: SideState::Ready,
        free: Some(412_000_000_000),
        days_left: Some(4.3),
        destinations: vec![DestinationView {
            name: "CottonLab Network".into(),
            path: "/mnt/CottonLab/mobile_system_data".into(),
            state: SideState::Ready,
            free: Some(3_100_000_000_000),
        }],
        imported: Some(SideState::Ready),
        scanned: Some(ago(now, 40)),
        scanning: false,
        reading: false,
        totals: totals(rows.iter()),
        limit: None,
    }
}

/// A destination that does not answer.
pub fn stale() -> SideState {
    SideState::Trouble {
        word: "stale".into(),
        why: "/mnt/CottonLab did not answer within 3 s".into(),
        remedy:
            "check the network to the file server, then `sudo umount -l /mnt/CottonLab && sudo mount /mnt/CottonLab`"
                .into(),
    }
}

/// What happens to every row while the destination does not answer: what is known stays, and is known to be old.
pub fn make_stale(rows: &mut [SessionRow]) {
    for row in rows {
        for copy in &mut row.copies {
            copy.state = CopyState::Unknown { why: "stale".into() };
        }
        row.safe = false;
        row.why_not.insert(0, "CottonLab Network is stale".into());
    }
}

/// Facts of so many videos of so many bytes in all, changed so long ago.
fn facts(videos: u32, bytes: u64, seconds: i64, now: Timestamp) -> Facts {
    Facts {
        videos,
        files: videos * 8,
        bytes,
        changed: Some(ago(now, seconds)),
        digest: [1; 16],
        state: [2; 16],
        odd: 0,
    }
}

fn content(seconds: i64, now: Timestamp) -> Verified {
    Verified {
        level: Level::Content,
        at: ago(now, seconds),
        ok: true,
        read: Some("from the disk".into()),
        from_storage: true,
        problems: 0,
        source: Some([2; 16]),
        copy: [2; 16],
    }
}

/// A session that is safe to delete.
pub fn safe(participant: &str, day: &str, videos: u32, bytes: u64, days: i64, now: Timestamp) -> SessionRow {
    let own = facts(videos, bytes, days * DAY + 5000, now);
    SessionRow {
        key: Key::new(participant, day).expect("a session"),
        source: Some(own),
        copies: vec![CopyView {
            state: CopyState::Same,
            facts: Some(own),
            verified: Some(content((days - 1).max(0) * DAY + 3600, now)),
        }],
        imported: Imported::Yes,
        busy: None,
        safe: true,
        why_not: Vec::new(),
        wrong: None,
    }
}

fn kept(row: SessionRow, why_not: &[&str]) -> SessionRow {
    SessionRow { safe: false, why_not: why_not.iter().map(|why| (*why).to_owned()).collect(), ..row }
}

/// A session in every state that a pane can show.
pub fn mocap(now: Timestamp) -> Vec<SessionRow> {
    let gb = |tenths: u64| tenths * 100_000_000;
    let nothing = |why: &[&str], row: SessionRow| {
        let none = CopyView { state: CopyState::None, facts: None, verified: None };
        kept(SessionRow { copies: vec![none], ..row }, why)
    };
    let recording = SessionRow {
        busy: Some("being recorded".into()),
        imported: Imported::No { short: "none".into(), why: vec!["no such session in mocap_sessions".into()] },
        ..nothing(&["being recorded", "not copied", "not imported"], safe("p015", "20261120", 2, gb(41), 0, now))
    };
    let copying = SessionRow {
        busy: Some("being copied".into()),
        imported: Imported::No { short: "none".into(), why: vec!["no such session in mocap_sessions".into()] },
        ..nothing(&["being copied", "not imported"], safe("p014", "20261120", 6, gb(142), 0, now))
    };
    let mut differs =
        kept(safe("TF47", "20261119", 8, gb(210), 1, now), &["1 file differs: walk_20261119_100102.17391304.mp4"]);
    differs.wrong = Some("cam 17391304: size".into());
    differs.copies[0].state = CopyState::Differs;
    differs.copies[0].verified = Some(Verified { ok: false, problems: 1, ..content(3600, now) });
    let mut part = kept(
        safe("p013", "20261119", 6, gb(129), 1, now),
        &["walk_20261119_100102 is not imported", "2 cameras of sit_20261119_100400 are not imported"],
    );
    part.imported = Imported::No {
        short: "2 of 3".into(),
        why: vec![
            "walk_20261119_100102: no recording of this name".into(),
            "sit_20261119_100400: cameras 17391304 and 17391306 are missing".into(),
        ],
    };
    let mut odd = kept(safe("m002", "20261117", 4, gb(98), 3, now), &["a symbolic link lies in it: latest"]);
    odd.source = odd.source.map(|facts| Facts { odd: 1, ..facts });
    odd.copies[0] = CopyView { state: CopyState::None, facts: None, verified: None };
    let mut changed = kept(safe("p012", "20261117", 6, gb(133), 3, now), &["changed after it was verified"]);
    changed.source = changed.source.map(|facts| Facts { state: [9; 16], changed: Some(ago(now, 7200)), ..facts });
    let mut sizes = kept(safe("p012", "20261116", 6, gb(127), 4, now), &["verified by sizes only, not by content"]);
    sizes.copies[0].verified = Some(Verified { level: Level::Sizes, read: None, ..content(9 * 3600, now) });
    let mut silent = kept(safe("p010", "20261115", 5, gb(104), 5, now), &["not known whether it was imported"]);
    silent.imported = Imported::Unknown { why: "mocap_sessions has no table `recording`".into() };
    let mut alone = kept(safe("b007", "20261102", 6, gb(119), 18, now), &["not on this computer"]);
    alone.source = None;
    alone.copies[0].state = CopyState::Alone;
    let mut rows = vec![recording, copying, differs, part];
    rows.push(safe("p013", "20261118", 6, gb(131), 2, now));
    rows.push(safe("b009", "20261118", 6, gb(118), 2, now));
    rows.extend([odd, changed, sizes, silent, alone]);
    rows.extend(
        (1..=14).map(|day| safe("p011", &format!("202611{day:02}"), 6, gb(120 + day), 21 - day.cast_signed(), now)),
    );
    rows
}

/// So many sessions of ten years, most of them safe.
pub fn archive(now: Timestamp, count: usize) -> Vec<SessionRow> {
    let last = jiff::civil::date(2026, 11, 20);
    (0..count)
        .map(|index| {
            let days = i64::try_from(index / 28).expect("few");
            let date = last.checked_sub(jiff::Span::new().days(days)).expect("in range");
            let day = hotspare::session::key::compact(date);
            let participant = format!("{}{:03}", ["p", "b", "m", "TF"][index % 4], index % 28);
            let bytes = 9_000_000_000 + (index as u64 * 7_919_000_003) % 14_000_000_000;
            let row = safe(&participant, &day, 4 + u32::try_from(index % 5).expect("few"), bytes, days, now);
            match index % 97 {
                13 => kept(row, &["not imported"]),
                31 => SessionRow { wrong: Some("2 files differ".into()), ..kept(row, &["2 files differ"]) },
                _ => row,
            }
        })
        .collect()
}
