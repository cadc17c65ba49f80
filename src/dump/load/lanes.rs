//! Several connections that insert the rows of a large table at the same time, beside the client that does everything else in order.
//!
//! One connection keeps one processor of a server busy with reading statements, whatever else it has.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::dump::server::{Line, Server, identifier};
use crate::dump::tools::Tools;
use crate::dump::watch::Flow;
use crate::reach::{mysql, plain};

/// More connections than this wait for each other within the server.
const MOST: usize = 4;
/// As the head of a dump sets it for the client. Unique keys are looked at: without that `MariaDB` gathers the rows of a transaction
/// aside, alone with the table, and takes twice the processor time.
const SESSION: &str = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO', sql_notes = 0, \
                       foreign_key_checks = 0, unique_checks = 1, autocommit = 1";
/// A statement that another one stood in the way of was undone as a whole, and is done again so often.
const AGAIN: u32 = 5;

/// Connections at work.
pub(super) struct Lanes {
    to: Vec<Sender<Work>>,
    next: usize,
    busy: bool,
    wrong: Wrong,
}

/// Why the first of them ended that did.
type Wrong = Arc<Mutex<Option<String>>>;

enum Work {
    /// A whole statement.
    Do(Vec<u8>),
    /// Everything before this is done.
    Settled(oneshot::Sender<()>),
}

impl Lanes {
    /// As many as this machine's processors can use; `into`: the database that they are in from the beginning. `None`: one client
    /// is as good, or the server has no room for more.
    pub(super) async fn open(server: &Server, into: Option<&str>, tools: &Tools, flow: &Arc<Flow>) -> Option<Self> {
        let many = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST);
        if many < 2 {
            return None;
        }
        let mut lines = Vec::new();
        for _each in 0..many {
            lines.push(session(server, into, tools).await?);
        }
        let wrong = Wrong::default();
        let begin = |line: Line| {
            let (to, work) = channel(1);
            tokio::spawn(run(line, work, tools.patience.load, Arc::clone(flow), Arc::clone(&wrong)));
            to
        };
        let to = lines.into_iter().map(begin).collect();
        Some(Self { to, next: 0, busy: false, wrong })
    }

    /// Gives a statement to one of them. Blocks while all have enough to do.
    pub(super) fn give(&mut self, statement: Vec<u8>) -> Result<(), String> {
        self.busy = true;
        self.next = (self.next + 1) % self.to.len().max(1);
        self.send(self.next, Work::Do(statement))
    }

    /// Has each of them do this, which concerns its connection alone.
    pub(super) fn give_all(&mut self, statement: &[u8]) -> Result<(), String> {
        self.busy = true;
        (0..self.to.len()).try_for_each(|lane| self.send(lane, Work::Do(statement.to_vec())))
    }

    /// Waits until all have done what they were given.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.busy) {
            return Ok(());
        }
        let mut waiting = Vec::new();
        for lane in 0..self.to.len() {
            let (tell, told) = oneshot::channel();
            self.send(lane, Work::Settled(tell))?;
            waiting.push(told);
        }
        waiting.into_iter().try_for_each(|told| told.blocking_recv().map_err(|_gone| self.why()))
    }

    fn send(&self, lane: usize, work: Work) -> Result<(), String> {
        let to = self.to.get(lane).ok_or_else(|| self.why())?;
        to.blocking_send(work).map_err(|_gone| self.why())
    }

    fn why(&self) -> String {
        self.wrong.lock().clone().unwrap_or_else(|| "a connection to the server was lost".into())
    }
}

/// A connection that is set up as the client of a dump is.
async fn session(server: &Server, into: Option<&str>, tools: &Tools) -> Option<Line> {
    let mut line = server.line(tools).await.ok()?;
    line.order(SESSION).await.ok()?;
    if let Some(into) = into {
        line.order(&format!("USE {}", identifier(into))).await.ok()?;
    }
    Some(line)
}

/// Does what it is given until there is nothing more, or something goes wrong.
async fn run(mut line: Line, mut work: Receiver<Work>, limit: Duration, flow: Arc<Flow>, wrong: Wrong) {
    while let Some(work) = work.recv().await {
        let statement = match work {
            Work::Do(statement) => statement,
            Work::Settled(tell) => {
                let _nobody_waits = tell.send(());
                continue;
            }
        };
        let bytes = statement.len();
        let ended = tokio::time::timeout(limit, execute(&mut line.conn, statement)).await;
        let why = match ended {
            Ok(Ok(())) => {
                flow.moved(bytes);
                continue;
            }
            Ok(Err(error)) => format!("{}: {}", line.name(), mysql::words(&error)),
            Err(_late) => {
                format!("{} took no rows for {}; is it busy, or a table locked?", line.name(), plain::time(limit))
            }
        };
        wrong.lock().get_or_insert(why);
        return;
    }
    line.end().await;
}

async fn execute(conn: &mut Conn, statement: Vec<u8>) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match conn.query_drop(statement.as_slice()).await {
            // 1205, 1213: it waited too long for, or in a circle with, another statement.
            Err(Error::Server(error)) if tries < AGAIN && matches!(error.code, 1205 | 1213) => {}
            ended => return ended,
        }
    }
}
