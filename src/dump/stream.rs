//! A dump as it comes from the server's own tool: in pieces, read on their way, and proven to be whole in the end.

use std::io::{PipeReader, Read};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::shape::{Shape, surplus};
use super::tools::Tools;
use super::trouble::Trouble;
use super::watch::{Ended, Flow, Tool};

/// Bytes of one piece of a stream.
pub(super) const PIECE: usize = 256 * 1024;
/// So many pieces may wait for the medium, so that tables are not locked while a slow one writes.
const WAITING: usize = 64;

/// Reads a dump of its kind piece by piece.
pub(super) trait Reads: Send + 'static {
    /// Reads the next piece.
    fn read(&mut self, piece: &[u8]);

    /// What it was.
    fn end(self) -> Shape;
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

impl Reading {
    /// Starts a tool that writes a dump to its standard output. `locked`: it locks what it reads, and says since when.
    pub(super) fn begin(
        mut tool: Tool,
        reader: impl Reads,
        locked: bool,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Self, Trouble> {
        let (pipe, writer) = std::io::pipe().map_err(|error| Trouble::Failed(format!("no pipe: {error}")))?;
        // Fewer turns between two programs; a system may refuse it.
        let _smaller = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
        tool.command.stdin(Stdio::null()).stdout(Stdio::from(writer));
        let flow = Arc::new(Flow::default());
        let (limit, tool_name) = (tools.patience.flow, tool.name.clone());
        let running = tool.start(Arc::clone(&flow), limit, &tools.clock, stop)?;
        let (to, pieces) = sync_channel(WAITING);
        let (spare, spares) = channel();
        let (tell, shape) = oneshot::channel();
        let moving = Arc::clone(&flow);
        let reading = move || {
            let _nobody_waits = tell.send(read(pipe, reader, &to, &spares, &moving));
        };
        std::thread::Builder::new()
            .name("dump-read".into())
            .spawn(reading)
            .map_err(|error| Trouble::Failed(format!("no thread: {error}")))?;
        let end = Ending { shape, tool: tokio::spawn(running), name: tool_name, locked };
        Ok(Self { pieces, spare, flow, end })
    }

    /// Reads it to its end without keeping it.
    pub(super) async fn emptied(self) -> Result<Shape, Trouble> {
        let Self { pieces, spare, flow: _, end } = self;
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
                "{} said that all went well and wrote only the beginning of a dump ({} bytes, without its end); is it damaged?",
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
    mut reader: impl Reads,
    to: &SyncSender<Vec<u8>>,
    spares: &Receiver<Vec<u8>>,
    flow: &Flow,
) -> std::io::Result<Shape> {
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
