//! Restores a kit for real: what lies at the target is dumped first, and what comes of it is compared with what was noted.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::change::Memory;
use super::compare::{Exactly, compare};
use super::drill::{failed, never};
use super::dumper::Dumper;
use super::keeper::Keeper;
use super::load::{self, Load, Loader};
use super::record::{Database, Kit};
use super::report::{MadeResult, Overwritten, Restored};
use super::round::round;
use super::server::{Line, Server};
use super::tools::Tools;
use super::trouble::Trouble;
use crate::clock::Timestamp;
use crate::fleet::data::{Dump, DumpDatabases};
use crate::fleet::secret::DatabaseUrl;
use crate::work::progress::Event;
use crate::work::steer::{Alone, Steer};

/// What is to be restored, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Only these databases; empty: all of the kit.
    pub databases: Vec<String>,
    /// Where to.
    pub to: DatabaseUrl,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// The name of the dump to which the kit belongs that holds what a restore overwrote. No fleet file can name a dump so, so that no
/// retention removes it.
pub fn before(dump: &Dump) -> Dump {
    Dump { name: format!("{} before a restore", dump.name), ..dump.clone() }
}

/// Where the kit that is restored lies, and where the one goes that holds what is overwritten.
#[derive(Clone)]
pub struct Shelves {
    /// Where the kit lies.
    pub from: Arc<dyn Keeper>,
    /// Where what is overwritten goes: the medium as it is opened for the dump that [`before()`] names.
    pub aside: Arc<dyn Keeper>,
}

