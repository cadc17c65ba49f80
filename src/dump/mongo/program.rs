//! The tools of MongoDB, and what they log in with: a file that only we may read, which names server and password.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::archive::Reader;
use crate::dump::load::{self, Load};
use crate::dump::shape::Shape;
use crate::dump::stream::Reading;
use crate::dump::tools::Tools;
use crate::dump::trouble::Trouble;
use crate::dump::watch::Tool;
use crate::fleet::secret::{DatabaseUrl, Secret, SecretSource};

/// A server, and the tools that reach it.
pub struct Mongo {
    /// For people, without secrets.
    pub(super) name: String,
    config: PathBuf,
    source: SecretSource,
    /// Goes with the password in it.
    _folder: tempfile::TempDir,
}

impl Mongo {
    /// The server of this url.
    pub async fn of(url: &DatabaseUrl, tools: &Tools) -> Result<Self, Trouble> {
        let password = tools.secrets.resolve(&url.password).await;
        let password = password.map_err(|error| Trouble::Failed(format!("{}: {error}; {}", url.url, error.remedy)))?;
        Self::with(&url.url, &url.url, password.as_ref(), url.password.clone(), tools)
    }

    /// A server of our own, behind a socket.
    pub(super) fn behind(socket: &std::path::Path, tools: &Tools) -> Result<Self, Trouble> {
        let encoded: String = url::form_urlencoded::byte_serialize(socket.display().to_string().as_bytes()).collect();
        // A form writes a space as a plus, a url does not.
        let url = format!("mongodb://{}/?directConnection=true", encoded.replace('+', "%20"));
        Self::with(&url, "the throw-away server", None, SecretSource::None, tools)
    }

    fn with(
        url: &str,
        name: &str,
        password: Option<&Secret>,
        source: SecretSource,
        tools: &Tools,
    ) -> Result<Self, Trouble> {
        // Texts of JSON are texts of YAML as well.
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let mut text = format!("uri: {}\n", quoted(url));
        if let Some(password) = password {
            text = format!("{text}password: {}\n", quoted(password.expose()));
        }
        let write = || {
            let folder = tools.room()?;
            let config = folder.path().join("config.yaml");
            // Made with 0600 by the library, in a folder with 0700.
            let mut file = tempfile::NamedTempFile::new_in(folder.path())?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.persist(&config).map_err(|error| error.error)?;
            Ok((folder, config))
        };
        let (folder, config) =
            write().map_err(|error: std::io::Error| Trouble::Failed(format!("{}: {error}", tools.folder.display())))?;
        Ok(Self { name: name.to_owned(), config, source, _folder: folder })
    }

    fn tool(&self, name: &str, tools: &Tools) -> Result<Tool, Trouble> {
        let Some(path) = tools.program(&[name]) else {
            return Err(Trouble::Failed(format!(
                "{name} is not installed: it is part of the MongoDB Database Tools, https://www.mongodb.com/try/download/database-tools"
            )));
        };
        let mut tool = Tool::new(&path);
        tool.command.arg(format!("--config={}", self.config.display())).arg("--archive");
        Ok(tool)
    }

    /// Begins to dump a database; the server's version is told as soon as it is known.
    pub(super) fn begin(
        &self,
        database: &str,
        version: &Arc<OnceLock<String>>,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Reading, Trouble> {
        let mut tool = self.tool("mongodump", tools)?;
        tool.command.arg(format!("--db={database}"));
        Reading::begin(tool, Reader::telling(version), false, tools, stop)
    }

    /// What a dump of a database would hold, without keeping it.
    pub(in crate::dump) async fn shape(
        &self,
        database: &str,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<Shape, Trouble> {
        let read = self.begin(database, &Arc::default(), tools, stop)?.emptied().await;
        read.map_err(|trouble| self.told(trouble, tools))
    }

    /// Restores a database: what the kit has of it replaces what is there of the same name.
    pub(in crate::dump) async fn load(
        &self,
        load: Load<'_>,
        tools: &Tools,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        let mut tool = self.tool("mongorestore", tools)?;
        // Without the last it counts what it could not restore, and calls that well.
        tool.command.args(["--drop", "--stopOnError"]);
        load::feed_all(tool, &load, tools, stop).await.map_err(|trouble| self.told(trouble, tools))
    }

    /// Logs in and lists a database: the server's version. Reads no more than that.
    pub async fn login(&self, database: &str, tools: &Tools) -> Result<String, Trouble> {
        let (version, stop) = (Arc::default(), CancellationToken::new());
        let _stops = stop.clone().drop_guard();
        let reading = self.begin(database, &version, tools, &stop)?.emptied();
        let told = async {
            while version.get().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let ended = tokio::select! {
            () = told => Ok(()),
            ended = reading => ended.map(drop),
            () = tokio::time::sleep(tools.patience.answer) => {
                Err(Trouble::Server(format!("{}: no answer in {}", self.name, crate::reach::plain::time(tools.patience.answer))))
            }
        };
        ended.map_err(|trouble| self.told(trouble, tools))?;
        Ok(version.get().cloned().unwrap_or_default())
    }

    /// What a tool said, sorted by whether it is the server that is away.
    pub(super) fn told(&self, trouble: Trouble, tools: &Tools) -> Trouble {
        let Trouble::Failed(why) = trouble else { return trouble };
        // Before it stands the time, as in each line that they print.
        let why = match why.split_once(": ").zip(why.split_once("Failed: ")) {
            Some(((tool, _line), (_time, said))) => format!("{tool}: {said}"),
            None => why,
        };
        let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
        if has(&["AuthenticationFailed", "auth error", "Authentication failed"]) {
            tools.secrets.doubt(&self.source);
            Trouble::Server(format!("{}: {why}; check its user, password and authSource", self.name))
        } else if has(&["not authorized", "Unauthorized"]) {
            Trouble::Failed(format!("{why}; a user that dumps needs the role `backup`, one that restores `restore`"))
        } else if has(&[
            "server selection",
            "could not connect",
            "failed to connect",
            "connection refused",
            "no reachable",
        ]) {
            let name = &self.name;
            Trouble::Server(format!("{name}: {why}; is the server running, and does it listen at this address?"))
        } else {
            Trouble::Failed(why)
        }
    }
}
