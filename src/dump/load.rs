//! Restores one database from its stream with the server's own client, and with several connections where many rows may be
//! inserted in any order; or only reads the stream to see that it is whole.

#[cfg(any(test, fuzzing))]
pub(super) mod foreign;
mod lanes;
mod restoring;
mod sort;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::lanes::Lanes;
use self::restoring::Restoring;
use self::sort::Sorter;
use super::keeper::Keeper;
use super::record::Held;
use super::server::{Nature, Server, option_file};
use super::shape::Shape;
use super::stream::{PIECE, Reads};
use super::tools::Tools;
use super::trouble::Trouble;
use super::watch::{Flow, Tool};
use crate::work::progress::Event;
use crate::work::steer::Steer;

/// The server's own client, with what it logs in with.
pub(super) struct Loader {
    server: Server,
    path: PathBuf,
    options: PathBuf,
    _folder: tempfile::TempDir,
}

/// What is restored.
pub(super) struct Load<'a> {
    pub(super) keeper: &'a Arc<dyn Keeper>,
    pub(super) held: &'a Held,
    /// The name that it gets instead of its own; the database is there and empty.
    pub(super) into: Option<&'a str>,
    pub(super) steer: &'a Arc<dyn Steer>,
}

impl Loader {
    /// The client that belongs to this server.
    pub(super) fn of(server: &Server, nature: &Nature, tools: &Tools) -> Result<Self, Trouble> {
        let names = if nature.maria { ["mariadb", "mysql"] } else { ["mysql", "mariadb"] };
        let Some(path) = tools.program(&names) else {
            return Err(Trouble::Failed(format!(
                "the client {} is not installed: apt-get install {}",
                names[0],
                if nature.maria { "mariadb-client" } else { "default-mysql-client (or mysql-client)" }
            )));
        };
        let (folder, options) = option_file(server, nature, tools)
            .map_err(|error| Trouble::Failed(format!("{}: {error}", tools.folder.display())))?;
        Ok(Self { server: server.clone(), path, options, _folder: folder })
    }

    /// Restores a database.
    pub(super) async fn load(&self, load: Load<'_>, tools: &Tools, stop: &CancellationToken) -> Result<(), Trouble> {
        let mut tool = Tool::new(&self.path);
        tool.command.arg(format!("--defaults-file={}", self.options.display()));
        // Values hold what they hold: nothing in them is a command of the client.
        tool.command.args(["--binary-mode", "--batch", "--max-allowed-packet=1G", "--default-character-set=utf8mb4"]);
        if let Some(into) = load.into {
            tool.command.arg(format!("--database={into}"));
        }
        tool.command.args(["--unbuffered", "--skip-column-names"]);
        let (said, says) = pipe()?;
        tool.command.stdout(Stdio::from(says));
        let flow = Arc::new(Flow::default());
        let mut sorter = Sorter::of(&load.held.tables);
        let lanes = if sorter.idle() { None } else { Lanes::open(&self.server, load.into, tools, &flow).await };
        if lanes.is_none() {
            sorter = Sorter::of(&[]);
        }
        let renamed = load.into.is_some();
        let pour = move |stream: Stream<'_>, client: PipeWriter, moved: &dyn Fn(usize)| {
            Restoring::new(sorter, lanes, client, said, renamed).all(stream, moved)
        };
        feed(tool, &load, flow, pour, tools, stop).await
    }
}

/// A plain dump.
type Stream<'a> = &'a mut (dyn Read + 'a);

fn pipe() -> Result<(PipeReader, PipeWriter), Trouble> {
    std::io::pipe().map_err(|error| Trouble::Failed(format!("no pipe: {error}")))
}

/// Starts a tool that reads a dump on its standard input, and feeds it as it is.
pub(super) async fn feed_all(
    mut tool: Tool,
    load: &Load<'_>,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    tool.command.stdout(Stdio::null());
    let all = |stream: Stream<'_>, mut writer: PipeWriter, moved: &dyn Fn(usize)| {
        pour(stream, &mut |piece: &[u8]| {
            let written = writer.write_all(piece);
            moved(piece.len());
            written
        })
    };
    feed(tool, load, Arc::default(), all, tools, stop).await
}

