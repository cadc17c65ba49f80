//! A race day: a server with a main database and one for each race, and a folder for a stick.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::dump::change::Memory;
use hotspare::dump::drill;
use hotspare::dump::medium::Medium;
use hotspare::dump::record::Kit;
use hotspare::dump::report::{DatabaseMade, Drilled, Made, MadeResult, Restored};
use hotspare::dump::restore::{self, Shelves, Wish};
use hotspare::dump::round;
use hotspare::dump::tools::Tools;
use hotspare::dump::trouble::Trouble;
use hotspare::fleet::data::{Dump, DumpDatabases, Keep, Scratch};
use hotspare::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use hotspare::reach::secret::Secrets;
use hotspare::work::steer::Alone;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// Everything that a file of options, a shell or a client could stumble over.
pub(super) const PASSWORD: &str = "p\"a's\\ #;$(id)\\n%40=x";

pub(super) struct Meos {
    pub(super) server: Server,
    pub(super) dump: Dump,
    pub(super) tools: Tools,
    pub(super) memory: Memory,
    pub(super) stick: tempfile::TempDir,
    _folder: tempfile::TempDir,
}

impl Meos {
    /// A server with a main database and these races, whose tables are `MyISAM`, as the program makes them.
    pub(super) async fn start(races: &[&str]) -> Self {
        Self::with(races, "").await
    }

