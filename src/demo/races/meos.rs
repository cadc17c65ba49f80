//! Races as the program at the finish keeps them: one database that lists them, and one for each, of tables that know no
//! transactions.

use std::time::Duration;

use jiff::Span;

use crate::clock::Clock;
use crate::demo::pace::Pace;
use crate::dump::server::Line;
use crate::dump::trouble::Trouble;

/// The list's names of databases, which the dump asks for.
pub(super) const QUERY: &str = "SELECT NameId, Name FROM MeOSMain.oEvent WHERE Removed = 0 ORDER BY Date, Id";
/// Somebody comes to the finish this often.
const FINISH: Duration = Duration::from_secs(2);
/// One finish in so many is followed by an entry for the race of tomorrow…
const ENTRY_ONE_IN: u32 = 6;
/// …and by somebody's complaint about yesterday.
const COMPLAINT_ONE_IN: u32 = 25;
/// Finishes that are written, so that a demo that is forgotten does not fill the disk: a day.
const FINISHES: u32 = 43_200;
/// Runners that start in each race; who comes after the last of them is a runner of the same number again.
const RUNNERS: u32 = 400;

/// A race, in days from today.
struct Race {
    database: &'static str,
    name: &'static str,
    day: i64,
    finished: u32,
}

const YESTERDAY: Race = Race { database: "meos_middle", name: "Harbour Middle", day: -1, finished: RUNNERS };
const TODAY: Race = Race { database: "meos_sprint", name: "Harbour Sprint", day: 0, finished: 60 };
const TOMORROW: Race = Race { database: "meos_long", name: "Harbour Long", day: 1, finished: 0 };

const LIST: &str = "CREATE TABLE MeOSMain.oEvent (Id INT AUTO_INCREMENT PRIMARY KEY, Name VARCHAR(128) NOT NULL, \
     Annotation VARCHAR(128) NOT NULL DEFAULT '', Date VARCHAR(32) NOT NULL, ZeroTime INT UNSIGNED NOT NULL DEFAULT 0, \
     NameId VARCHAR(64) NOT NULL, Version INT UNSIGNED NOT NULL DEFAULT 94, Modified TIMESTAMP, Counter INT UNSIGNED NOT NULL \
     DEFAULT 0, Removed BOOL NOT NULL DEFAULT 0) ENGINE=MyISAM DEFAULT CHARSET utf8mb4";

/// Tables of a race, each with what every row of it ends with.
const TABLES: [(&str, &str); 6] = [
    ("oClub", "Name VARCHAR(64) NOT NULL"),
    ("oClass", "Name VARCHAR(128) NOT NULL, Course INT NOT NULL"),
    ("oCourse", "Name VARCHAR(64) NOT NULL, Controls VARCHAR(512) NOT NULL, Length INT UNSIGNED NOT NULL"),
    ("oControl", "Name VARCHAR(128) NOT NULL, Numbers VARCHAR(128) NOT NULL"),
    (
        "oRunner",
        "Name VARCHAR(31) NOT NULL, CardNo INT NOT NULL, Club INT NOT NULL, Class INT NOT NULL, StartTime INT NOT NULL, \
         FinishTime INT NOT NULL, Status INT NOT NULL",
    ),
    ("oCard", "CardNo INT UNSIGNED NOT NULL, Punches VARCHAR(3040) NOT NULL"),
];

/// The races, and a line to their server.
pub(super) struct Meos {
    line: Line,
    clock: Clock,
}

impl Meos {
    /// Makes the databases.
    pub(super) async fn fill(mut line: Line, clock: Clock) -> Result<Self, Trouble> {
        line.order("CREATE DATABASE MeOSMain DEFAULT CHARSET utf8mb4").await?;
        line.order(LIST).await?;
        let mut meos = Self { line, clock };
        for race in [YESTERDAY, TODAY, TOMORROW] {
            meos.race(&race).await?;
        }
        Ok(meos)
    }

