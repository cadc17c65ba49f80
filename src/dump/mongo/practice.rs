//! Restores a kit for practice into a `mongod` of our own: behind a socket, in a folder of its own, gone with us.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::program::Mongo;
use crate::dump::compare::{Exactly, compare};
use crate::dump::drill::{failed, never};
use crate::dump::keeper::Keeper;
use crate::dump::kept::{Kept, Rooms};
use crate::dump::load::Load;
use crate::dump::record::Kit;
use crate::dump::report::{DatabaseDrilled, Drilled};
use crate::dump::tools::Tools;
use crate::dump::trouble::Trouble;
use crate::work::progress::Event;
use crate::work::steer::Steer;

/// Between two looks whether it listens.
const TRY: Duration = Duration::from_millis(30);

/// Restores this kit and compares what comes of it with what was noted when it was dumped.
pub(in crate::dump) async fn drill(
    kit: &Kit,
    tools: &Tools,
    keeper: Arc<dyn Keeper>,
    steer: Arc<dyn Steer>,
    stop: &CancellationToken,
) -> Result<Drilled, Trouble> {
    let began = tools.clock.tick();
    let held = kit.databases.iter().filter_map(|database| database.held.as_ref());
    steer.event(Event::Total(held.map(|held| held.plain).sum()));
    steer.note("starting a throw-away server");
    let (server, mongo) = start(tools, stop).await?;
    let mut databases = Vec::new();
    let mut practised = Ok(());
    for database in &kit.databases {
        let Some(held) = &database.held else {
            databases.push(never(database));
            continue;
        };
        steer.note(&format!("restoring {}", database.name));
        let load = Load { keeper: &keeper, held, into: None, steer: &steer };
        let restored = match mongo.load(load, tools, stop).await {
            Ok(()) => mongo.shape(&database.name, tools, stop).await,
            Err(trouble) => Err(trouble),
        };
        databases.push(match restored {
            // Each collection gets an identity of its own when it is made: only what is in it can be compared.
            Ok(shape) => compare(&database.name, held, &shape, Exactly::Values),
            Err(Trouble::Stopped) => {
                practised = Err(Trouble::Stopped);
                break;
            }
            Err(trouble) => failed(&database.name, &trouble),
        });
    }
    server.end().await;
    practised?;
    Ok(Drilled {
        ok: !databases.is_empty() && databases.iter().all(|database: &DatabaseDrilled| database.ok),
        kit: kit.name.clone(),
        seconds: tools.clock.tick().since(began).as_secs_f64(),
        databases,
    })
}

async fn start(tools: &Tools, stop: &CancellationToken) -> Result<(Kept, Mongo), Trouble> {
    let Some(program) = tools.program(&["mongod"]) else {
        let why = "a drill needs a server program, and mongod is not installed: install mongodb-org-server of the server's version";
        return Err(Trouble::Failed(why.into()));
    };
    let rooms = Rooms::new(Rooms::for_data(tools)?, tools)?;
    let (data, socket) = (rooms.data().join("data"), rooms.door().join("s.sock"));
    std::fs::create_dir(&data).map_err(|error| Trouble::Failed(format!("{}: {error}", data.display())))?;
    let log = rooms.data().join("log");
    let mut command = rooms.command(&program);
    command.arg("--dbpath").arg(&data).arg("--bind_ip").arg(&socket).arg("--logpath").arg(&log);
    command.args(["--wiredTigerCacheSizeGB", "0.25"]);
    let mongo = Mongo::behind(&socket, tools)?;
    let mut server = Kept::start(command, rooms)?;
    match answers(&mut server, &socket, tools, stop).await {
        Ok(()) => Ok((server, mongo)),
        Err(trouble) => {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            server.end().await;
            Err(match trouble {
                Trouble::Failed(why) => {
                    let last = crate::reach::plain::last_line(&said, 200);
                    Trouble::Failed(format!("{why}: {last}; is there room in {}?", tools.folder.display()))
                }
                other => other,
            })
        }
    }
}

async fn answers(server: &mut Kept, socket: &Path, tools: &Tools, stop: &CancellationToken) -> Result<(), Trouble> {
    let began = tools.clock.tick();
    loop {
        if UnixStream::connect(socket).await.is_ok() {
            return Ok(());
        }
        if server.over().is_some() || tools.clock.tick().since(began) > tools.patience.server {
            return Err(Trouble::Failed("the throw-away server does not start".into()));
        }
        if stop.run_until_cancelled(tokio::time::sleep(TRY)).await.is_none() {
            return Err(Trouble::Stopped);
        }
    }
}
