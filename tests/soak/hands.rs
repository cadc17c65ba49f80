//! The people: they ask for everything that can be asked for, in no order, and read the console meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hotspare::dump::worker::hands::Pick;
use hotspare::engine::client::Client;
use hotspare::engine::command::{Answer, Command, Query, Which};
use hotspare::session::view::{Ask, Sort};
use hotspare::work::view::JobId;

use crate::house::House;
use crate::ledger::Ledger;
use crate::tend;

/// Between two commands, milliseconds.
const PAUSE: std::ops::Range<u64> = 50..700;
/// A copy that is safe stays on the share for so many newer ones.
const COPIES: usize = 60;

pub(crate) struct Hands {
    house: Arc<House>,
    rng: Rng,
    ledger: Ledger,
}

impl Hands {
    pub(crate) fn new(house: &Arc<House>, seed: u64) -> Self {
        Self { house: Arc::clone(house), rng: Rng::with_seed(seed ^ 0x6861_6e64), ledger: Ledger::default() }
    }

    pub(crate) fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Asks and reads. Ends never.
    pub(crate) async fn play(&mut self) {
        let house = Arc::clone(&self.house);
        let seed = self.rng.u64(..);
        tokio::join!(self.ask(), read(&house, seed), tidy(&house));
    }

    async fn ask(&mut self) {
        let client = self.house.client();
        loop {
            tokio::time::sleep(Duration::from_millis(self.rng.u64(PAUSE))).await;
            let (kind, command) = match self.rng.u8(..100) {
                0..20 => {
                    let Some(command) = tend::wanted(&client.snapshots().borrow()) else { continue };
                    ("tend", command)
                }
                20..45 => match self.delete(&client).await {
                    Some(command) => ("delete", command),
                    None => continue,
                },
                picked => self.command(picked),
            };
            let said = client.command(command).await;
            self.ledger.note(kind, &said);
        }
    }

    fn command(&mut self, picked: u8) -> (&'static str, Command) {
        let pool = || "people-count".to_owned();
        let dump = || "meos".to_owned();
        let feed = || "counts".to_owned();
        let soon = self.house.clock.now().saturating_add(Duration::from_millis(800)).unwrap();
        match picked {
            45..53 => ("dump now", Command::DumpNow { dump: dump() }),
            53..57 => ("dump verify", Command::DumpVerify { dump: dump(), pick: Some(Pick::Newest) }),
            57 => ("dump drill", Command::DumpDrill { dump: dump(), pick: Pick::Newest }),
            58..62 => ("drill", Command::PoolDrill { pool: pool(), dry_run: false }),
            62..66 => {
                let failed = ["studio-1", "studio-2"][self.rng.usize(..2)].to_owned();
                let phrase = failed.clone();
                let takeover =
                    Command::PoolTakeover { pool: pool(), failed: Some(failed), spare: None, dry_run: false, phrase };
                ("takeover", takeover)
            }
            66..69 => {
                let which = Which::Range { from: None, to: None, participant: None, safe: true };
                ("verify", Command::SessionVerify { store: None, which, level: None })
            }
            69..73 => ("feed run", Command::FeedRun { feed: feed() }),
            73 => ("feed check", Command::FeedCheck { feed: feed(), repair: true }),
            74..78 => {
                let last = self.house.client().snapshots().borrow().jobs.last().map_or(JobId(1), |job| job.id);
                ("cancel", Command::Cancel { job: last })
            }
            78..81 => {
                let host = ["nas", "cupola-1", "studio-spare"][self.rng.usize(..3)].to_owned();
                ("maintain", Command::Maintain { host, why: "soak".into(), until: soon })
            }
            81..84 => ("pause", Command::PoolPause { pool: pool(), why: "soak".into(), until: soon }),
            84..86 => ("config", Command::ConfigNow { config: None }),
            86 => ("journal", Command::VerifyJournal),
            87 => ("doctor", Command::Doctor),
            88..91 => ("reload", Command::Reload),
            91..94 => ("refresh", Command::SessionRefresh { store: None }),
            94..97 => ("probe", Command::ProbeNow { hosts: Vec::new() }),
            _ => ("note", Command::Note { text: "somebody was here".into() }),
        }
    }

    /// What is safe is deleted here, a few at a time.
    async fn delete(&mut self, client: &Arc<dyn Client>) -> Option<Command> {
        let ask = Ask { safe: true, sort: Sort::Date, limit: 8, ..Ask::default() };
        let Ok(Answer::Sessions { rows }) = client.query(Query::Sessions { ask: Box::new(ask) }).await else {
            return None;
        };
        let safe = rows.rows.iter().filter(|row| row.source.is_some() && row.busy.is_none());
        let keys: Vec<_> = safe.map(|row| row.key.clone()).collect();
        let phrase = if keys.len() == 1 { "DELETE" } else { "DELETE ALL" }.to_owned();
        let which = Which::Keys { keys: keys.clone() };
        (!keys.is_empty()).then_some(Command::SessionDelete { store: None, which, dry_run: false, phrase, shown: None })
    }
}

/// Somebody walks through the console all the time.
async fn read(house: &House, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let keys =
        ["1", "2", "3", "4", "5", "6", "7", "j", "k", "j", "\r", "\x1b", "\x1b", "?", "\x1b", "\x1b[6~", "\x1b[5~"];
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(100..900))).await;
        let mut console = house.console.lock().await;
        if rng.u8(..40) == 0 {
            console.resize(rng.u16(60..160), rng.u16(15..60));
        } else {
            console.press(keys[rng.usize(..keys.len())]).await;
        }
        // Nobody reads them: they would be the test's own leak.
        drop(console.taken());
    }
}

/// Whoever owns the share and the imports keeps the last ones: what there is to know is bounded too, so that whatever grows is a
/// leak.
async fn tidy(house: &House) {
    let imports = house.path().join("imports.db");
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let Ok(days) = std::fs::read_dir(house.path().join("machines/nas/recordings")) else { continue };
        let mut copies: Vec<_> = days
            .flatten()
            .filter(|day| !day.file_name().to_string_lossy().starts_with('.'))
            .filter_map(|day| std::fs::read_dir(day.path()).ok())
            .flat_map(std::iter::Iterator::flatten)
            .filter(|copy| copy.path().is_dir())
            .filter_map(|copy| Some((copy.metadata().ok()?.modified().ok()?, copy.path())))
            .collect();
        copies.sort();
        let surplus = copies.len().saturating_sub(COPIES);
        for (_, copy) in copies.into_iter().take(surplus) {
            let part =
                |path: Option<&Path>| path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
            let (participant, day) = (part(Some(copy.as_path())), part(copy.parent()));
            let source = house.path().join("data").join(&participant);
            // What is still at the source is not old.
            if source.join(&day).exists() {
                continue;
            }
            let forgotten = rusqlite::Connection::open(&imports).and_then(|imports| {
                imports.execute("DELETE FROM imports WHERE participant = ?1 AND date = ?2", [&participant, &day])
            });
            // Somebody else writes there: the next round does it.
            if forgotten.is_err() {
                continue;
            }
            let _recorded_again = std::fs::remove_dir(&source);
            let _under_work = std::fs::remove_dir_all(&copy);
            for manifest in ["b3", "sizes"] {
                let _there_is_none = std::fs::remove_file(copy.with_extension(manifest));
            }
        }
    }
}