    async fn race(&mut self, race: &Race) -> Result<(), Trouble> {
        let Race { database, name, day, finished } = race;
        let today = self.clock.now().to_zoned(jiff::tz::TimeZone::system());
        let date = today.saturating_add(Span::new().days(*day)).date();
        self.line
            .order(&format!(
                "INSERT INTO MeOSMain.oEvent (Name, Date, NameId) VALUES ('{name}', '{date}', '{database}')"
            ))
            .await?;
        self.line.order(&format!("CREATE DATABASE {database} DEFAULT CHARSET utf8mb4")).await?;
        for (table, columns) in TABLES {
            let create = format!(
                "CREATE TABLE {database}.{table} (Id INT AUTO_INCREMENT PRIMARY KEY, {columns}, Modified TIMESTAMP, \
                 Counter INT UNSIGNED NOT NULL DEFAULT 0, Removed BOOL NOT NULL DEFAULT 0) ENGINE=MyISAM"
            );
            self.line.order(&create).await?;
        }
        let rows = |count: u32, row: &dyn Fn(u32) -> String| (1..=count).map(row).collect::<Vec<_>>().join(", ");
        let filled = [
            ("oClub (Name)", rows(12, &|club| format!("('Club {club}')"))),
            ("oClass (Name, Course)", rows(8, &|class| format!("('Class {class}', {})", class.div_ceil(2)))),
            (
                "oCourse (Name, Controls, Length)",
                rows(4, &|course| format!("('Course {course}', '31;32;33;', {course}200)")),
            ),
            ("oControl (Name, Numbers)", rows(20, &|control| format!("('Control {control}', '{}')", control + 30))),
            (
                "oRunner (Name, CardNo, Club, Class, StartTime, FinishTime, Status)",
                rows(RUNNERS, &|runner| {
                    let finish = if runner <= *finished { 40_000 + runner * 60 } else { 0 };
                    let (card, club, class) = (500_000 + runner, runner % 12 + 1, runner % 8 + 1);
                    format!(
                        "('Runner {runner}', {card}, {club}, {class}, {}, {finish}, {})",
                        36_000 + runner * 60,
                        u32::from(finish > 0)
                    )
                }),
            ),
        ];
        for (table, rows) in filled {
            self.line.order(&format!("INSERT INTO {database}.{table} VALUES {rows}")).await?;
        }
        Ok(())
    }

    /// Runners come to the finish, others enter for tomorrow, and now and then a result of yesterday is put right.
    pub(super) async fn races(mut self, pace: Pace) -> Result<(), Trouble> {
        let mut ticks = tokio::time::interval(pace.of(FINISH));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let end = if pace.hurried() { u32::MAX } else { FINISHES };
        for finish in TODAY.finished..end {
            ticks.tick().await;
            let (runner, today) = (finish % RUNNERS + 1, TODAY.database);
            let time = 40_000 + runner * 60 + fastrand::u32(..600);
            let punches = (31..46)
                .map(|control| format!("{control}-{}", time - (46 - control) * 45))
                .collect::<Vec<_>>()
                .join(";");
            self.line
                .order(&format!(
                    "UPDATE {today}.oRunner SET FinishTime = {time}, Status = 1, Counter = Counter + 1 WHERE Id = {runner}"
                ))
                .await?;
            if pace.hurried() {
                // Who comes to the finish again has one card.
                let card = 500_000 + runner;
                self.line.order(&format!("DELETE FROM {today}.oCard WHERE CardNo = {card}")).await?;
            }
            self.line
                .order(&format!(
                    "INSERT INTO {today}.oCard (CardNo, Punches) VALUES ({}, '{punches}')",
                    500_000 + runner
                ))
                .await?;
            if finish % ENTRY_ONE_IN == 0 && finish < FINISHES {
                let insert = format!(
                    "INSERT INTO {}.oRunner (Name, CardNo, Club, Class, StartTime, FinishTime, Status) \
                     VALUES ('Late entry', {}, {}, {}, 0, 0, 0)",
                    TOMORROW.database,
                    600_000 + finish,
                    fastrand::u32(1..=12),
                    fastrand::u32(1..=8)
                );
                self.line.order(&insert).await?;
            }
            if finish % COMPLAINT_ONE_IN == 0 {
                let right = format!(
                    "UPDATE {}.oRunner SET Status = 3, Counter = Counter + 1 WHERE Id = {runner}",
                    YESTERDAY.database
                );
                self.line.order(&right).await?;
            }
        }
        std::future::pending().await
    }
}