    /// The same with more lines of configuration.
    pub(super) async fn with(races: &[&str], more: &str) -> Self {
        let server = Server::start_with(1, false, more).await;
        server.sql(&format!(
            "CREATE DATABASE meosmain; CREATE TABLE meosmain.oevent (Id INT AUTO_INCREMENT PRIMARY KEY, Name VARCHAR(128), \
             Annotation VARCHAR(128), `Date` VARCHAR(32), NameId VARCHAR(64), Modified TIMESTAMP, Counter INT, Removed BOOL) \
             ENGINE=MyISAM DEFAULT CHARSET utf8mb4; CREATE USER meos@'%' IDENTIFIED BY '{}'; GRANT ALL ON *.* TO meos@'%'",
            PASSWORD.replace('\\', "\\\\").replace('\'', "''")
        ));
        let (stick, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let query = "SELECT NameId, Name FROM meosmain.oevent ORDER BY Id";
        let dump = Dump {
            name: "meos".into(),
            server: url(&server, "meos"),
            databases: vec![
                DumpDatabases::Named("MeOSMain".into()),
                DumpDatabases::Query { query: query.into(), label: Some("name".into()) },
            ],
            every: Duration::from_secs(60),
            to: stick.path().to_owned(),
            mount: false,
            keep: Keep::default(),
            scratch: Scratch::Auto,
        };
        let clock = Clock::real();
        let tools = Tools::new(clock.clone(), Secrets::new(clock), folder.path().join("dumps"));
        let meos = Self { server, dump, tools, memory: Memory::default(), stick, _folder: folder };
        for race in races {
            meos.race(race, race);
        }
        meos
    }

    /// A race with a hundred runners.
    pub(super) fn race(&self, name: &str, label: &str) {
        self.list(name, label);
        let quoted = format!("`{}`", name.replace('`', "``"));
        self.server.sql(&format!(
            "CREATE DATABASE {quoted} DEFAULT CHARSET utf8mb4; USE {quoted}; \
             CREATE TABLE {quoted}.oRunner (Id INT PRIMARY KEY, Name VARCHAR(31), Card INT, Modified TIMESTAMP) ENGINE=MyISAM; \
             CREATE TABLE {quoted}.oCard (Id INT PRIMARY KEY, Punches VARCHAR(3040)) ENGINE=MyISAM; \
             INSERT INTO {quoted}.oRunner SELECT seq, CONCAT('Läufer ', seq), seq * 7, '2026-11-20 10:00:00' FROM seq_1_to_100; \
             INSERT INTO {quoted}.oCard SELECT seq, REPEAT(seq, 20) FROM seq_1_to_100"
        ));
    }

    /// A line in the list of races.
    pub(super) fn list(&self, name: &str, label: &str) {
        let text = |text: &str| text.replace('\\', "\\\\").replace('\'', "''");
        self.server.sql(&format!(
            "INSERT INTO meosmain.oevent (Name, `Date`, NameId) VALUES ('{}', '2026-11-20', '{}')",
            text(label),
            text(name)
        ));
    }

    pub(super) fn medium(&self) -> Medium {
        self.medium_of(&self.dump)
    }

    fn medium_of(&self, dump: &Dump) -> Medium {
        Medium::open(dump, &[], self.tools.clock.now()).expect("a medium")
    }

    pub(super) fn kits(&self) -> Vec<Kit> {
        self.medium().kits().expect("they can be read")
    }

    pub(super) fn newest(&self) -> Kit {
        self.kits().into_iter().next().expect("a kit")
    }

    pub(super) async fn round(&self) -> Result<Made, Trouble> {
        let medium = self.medium();
        let last = medium.kits().expect("they can be read").into_iter().next();
        let stop = CancellationToken::new();
        let medium = Arc::new(medium);
        round::round(&self.dump, &self.tools, medium, last.as_ref(), &self.memory, Arc::new(Alone), &stop).await
    }

    /// A round that must leave everything on the stick.
    pub(super) async fn good(&self) -> Made {
        let made = self.round().await.expect("a round");
        assert!(made.databases.iter().all(|one| one.error.is_none()), "{made:?}");
        made
    }

    pub(super) async fn drill(&self, kit: &Kit) -> Result<Drilled, Trouble> {
        let stop = CancellationToken::new();
        drill::drill(&self.dump, kit, &self.tools, Arc::new(self.medium()), Arc::new(Alone), &stop).await
    }

    /// Drills the newest kit, which must come out as it was noted.
    pub(super) async fn practised(&self) -> Drilled {
        let drilled = self.drill(&self.newest()).await.expect("a drill");
        assert!(drilled.ok, "{drilled:?}");
        drilled
    }

    pub(super) async fn restore(
        &self,
        kit: &Kit,
        to: &Server,
        databases: &[&str],
        dry_run: bool,
    ) -> Result<Restored, Trouble> {
        let databases = databases.iter().map(|&name| name.to_owned()).collect();
        let wish = Wish { databases, to: url(to, "root"), dry_run };
        let aside = self.medium_of(&restore::before(&self.dump));
        let shelves = Shelves { from: Arc::new(self.medium()), aside: Arc::new(aside) };
        let stop = CancellationToken::new();
        restore::restore(&self.dump, kit, &wish, &self.tools, shelves, Arc::new(Alone), &stop).await
    }

    /// A program in place of one of the server's own: a shell script, which finds the real ones behind it.
    pub(super) fn instead_of(&mut self, program: &str, script: &str) {
        let folder = self.tools.folder.parent().expect("a folder").join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(program);
        crate::program::script(&path, &format!("#!/bin/sh\n{script}\n"));
        let rest = std::env::var_os("PATH").expect("a path");
        let all = std::iter::once(folder).chain(std::env::split_paths(&rest)).chain([PathBuf::from("/usr/sbin")]);
        self.tools.path = Some(std::env::join_paths(all).expect("a path"));
    }

    /// Nothing of ours is left in the temporary folder.
    pub(super) fn swept(&self) {
        let left = std::fs::read_dir(&self.tools.folder).map_or(0, Iterator::count);
        assert_eq!(left, 0, "left in {}", self.tools.folder.display());
    }

    pub(super) fn recovery(&self) -> String {
        std::fs::read_to_string(self.stick.path().join("RECOVERY.txt")).expect("RECOVERY.txt")
    }
}

pub(super) fn url(server: &Server, user: &str) -> DatabaseUrl {
    let password = match user {
        "root" => SecretSource::None,
        _ => SecretSource::Inline(Secret::new(PASSWORD)),
    };
    DatabaseUrl { url: format!("mysql://{user}@127.0.0.1:{}/", server.port), password }
}

/// What came of one database.
pub(super) fn of<'a>(made: &'a Made, name: &str) -> &'a DatabaseMade {
    made.databases.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name} in {made:?}"))
}

pub(super) fn results(made: &Made) -> Vec<(&str, MadeResult)> {
    made.databases.iter().map(|one| (one.name.as_str(), one.result)).collect()
}

/// All files below a folder, by their paths in it.
pub(super) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below it").display().to_string());
            }
        }
    }
    found.sort();
    found
}
