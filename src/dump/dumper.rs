//! Dumps one database with the server's own tool, as a stream.

use std::io::{PipeReader, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::change::Moment;
use super::server::{Nature, Server, identifier, option_file};
use super::shape::{Reader, Shape, surplus};
use super::tools::Tools;
use super::trouble::Trouble;
use super::watch::{Ended, Flow, Tool};

/// Bytes of one piece of a stream.
pub(super) const PIECE: usize = 256 * 1024;
/// So many pieces may wait for the medium, so that tables are not locked while a slow one writes.
const WAITING: usize = 64;

/// The server's own tool, with what it logs in with.
pub(super) struct Dumper {
    path: PathBuf,
    options: PathBuf,
    maria: bool,
    /// Goes with the password in it.
    _folder: tempfile::TempDir,
}

/// A dump that runs.
pub(super) struct Reading {
    /// What it wrote, piece by piece; cut off when the reading has come to its end.
    pub(super) pieces: Receiver<Vec<u8>>,
    /// Where pieces that were used up may go.
    pub(super) spare: Sender<Vec<u8>>,
    /// How far it is.
    pub(super) flow: Arc<Flow>,
    /// What came of it.
    pub(super) end: Ending,
}

/// What comes of a dump.
pub(super) struct Ending {
    shape: oneshot::Receiver<std::io::Result<Shape>>,
    tool: tokio::task::JoinHandle<Result<Ended, Trouble>>,
    name: String,
    locked: bool,
}

impl Dumper {
    /// The tool that belongs to this server.
    pub(super) fn of(server: &Server, nature: &Nature, tools: &Tools) -> Result<Self, Trouble> {
        let names = if nature.maria { ["mariadb-dump", "mysqldump"] } else { ["mysqldump", "mariadb-dump"] };
        let Some(path) = tools.program(&names) else {
            let (tool, package) = if nature.maria {
                ("mariadb-dump", "mariadb-client")
            } else {
                ("mysqldump", "default-mysql-client (or mysql-client)")
            };
            return Err(Trouble::Failed(format!("{tool} is not installed: apt-get install {package}")));
        };
        let (folder, options) = option_file(server, nature, tools)
            .map_err(|error| Trouble::Failed(format!("{}: {error}", tools.folder.display())))?;
        Ok(Self { path, options, maria: nature.maria, _folder: folder })
    }

    /// Begins to dump a database.
    pub(super) fn begin(
        &self,
        name: &str,
        moment: &Moment,
        broken: &[String],
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Reading, Trouble> {
        let mut tool = Tool::new(&self.path);
        let command = &mut tool.command;
        command.arg(format!("--defaults-file={}", self.options.display()));
        command.arg(if *moment == Moment::Locked { "--lock-tables" } else { "--single-transaction" });
        if *moment != Moment::Locked {
            command.arg("--skip-lock-tables");
        }
        // One transaction a table: InnoDB then builds its indexes once, which restores several times faster.
        command.args(["--quick", "--routines", "--events", "--triggers", "--hex-blob", "--no-autocommit", "--tz-utc"]);
        command.args(["--no-tablespaces", "--add-drop-database", "--add-drop-table", "--dump-date", "--comments"]);
        command.args(["--default-character-set=utf8mb4", "--max-allowed-packet=1G", "--verbose"]);
        if !self.maria {
            command.args(["--loose-set-gtid-purged=OFF", "--loose-column-statistics=0"]);
        }
        for view in broken {
            command.arg(format!("--ignore-table={name}.{view}"));
        }
        command.args(["--databases", "--", name]);
        let (pipe, writer) = std::io::pipe().map_err(|error| Trouble::Failed(format!("no pipe: {error}")))?;
        // Fewer turns between two programs; a system may refuse it.
        let _smaller = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
        command.stdin(Stdio::null()).stdout(Stdio::from(writer));
        let flow = Arc::new(Flow::default());
        let (limit, tool_name) = (tools.patience.flow, tool.name.clone());
        let running = tool.start(Arc::clone(&flow), limit, &tools.clock, stop)?;
        let (to, pieces) = sync_channel(WAITING);
        let (spare, spares) = channel();
        let (tell, shape) = oneshot::channel();
        let moving = Arc::clone(&flow);
        let reading = move || {
            let _nobody_waits = tell.send(read(pipe, &to, &spares, &moving));
        };
        std::thread::Builder::new()
            .name("dump-read".into())
            .spawn(reading)
            .map_err(|error| Trouble::Failed(format!("no thread: {error}")))?;
        let end = Ending { shape, tool: tokio::spawn(running), name: tool_name, locked: *moment == Moment::Locked };
        Ok(Reading { pieces, spare, flow, end })
    }

    /// What a dump of a database would hold, without keeping it.
    pub(super) async fn shape(&self, name: &str, tools: &Tools, stop: &CancellationToken) -> Result<Shape, Trouble> {
        let Reading { pieces, spare, flow: _, end } = self.begin(name, &Moment::Snapshot, &[], tools, stop)?;
        let emptied = tokio::task::spawn_blocking(move || {
            while let Ok(piece) = pieces.recv() {
                let _ended = spare.send(piece);
            }
        });
        let ended = end.whole().await;
        let _joined = emptied.await;
        ended.map(|(shape, _locked)| shape)
    }
}

impl Ending {
    /// What was dumped, whole, and how long its tables were locked at most.
    pub(super) async fn whole(mut self) -> Result<(Shape, Option<Duration>), Trouble> {
        let ended = (&mut self.tool).await.map_err(|error| Trouble::Failed(format!("{}: {error}", self.name)))?;
        let shape = (&mut self.shape).await.map_err(|_gone| Trouble::Stopped)?;
        let ended = ended?;
        let shape = shape.map_err(|error| Trouble::Failed(format!("{}: {error}", self.name)))?;
        if !shape.ended {
            return Err(Trouble::Failed(format!(
                "{} said that all went well and wrote only the beginning of a dump ({} bytes, without its last line); is it damaged?",
                self.name, shape.plain
            )));
        }
        Ok((shape, ended.span.filter(|_span| self.locked)))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // The tool ends with the future that watches it.
        self.tool.abort();
    }
}

/// Reads a dump to its end. Ends early when nobody wants it any more: the tool then ends by itself.
fn read(
    mut pipe: PipeReader,
    to: &SyncSender<Vec<u8>>,
    spares: &Receiver<Vec<u8>>,
    flow: &Flow,
) -> std::io::Result<Shape> {
    let mut reader = Reader::default();
    let mut first = true;
    loop {
        let mut piece = spares.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let mut filled = 0;
        while let Some(room) = piece.get_mut(filled..).filter(|room| !room.is_empty()) {
            match pipe.read(room) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    flow.moved(read);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let over = filled < PIECE;
        piece.truncate(filled);
        if std::mem::take(&mut first) {
            piece.drain(..surplus(&piece).unwrap_or(0));
        }
        reader.read(&piece);
        if piece.is_empty() || flow.hold(|| to.send(piece)).is_err() || over {
            return Ok(reader.end());
        }
    }
}

/// The statement that locks these tables against writing.
pub(super) fn lock(database: &str, tables: &[String]) -> String {
    let tables = tables.iter().map(|table| format!("{}.{} READ", identifier(database), identifier(table)));
    format!("LOCK TABLES {}", tables.collect::<Vec<_>>().join(", "))
}