/// Starts a tool that reads a dump on its standard input. `pour` gives it the dump, and says how far it is.
async fn feed(
    mut tool: Tool,
    load: &Load<'_>,
    flow: Arc<Flow>,
    pour: impl FnOnce(Stream<'_>, PipeWriter, &dyn Fn(usize)) -> Result<(), Poured> + Send + 'static,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let (pipe, writer) = pipe()?;
    let _smaller = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
    tool.command.stdin(Stdio::from(pipe));
    let name = tool.name.clone();
    let running = tool.start(Arc::clone(&flow), tools.patience.load, &tools.clock, stop)?;
    let (keeper, held) = (Arc::clone(load.keeper), load.held.clone());
    let steer = Arc::clone(load.steer);
    let (tell, told) = oneshot::channel();
    let feeding = move || {
        let moved = |bytes: usize| {
            steer.event(Event::Advance(bytes as u64));
            flow.moved(bytes);
        };
        let fed = plain(&*keeper, &held).and_then(|mut stream| pour(&mut stream, writer, &moved));
        let _nobody_waits = tell.send(fed);
    };
    std::thread::Builder::new()
        .name("dump-load".into())
        .spawn(feeding)
        .map_err(|error| Trouble::Failed(format!("no thread: {error}")))?;
    let ended = running.await;
    // A client that has ended reads no more, so that the other end comes to its end too; a medium may not.
    let fed = tokio::time::timeout(tools.patience.medium, told).await;
    match (ended, fed) {
        (_, Ok(Ok(Err(Poured::Read(why))))) => Err(Trouble::Medium(why)),
        (Err(trouble), _) => Err(trouble),
        (Ok(_), Ok(Ok(Ok(())))) => Ok(()),
        (Ok(_), Ok(Ok(Err(Poured::Rows(why))))) => Err(Trouble::Failed(why)),
        (Ok(_), Ok(Ok(Err(Poured::Written(why))))) => {
            Err(Trouble::Failed(format!("{name} did not read all of it: {why}")))
        }
        (Ok(_), Ok(Err(_)) | Err(_)) => Err(Trouble::Medium("the medium gives nothing any more".into())),
    }
}

/// Reads a stream to its end, which proves that its sums are right, and says what is in it.
pub(super) async fn check(
    keeper: &Arc<dyn Keeper>,
    held: &Held,
    mut reader: impl Reads,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<Shape, Trouble> {
    let (keeper, held) = (Arc::clone(keeper), held.clone());
    let (tell, told) = oneshot::channel();
    let flow = Arc::new(Flow::default());
    let (moving, halt) = (Arc::clone(&flow), stop.clone());
    let reading = move || {
        let mut sink = |piece: &[u8]| {
            reader.read(piece);
            moving.moved(piece.len());
            if halt.is_cancelled() { Err(std::io::Error::other("stopped")) } else { Ok(()) }
        };
        let read = plain(&*keeper, &held).and_then(|stream| pour(stream, &mut sink));
        let _nobody_waits = tell.send(read.map(|()| reader.end()));
    };
    std::thread::Builder::new()
        .name("dump-check".into())
        .spawn(reading)
        .map_err(|error| Trouble::Failed(format!("no thread: {error}")))?;
    let shape = tokio::select! {
        told = told => match told {
            Ok(Ok(shape)) => shape,
            Ok(Err(Poured::Read(why) | Poured::Written(why) | Poured::Rows(why))) => return Err(Trouble::Medium(why)),
            Err(_gone) => return Err(Trouble::Stopped),
        },
        () = super::watch::still(&flow, tools.patience.medium, &tools.clock) => {
            return Err(Trouble::Medium("the medium gives nothing any more; put it in again".into()));
        }
        () = stop.cancelled() => return Err(Trouble::Stopped),
    };
    if !shape.ended {
        return Err(Trouble::Medium("the dump has no end: its last line is missing".into()));
    }
    Ok(shape)
}

/// Why a stream did not go to where it was to go.
enum Poured {
    /// It could not be read.
    Read(String),
    /// It could not be written.
    Written(String),
    /// A server did not take rows.
    Rows(String),
}

fn plain<'a>(keeper: &'a dyn Keeper, held: &'a Held) -> Result<impl Read + use<'a>, Poured> {
    zstd::stream::read::Decoder::new(keeper.stream(held)).map_err(|error| Poured::Read(error.to_string()))
}

fn pour(mut stream: impl Read, sink: &mut impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<(), Poured> {
    let mut piece = vec![0; PIECE];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                let written = sink(piece.get(..read).unwrap_or_default());
                written.map_err(|error| Poured::Written(error.to_string()))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Poured::Read(error.to_string())),
        }
    }
}
