//! Restores a kit for real: what lies at the target is dumped first, and what comes of it is compared with what was noted.

mod target;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::target::Target;
use super::change::Memory;
use super::compare::{Exactly, compare};
use super::drill::{failed, never};
use super::keeper::Keeper;
use super::load::Load;
use super::record::{Database, Kit};
use super::report::{MadeResult, Overwritten, Restored};
use super::round::round;
use super::tools::Tools;
use super::trouble::Trouble;
use crate::fleet::data::{Dump, DumpDatabases};
use crate::fleet::secret::DatabaseUrl;
use crate::work::progress::Event;
use crate::work::steer::{Alone, Steer};

/// Typed before a server is overwritten.
pub const PHRASE: &str = "RESTORE";

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

/// How the names of dumps end to which kits belong that hold what a restore overwrote. No fleet file can name a dump so: no
/// round of one ever removes such a kit, and a medium makes no room with them for the next one either.
const BEFORE: &str = " before a restore";

/// The dump to which the kit belongs that holds what a restore of this one overwrote.
pub fn before(dump: &Dump) -> Dump {
    Dump { name: format!("{}{BEFORE}", dump.name), ..dump.clone() }
}

/// Whether this is the name of such a dump.
pub(super) fn is_before(name: &str) -> bool {
    name.ends_with(BEFORE)
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
    let mut target = Target::reach(&wish.to, kit, tools).await?;
    let wanted = wanted(kit, &wish.databases)?;
    let there = target.there(&wanted, tools, stop).await?;
    let total: u64 = wanted.iter().filter_map(|database| database.held.as_ref()).map(|held| held.plain).sum();
    steer.event(Event::Total(total));
    let mut report = Restored {
        dry_run: wish.dry_run,
        ok: false,
        kit: kit.name.clone(),
        to: wish.to.url.clone(),
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
        report.databases.push(match target.check(&shelves.from, held, tools, stop).await {
            Ok(shape) => compare(&database.name, held, &shape, Exactly::Everything),
            Err(Trouble::Stopped) => return Err(Trouble::Stopped),
            Err(trouble) => failed(&database.name, &trouble),
        });
    }
    report.ok = !report.databases.is_empty() && report.databases.iter().all(|database| database.ok);
    if wish.dry_run {
        target.end().await;
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
    let exactly = target.exactly(kit);
    for (database, done) in wanted.iter().zip(&mut report.databases) {
        let Some(held) = &database.held else { continue };
        steer.note(&format!("restoring {}", database.name));
        let load = Load { keeper: &shelves.from, held, into: None, steer: &steer };
        let restored = target.load(&database.name, load, tools, stop).await;
        *done = match restored {
            Ok(shape) => compare(&database.name, held, &shape, exactly),
            Err(trouble) => failed(&database.name, &trouble),
        };
        if stop.is_cancelled() {
            break;
        }
    }
    target.end().await;
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
