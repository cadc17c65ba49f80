//! Where a kit is restored to: a server of its kind, reached by the tools that belong to it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Timestamp;
use crate::dump::compare::Exactly;
use crate::dump::dumper::Dumper;
use crate::dump::keeper::Keeper;
use crate::dump::load::{self, Load, Loader};
use crate::dump::mongo;
use crate::dump::mongo::archive;
use crate::dump::mongo::program::Mongo;
use crate::dump::record::{Database, Held, Kit};
use crate::dump::report::Overwritten;
use crate::dump::server::{Line, Server};
use crate::dump::shape::{Reader, Shape};
use crate::dump::tools::Tools;
use crate::dump::trouble::Trouble;
use crate::fleet::secret::DatabaseUrl;

/// A server that was reached.
pub(super) enum Target {
    Mysql { line: Box<Line>, loader: Loader, dumper: Dumper },
    Mongo(Mongo),
}

impl Target {
    /// Logs in at this server, which has to be of the kind of the kit's.
    pub(super) async fn reach(to: &DatabaseUrl, kit: &Kit, tools: &Tools) -> Result<Self, Trouble> {
        let (theirs, here) = (mongo::is_named(&kit.server), mongo::is(to));
        if theirs != here {
            let kind = |mongo: bool| if mongo { "MongoDB" } else { "MySQL" };
            return Err(Trouble::Refused(format!(
                "the kit {} is of a {} server, and {} is one of {}; name another target",
                kit.name,
                kind(theirs),
                to.url,
                kind(here)
            )));
        }
        if here {
            return Ok(Self::Mongo(Mongo::of(to, tools).await?));
        }
        let server = Server::of(to, tools).await?;
        let line = Box::new(server.line(tools).await?);
        let loader = Loader::of(&server, &line.nature, tools)?;
        let dumper = Dumper::of(&server, &line.nature, tools)?;
        Ok(Self::Mysql { line, loader, dumper })
    }

    /// What of it lies there now.
    pub(super) async fn there(
        &mut self,
        wanted: &[Database],
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Vec<Overwritten>, Trouble> {
        let mongo = match self {
            Self::Mysql { line, .. } => return overwritten(line, wanted).await,
            Self::Mongo(mongo) => mongo,
        };
        let mut found = Vec::new();
        for database in wanted {
            let shape = mongo.shape(&database.name, tools, stop).await?;
            if !shape.tables.is_empty() {
                let rows = shape.tables.iter().filter_map(|table| table.rows).sum();
                let tables = shape.tables.len() as u64;
                found.push(Overwritten { name: database.name.clone(), tables, rows, changed: None });
            }
        }
        Ok(found)
    }

    /// Reads a dump from the medium, to its end.
    pub(super) async fn check(
        &self,
        keeper: &Arc<dyn Keeper>,
        held: &Held,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Shape, Trouble> {
        match self {
            Self::Mysql { .. } => load::check(keeper, held, Reader::default(), tools, stop).await,
            Self::Mongo(_) => load::check(keeper, held, archive::Reader::default(), tools, stop).await,
        }
    }

    /// Restores a database, and reads what is there then.
    pub(super) async fn load(
        &self,
        name: &str,
        load: Load<'_>,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Shape, Trouble> {
        let steer = Arc::clone(load.steer);
        match self {
            Self::Mysql { loader, dumper, .. } => {
                loader.load(load, tools, stop).await?;
                steer.note(&format!("comparing {name}"));
                dumper.shape(name, tools, stop).await
            }
            Self::Mongo(mongo) => {
                mongo.load(load, tools, stop).await?;
                steer.note(&format!("comparing {name}"));
                mongo.shape(name, tools, stop).await
            }
        }
    }

    /// How exactly what is there can be compared with what was dumped.
    pub(super) fn exactly(&self, kit: &Kit) -> Exactly {
        match self {
            Self::Mysql { line, .. } => Exactly::of(&kit.version, &line.nature.version, false),
            // Each collection gets an identity of its own when it is made: only what is in it can be compared.
            Self::Mongo(_) => Exactly::Values,
        }
    }

    /// Lets it go.
    pub(super) async fn end(self) {
        if let Self::Mysql { line, .. } = self {
            line.end().await;
        }
    }
}

/// What of it lies on a MySQL server now.
async fn overwritten(line: &mut Line, wanted: &[Database]) -> Result<Vec<Overwritten>, Trouble> {
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
