//! Restores one database from its stream with the server's own client, or only reads the stream to see that it is whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

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
        Ok(Self { path, options, _folder: folder })
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
        let nameless = load.into.is_some();
        feed(tool, &load, nameless, tools, stop).await
    }
}

/// Starts a tool that reads a dump on its standard input, and feeds it. `nameless`: without the lines that name the database.
pub(super) async fn feed(
    mut tool: Tool,
    load: &Load<'_>,
    nameless: bool,
    tools: &Tools,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let (pipe, mut writer) = std::io::pipe().map_err(|error| Trouble::Failed(format!("no pipe: {error}")))?;
    let _smaller = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
    tool.command.stdin(Stdio::from(pipe)).stdout(Stdio::null());
    let name = tool.name.clone();
    let flow = Arc::new(Flow::default());
    let running = tool.start(Arc::clone(&flow), tools.patience.load, &tools.clock, stop)?;
    let (keeper, held) = (Arc::clone(load.keeper), load.held.clone());
    let steer = Arc::clone(load.steer);
    let (tell, told) = oneshot::channel();
    let feeding = move || {
        let mut sink = |piece: &[u8]| {
            steer.event(Event::Advance(piece.len() as u64));
            let written = writer.write_all(piece);
            flow.moved(piece.len());
            written
        };
        let fed = plain(&*keeper, &held)
            .and_then(|stream| if nameless { without_names(stream, &mut sink) } else { pour(stream, &mut sink) });
        drop(writer);
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
            Ok(Err(Poured::Read(why) | Poured::Written(why))) => return Err(Trouble::Medium(why)),
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

/// The same without the lines that name the database: the client is in another one.
fn without_names(stream: impl Read, sink: &mut impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<(), Poured> {
    const NAMING: [&[u8]; 3] = [b"USE `", b"CREATE DATABASE ", b"/*!40000 DROP DATABASE "];
    let mut stream = BufReader::with_capacity(PIECE, stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            // Ends of lines within values are escaped: such a line is none of a value.
            Ok(_) if NAMING.iter().any(|naming| line.starts_with(naming)) => {}
            Ok(_) => sink(&line).map_err(|error| Poured::Written(error.to_string()))?,
            Err(error) => return Err(Poured::Read(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_goes_into_a_database_of_another_name() {
        let text = "/*!40000 DROP DATABASE IF EXISTS `d`*/;\n\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ `d`;\n\nUSE `d`;\n\
             CREATE TABLE `a` (\nINSERT INTO `a` VALUES\n('USE `d`;\\nUSE `d`;');\nUSE `d`;\nend";
        let mut left = Vec::new();
        let poured = without_names(text.as_bytes(), &mut |line: &[u8]| {
            left.extend_from_slice(line);
            Ok(())
        });
        assert!(poured.is_ok());
        let left = String::from_utf8(left).unwrap();
        assert_eq!(left, "\n\nCREATE TABLE `a` (\nINSERT INTO `a` VALUES\n('USE `d`;\\nUSE `d`;');\nend");
    }
}
