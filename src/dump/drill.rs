//! Restores a kit for practice and compares what comes of it with what was noted when it was dumped.

pub mod beside;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::compare::{Exactly, compare};
use super::dumper::Dumper;
use super::keeper::Keeper;
use super::load::{Load, Loader};
use super::mongo;
use super::record::{Database, Held, Kit};
use super::report::{DatabaseDrilled, Drilled};
use super::scratch::{Scratch, Size};
use super::server::{Line, Server, identifier};
use super::tools::Tools;
use super::trouble::Trouble;
use crate::fleet::data::{self, Dump};
use crate::work::progress::Event;
use crate::work::steer::Steer;

/// Restores this kit where the dump says drills restore. Nothing that was there before is touched, nothing is left behind.
pub async fn drill(
    dump: &Dump,
    kit: &Kit,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Drilled, Trouble> {
    if mongo::is_named(&kit.server) {
        return mongo::drill(kit, tools, keeper, steer, stop).await;
    }
    let began = tools.clock.tick();
    let held = kit.databases.iter().filter_map(|database| database.held.as_ref());
    steer.event(Event::Total(held.map(|held| held.plain).sum()));
    let databases = match &dump.scratch {
        data::Scratch::Auto => {
            steer.note("starting a throw-away server");
            let scratch = Scratch::start(&kit.version, Size::Quick, tools, stop).await?;
            let practice = Practice { server: &scratch.server, kit, tools, keeper: &keeper, steer: &steer, stop };
            let done = practice.all(false).await;
            scratch.end().await;
            done?
        }
        data::Scratch::Server(url) => {
            let server = Server::of(url, tools).await?;
            let practice = Practice { server: &server, kit, tools, keeper: &keeper, steer: &steer, stop };
            practice.all(true).await?
        }
    };
    Ok(Drilled {
        ok: !databases.is_empty() && databases.iter().all(|database| database.ok),
        kit: kit.name.clone(),
        seconds: tools.clock.tick().since(began).as_secs_f64(),
        databases,
    })
}

struct Practice<'a> {
    server: &'a Server,
    kit: &'a Kit,
    tools: &'a Tools,
    keeper: &'a Arc<dyn Keeper>,
    steer: &'a Arc<dyn Steer>,
    stop: &'a CancellationToken,
}

impl Practice<'_> {
    /// Restores one after the other; `aside`: under names of our own, on a server that holds other databases.
    async fn all(&self, aside: bool) -> Result<Vec<DatabaseDrilled>, Trouble> {
        let mut line = self.server.line(self.tools).await?;
        if aside {
            beside::sweep(&mut line).await?;
        }
        let loader = Loader::of(self.server, &line.nature, self.tools)?;
        let dumper = Dumper::of(self.server, &line.nature, self.tools)?;
        let exactly = Exactly::of(&self.kit.version, &line.nature.version, aside);
        let mut done = Vec::new();
        for database in &self.kit.databases {
            let Database { name, held: Some(held), .. } = database else {
                done.push(never(database));
                continue;
            };
            let practised = if aside {
                self.beside(&mut line, &loader, &dumper, held).await
            } else {
                self.one(&loader, &dumper, held, None, name).await
            };
            done.push(match practised {
                Ok(shape) => compare(name, held, &shape, exactly),
                Err(Trouble::Stopped) => return Err(Trouble::Stopped),
                Err(trouble) => failed(name, &trouble),
            });
        }
        line.end().await;
        Ok(done)
    }

    async fn one(
        &self,
        loader: &Loader,
        dumper: &Dumper,
        held: &Held,
        into: Option<&str>,
        name: &str,
    ) -> Result<super::shape::Shape, Trouble> {
        self.steer.note(&format!("restoring {name}"));
        let load = Load { keeper: self.keeper, held, into, steer: self.steer };
        loader.load(load, self.tools, self.stop).await?;
        self.steer.note(&format!("comparing {name}"));
        dumper.shape(into.unwrap_or(name), self.tools, self.stop).await
    }

    /// In a database that was not there before, and is not there afterwards.
    async fn beside(
        &self,
        line: &mut Line,
        loader: &Loader,
        dumper: &Dumper,
        held: &Held,
    ) -> Result<super::shape::Shape, Trouble> {
        let name = beside::name();
        let quoted = identifier(&name);
        // Taken before there is anything to sweep away.
        beside::take(line, &name).await?;
        // Fails where there is one of this name, however unlikely that is.
        line.order(&format!("CREATE DATABASE {quoted}")).await?;
        let shape = tokio::select! {
            shape = self.one(loader, dumper, held, Some(&name), &name) => shape,
            () = self.stop.cancelled() => Err(Trouble::Stopped),
        };
        let gone = line.order(&format!("DROP DATABASE {quoted}")).await;
        beside::give_back(line, &name).await?;
        let shape = shape?;
        gone.map_err(|trouble| Trouble::Failed(format!("{quoted} was restored and cannot be dropped: {trouble}")))?;
        Ok(shape)
    }
}

/// A database that no kit holds.
pub(super) fn never(database: &Database) -> DatabaseDrilled {
    let why = database.error.as_deref().unwrap_or("it was never dumped");
    DatabaseDrilled {
        name: database.name.clone(),
        ok: false,
        tables: 0,
        problems: vec![format!("the kit does not hold it: {why}")],
    }
}

/// A database that could not be restored.
pub(super) fn failed(name: &str, trouble: &Trouble) -> DatabaseDrilled {
    DatabaseDrilled { name: name.to_owned(), ok: false, tables: 0, problems: vec![trouble.to_string()] }
}
