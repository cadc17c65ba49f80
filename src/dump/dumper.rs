//! Dumps one database with the server's own tool, as a stream.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::change::Moment;
use super::server::{Nature, Server, identifier, option_file};
use super::shape::{Reader, Shape};
use super::stream::Reading;
use super::tools::Tools;
use super::trouble::Trouble;
use super::watch::Tool;

/// The server's own tool, with what it logs in with.
pub(super) struct Dumper {
    path: PathBuf,
    options: PathBuf,
    maria: bool,
    /// Goes with the password in it.
    _folder: tempfile::TempDir,
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
        command.arg(if reads_events(name) { "--events" } else { "--skip-events" });
        command.args(["--quick", "--routines", "--triggers", "--hex-blob", "--tz-utc"]);
        command.args(["--no-tablespaces", "--add-drop-database", "--add-drop-table", "--dump-date", "--comments"]);
        command.args(["--default-character-set=utf8mb4", "--max-allowed-packet=1G", "--verbose"]);
        if !self.maria {
            command.args(["--loose-set-gtid-purged=OFF", "--loose-column-statistics=0"]);
        }
        for view in broken {
            command.arg(format!("--ignore-table={name}.{view}"));
        }
        command.args(["--databases", "--", name]);
        Reading::begin(tool, Reader::default(), *moment == Moment::Locked, tools, stop)
    }

    /// What a dump of a database would hold, without keeping it.
    pub(super) async fn shape(&self, name: &str, tools: &Tools, stop: &CancellationToken) -> Result<Shape, Trouble> {
        self.begin(name, &Moment::Snapshot, &[], tools, stop)?.emptied().await
    }
}

/// Whether the tool can read the events of a database of this name. Those of both families ask the server for a database whose
/// name they have escaped twice, do not find it (error 1049), and dump nothing at all.
pub(super) fn reads_events(name: &str) -> bool {
    !name.contains(['\'', '"', '\\', '\n', '\r', '\x1a'])
}

/// The statement that locks these tables against writing.
pub(super) fn lock(database: &str, tables: &[String]) -> String {
    let tables = tables.iter().map(|table| format!("{}.{} READ", identifier(database), identifier(table)));
    format!("LOCK TABLES {}", tables.collect::<Vec<_>>().join(", "))
}
