//! A dump on its way into a server: line by line to the client, and the rows of large tables to the connections beside it.
//! Never to both at a time: what is done in order is done before rows are given away, and rows are there before it goes on.

use std::io::{BufRead, BufReader, BufWriter, PipeReader, PipeWriter, Write};

use super::lanes::Lanes;
use super::sort::{Sorted, Sorter};
use super::{Poured, Stream};
use crate::dump::stream::PIECE;

/// What the client is asked to say when it has done everything before.
const DONE: &str = "hotspare: done";
/// Lines that name the database.
const NAMING: [&[u8]; 3] = [b"USE `", b"CREATE DATABASE ", b"/*!40000 DROP DATABASE "];
/// Between these lines stand triggers, routines and events as somebody once wrote them, with the database that they named.
const WRITTEN: [&[u8]; 2] = [b"DELIMITER ;;\n", b"DELIMITER ;\n"];

/// The client, the connections beside it, and where they are.
pub(super) struct Restoring {
    sorter: Sorter,
    lanes: Option<Lanes>,
    client: BufWriter<PipeWriter>,
    said: BufReader<PipeReader>,
    /// The client is in the database already, which has another name: nothing that would reach the one of the old name is done.
    renamed: Option<Renamed>,
    /// The client may still be at work on something that rows need.
    at_work: bool,
}

/// A dump that gets another name.
#[derive(Debug, Default)]
struct Renamed {
    /// Within what somebody wrote.
    written: bool,
}

impl Renamed {
    fn names(&mut self, line: &[u8]) -> bool {
        let [begins, ends] = WRITTEN;
        if self.written {
            self.written = line != ends;
            return true;
        }
        self.written = line == begins;
        self.written || NAMING.iter().any(|naming| line.starts_with(naming))
    }
}

impl Restoring {
    pub(super) fn new(
        sorter: Sorter,
        lanes: Option<Lanes>,
        client: PipeWriter,
        said: PipeReader,
        renamed: bool,
    ) -> Self {
        let renamed = renamed.then(Renamed::default);
        let (client, said) = (BufWriter::with_capacity(PIECE, client), BufReader::new(said));
        Self { sorter, lanes, client, said, renamed, at_work: false }
    }

    /// Brings all of it there. `moved` is told of the bytes that are on their way.
    pub(super) fn all(mut self, stream: Stream<'_>, moved: &dyn Fn(usize)) -> Result<(), Poured> {
        let mut stream = BufReader::with_capacity(PIECE, stream);
        let (mut line, mut rows, mut untold) = (Vec::new(), Vec::new(), 0);
        loop {
            line.clear();
            match stream.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(read) => untold += read,
                Err(error) => return Err(Poured::Read(error.to_string())),
            }
            match self.sorter.sort(&line) {
                Sorted::InOrder | Sorted::Everywhere if self.names(&line) => {}
                Sorted::InOrder => self.in_order(&line)?,
                Sorted::Everywhere => {
                    self.in_order(&line)?;
                    self.beside(|lanes| lanes.give_all(&line))?;
                }
                Sorted::Nobody => {}
                Sorted::More => rows.extend_from_slice(&line),
                Sorted::Rows => {
                    rows.extend_from_slice(&line);
                    let statement = std::mem::take(&mut rows);
                    self.beside(|lanes| lanes.give(statement))?;
                }
            }
            if untold >= PIECE {
                moved(std::mem::take(&mut untold));
            }
        }
        moved(untold);
        self.settle()?;
        self.client.flush().map_err(|error| Poured::Written(error.to_string()))
    }

    /// Whether a line of a dump that gets another name would reach beyond it. Ends of lines within values are escaped: none of these
    /// lines is one of a value.
    fn names(&mut self, line: &[u8]) -> bool {
        self.renamed.as_mut().is_some_and(|renamed| renamed.names(line))
    }

    fn in_order(&mut self, line: &[u8]) -> Result<(), Poured> {
        self.settle()?;
        self.at_work = true;
        self.client.write_all(line).map_err(|error| Poured::Written(error.to_string()))
    }

    /// Gives something to the connections, once the client has done everything before.
    fn beside(&mut self, give: impl FnOnce(&mut Lanes) -> Result<(), String>) -> Result<(), Poured> {
        if self.lanes.is_none() {
            return Ok(());
        }
        if std::mem::take(&mut self.at_work) {
            self.wait().map_err(|error| Poured::Written(error.to_string()))?;
        }
        self.lanes.as_mut().map_or(Ok(()), give).map_err(Poured::Rows)
    }

    /// Waits until the client has done what it was given.
    fn wait(&mut self) -> std::io::Result<()> {
        writeln!(self.client, "SELECT '{DONE}';")?;
        self.client.flush()?;
        let mut line = String::new();
        while line.trim_end() != DONE {
            line.clear();
            if self.said.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Waits until the connections have done what they were given.
    fn settle(&mut self) -> Result<(), Poured> {
        self.lanes.as_mut().map_or(Ok(()), Lanes::settle).map_err(Poured::Rows)
    }
}