/// Restores this kit. Unless it is a dry run what would be overwritten is dumped first. Whether a person wants that is for the caller
/// to ask.
pub async fn restore(
    dump: &Dump,
    kit: &Kit,
    wish: &Wish,
    tools: &Tools,
    shelves: Shelves,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Restored, Trouble> {
    let began = tools.clock.tick();
    let server = Server::of(&wish.to, tools).await?;
    let mut line = server.line(tools).await?;
    let wanted = wanted(kit, &wish.databases)?;
    let there = there(&mut line, &wanted).await?;
    let version = line.nature.version.clone();
    let loader = Loader::of(&server, &line.nature, tools)?;
    let dumper = Dumper::of(&server, &line.nature, tools)?;
    let total: u64 = wanted.iter().filter_map(|database| database.held.as_ref()).map(|held| held.plain).sum();
    steer.event(Event::Total(total));
    let mut report = Restored {
        dry_run: wish.dry_run,
        ok: false,
        kit: kit.name.clone(),
        to: server.name.clone(),
        before: None,
        overwrites: there,
        databases: Vec::new(),
        seconds: 0.0,
    };
    // All of it is read once before anything is changed: a dump that is damaged in its middle would leave half a database.
    for database in &wanted {
        let Some(held) = &database.held else {
            report.databases.push(never(database));
            continue;
        };
        steer.note(&format!("reading {}", database.name));
        report.databases.push(match load::check(&shelves.from, held, tools, stop).await {
            Ok(shape) => compare(&database.name, held, &shape, Exactly::Everything),
            Err(Trouble::Stopped) => return Err(Trouble::Stopped),
            Err(trouble) => failed(&database.name, &trouble),
        });
    }
    report.ok = !report.databases.is_empty() && report.databases.iter().all(|database| database.ok);
    if wish.dry_run {
        line.end().await;
        report.seconds = tools.clock.tick().since(began).as_secs_f64();
        return Ok(report);
    }
    let damaged = report.databases.iter().zip(&wanted).find(|(read, database)| !read.ok && database.held.is_some());
    if let Some((read, _database)) = damaged {
        return Err(Trouble::Refused(format!(
            "nothing was changed: {} of the kit {} cannot be read: {}; take another kit",
            read.name,
            kit.name,
            read.problems.join(", ")
        )));
    }
    report.before = aside(dump, wish, &report.overwrites, tools, shelves.aside, &steer, stop).await?;
    let exactly = Exactly::of(&kit.version, &version, false);
    for (database, done) in wanted.iter().zip(&mut report.databases) {
        let Some(held) = &database.held else { continue };
        steer.note(&format!("restoring {}", database.name));
        let load = Load { keeper: &shelves.from, held, into: None, steer: &steer };
        let restored = match loader.load(load, tools, stop).await {
            Ok(()) => {
                steer.note(&format!("comparing {}", database.name));
                dumper.shape(&database.name, tools, stop).await
            }
            Err(trouble) => Err(trouble),
        };
        *done = match restored {
            Ok(shape) => compare(&database.name, held, &shape, exactly),
            Err(trouble) => failed(&database.name, &trouble),
        };
        if stop.is_cancelled() {
            break;
        }
    }
    line.end().await;
    report.ok = report.databases.iter().all(|database| database.ok);
    report.seconds = tools.clock.tick().since(began).as_secs_f64();
    Ok(report)
}

/// The databases of the kit that are meant.
fn wanted(kit: &Kit, names: &[String]) -> Result<Vec<Database>, Trouble> {
    if let Some(unknown) = names.iter().find(|name| !kit.databases.iter().any(|database| database.name == **name)) {
        let there: Vec<&str> = kit.databases.iter().map(|database| database.name.as_str()).collect();
        return Err(Trouble::Refused(format!(
            "the kit {} holds no database `{unknown}`; it holds {}",
            kit.name,
            there.join(", ")
        )));
    }
    let meant = |database: &&Database| names.is_empty() || names.contains(&database.name);
    let wanted: Vec<Database> = kit.databases.iter().filter(meant).cloned().collect();
    match wanted.iter().find(|database| database.held.is_none() && !names.is_empty()) {
        Some(none) => Err(Trouble::Refused(format!(
            "the kit {} has no dump of `{}`: {}; take another kit",
            kit.name,
            none.name,
            none.error.as_deref().unwrap_or("it was never dumped")
        ))),
        None => Ok(wanted),
    }
}

/// What of it lies at the target now.
async fn there(line: &mut Line, wanted: &[Database]) -> Result<Vec<Overwritten>, Trouble> {
    let folded: Vec<u8> = line.ask("SELECT @@lower_case_table_names").await?;
    let folded = folded.first().is_some_and(|folded| *folded != 0);
    let name = |name: &str| if folded { name.to_lowercase() } else { name.to_owned() };
    let mut names: Vec<String> = wanted.iter().map(|database| name(&database.name)).collect();
    names.sort_unstable();
    if let Some([same, _]) = names.array_windows::<2>().find(|[one, other]| one == other) {
        return Err(Trouble::Refused(format!(
            "the kit holds two databases that differ in the case of letters only (`{same}`), and {} does not tell them apart; restore \
             one of them with --database",
            line.name()
        )));
    }
    let known = "SELECT s.SCHEMA_NAME, COUNT(t.TABLE_NAME), CAST(IFNULL(SUM(t.TABLE_ROWS), 0) AS UNSIGNED), \
         CAST(IFNULL(UNIX_TIMESTAMP(MAX(t.UPDATE_TIME)), 0) AS SIGNED) FROM information_schema.SCHEMATA s \
         LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME GROUP BY s.SCHEMA_NAME";
    let known: Vec<(String, u64, u64, i64)> = line.ask(known).await?;
    let overwritten = known.into_iter().filter(|(there, ..)| names.contains(&name(there)));
    let overwritten = overwritten.map(|(name, tables, rows, changed)| Overwritten {
        name,
        tables,
        rows,
        changed: (changed > 0).then(|| Timestamp::from_second(changed).ok()).flatten(),
    });
    Ok(overwritten.collect())
}

/// Dumps what is about to be overwritten; the name of the kit that holds it.
async fn aside(
    dump: &Dump,
    wish: &Wish,
    there: &[Overwritten],
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    steer: &Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Option<String>, Trouble> {
    if there.is_empty() {
        return Ok(None);
    }
    let databases = there.iter().map(|database| DumpDatabases::Named(database.name.clone())).collect();
    let first = Dump { server: wish.to.clone(), databases, ..before(dump) };
    steer.note("dumping what will be overwritten");
    let refused = |why: String| {
        Trouble::Refused(format!("nothing was changed: what lies at the target cannot be dumped first: {why}"))
    };
    let made = round(&first, tools, keeper, None, &Memory::default(), Arc::new(Alone), stop).await;
    let made = made.map_err(|trouble| match trouble {
        Trouble::Stopped => Trouble::Stopped,
        other => refused(other.to_string()),
    })?;
    match made.databases.iter().find(|database| database.result == MadeResult::Failed) {
        Some(failed) => Err(refused(format!("{}: {}", failed.name, failed.error.as_deref().unwrap_or_default()))),
        None => Ok(Some(made.kit)),
    }
}
