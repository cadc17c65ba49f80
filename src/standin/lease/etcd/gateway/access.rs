//! Who we are to etcd, and whom we trust: user and password, certificates.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use super::{Failure, Gateway, Try, code};
use crate::fleet::disk;
use crate::fleet::secret::SecretSource;
use crate::fleet::settings::LeaseSettings;
use crate::reach::http::HttpClient;
use crate::reach::http::tls::{self, Identity, Trust};
use crate::reach::network::Network;
use crate::reach::secret::Secrets;
use crate::standin::lease::Tools;
use crate::standin::lease::etcd::message::{Authenticated, Refusal};

/// How long the disk of a certificate may take.
const DISK: Duration = Duration::from_secs(5);

/// What the fleet file says of it, and the token that came of it.
pub(super) struct Access {
    user: Option<String>,
    password: SecretSource,
    secrets: Secrets,
    network: Network,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    prefix: String,
    token: Mutex<Token>,
}

#[derive(Clone, Default)]
enum Token {
    #[default]
    Unknown,
    /// This etcd asks nobody who he is.
    NotNeeded,
    Known(Arc<str>),
}

/// No token could be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// From this member.
    #[error("{0}")]
    Next(String),
    /// From any.
    #[error("{0}")]
    Over(String),
}

impl Ended {
    pub(super) fn odd_token() -> Self {
        Self::Next("its token is no text".to_owned())
    }

    pub(super) fn with(self, perhaps: bool) -> Try {
        match self {
            Self::Next(why) => Try::Next { why, perhaps },
            Self::Over(why) if perhaps => Try::Over(Failure::Unreachable { why, perhaps }),
            Self::Over(why) => Try::Over(Failure::Refused(why)),
        }
    }
}

impl Access {
    pub(super) fn new(settings: &LeaseSettings, tools: &Tools) -> Self {
        Self {
            user: settings.user.clone(),
            password: settings.password.clone(),
            secrets: tools.secrets.clone(),
            network: tools.network.clone(),
            ca: settings.ca.clone(),
            cert: settings.cert.clone(),
            key: settings.key.clone(),
            prefix: settings.prefix.clone(),
            token: Mutex::default(),
        }
    }

    /// A token, asked for at this member where none is known.
    pub(super) async fn token(&self, gateway: &Gateway, endpoint: &str) -> Result<Option<Arc<str>>, Ended> {
        let Some(user) = self.user.as_deref() else { return Ok(None) };
        let known = self.kept().clone();
        match known {
            Token::NotNeeded => return Ok(None),
            Token::Known(token) => return Ok(Some(token)),
            Token::Unknown => {}
        }
        let password = self.secrets.resolve(&self.password).await;
        let password = password.map_err(|error| Ended::Over(format!("{error}: {}", error.remedy)))?;
        let password = password.as_ref().map_or("", |password| password.expose());
        let body = json!({"name": user, "password": password});
        let client = gateway.client().await.map_err(Ended::Over)?;
        let asked = gateway.bare(endpoint, "/v3/auth/authenticate", &body);
        let response = client.send(&asked).await.map_err(|error| {
            gateway.suspect(&error);
            Ended::Next(error.to_string())
        })?;
        if response.status == StatusCode::OK {
            let read: Result<Authenticated, _> = serde_json::from_slice(&response.body);
            let token: Arc<str> = read.map_err(|error| Ended::Next(error.to_string()))?.token.into();
            *self.kept() = Token::Known(Arc::clone(&token));
            return Ok(Some(token));
        }
        let refusal: Refusal = serde_json::from_slice(&response.body).unwrap_or_default();
        match refusal.code {
            code::NOT_ENABLED => {
                *self.kept() = Token::NotNeeded;
                Ok(None)
            }
            code::INVALID | code::UNAUTHENTICATED => {
                self.secrets.doubt(&self.password);
                let said = refusal.message;
                Err(Ended::Over(format!("etcd does not let {user} in ({said}): check [lease] user and password")))
            }
            _ => Err(Ended::Next(format!("{} {}", response.status, refusal.message))),
        }
    }

    /// Whether etcd says no because the token has ended, or because it wants one now.
    pub(super) fn ended(&self, refusal: &Refusal) -> bool {
        let wants_one = refusal.message.contains("user name is empty");
        let too_old = refusal.message.contains("revision of auth store is old") || refusal.message.contains("token");
        self.user.is_some() && (refusal.code == code::UNAUTHENTICATED || wants_one || too_old)
    }

    /// The next question asks for a token.
    pub(super) fn forget(&self) {
        *self.kept() = Token::Unknown;
    }

    /// What to do where the user may not.
    pub(super) fn denied(&self) -> String {
        let (prefix, user) = (self.prefix.trim_end_matches('/'), self.user.as_deref().unwrap_or("nobody"));
        format!(
            "etcd does not let {user} read and write below {prefix}/: etcdctl role grant-permission ROLE readwrite \
             --prefix=true {prefix}/, then etcdctl user grant-role {user} ROLE"
        )
    }

    /// A client with the certificates as they are on the disk now.
    pub(super) async fn client(&self) -> Result<HttpClient, String> {
        if self.ca.is_none() && self.cert.is_none() {
            return Ok(HttpClient::new().through(self.network.clone()));
        }
        let (ca, cert, key) = (self.ca.clone(), self.cert.clone(), self.key.clone());
        let reading = tokio::task::spawn_blocking(move || read_trust(ca.as_deref(), cert.as_deref(), key.as_deref()));
        let trust = reading.await.map_err(|error| error.to_string())??;
        let client = HttpClient::with_trust(trust).map_err(|error| error.to_string())?;
        Ok(client.through(self.network.clone()))
    }

    fn kept(&self) -> MutexGuard<'_, Token> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_trust(ca: Option<&Path>, cert: Option<&Path>, key: Option<&Path>) -> Result<Trust, String> {
    let roots = ca.map(|path| read(path, tls::certificates)).transpose()?;
    // One file may hold both.
    let identity = cert.map(|cert| {
        Ok::<_, String>(Identity { chain: read(cert, tls::certificates)?, key: read(key.unwrap_or(cert), tls::key)? })
    });
    Ok(Trust { roots, identity: identity.transpose()? })
}

fn read<T>(path: &Path, understand: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, String> {
    let read = disk::ask(path, DISK, |path| std::fs::read(path));
    let read = read.unwrap_or_else(|| Err(std::io::ErrorKind::TimedOut.into())).map_err(|error| error.to_string());
    read.and_then(|pem| understand(&pem)).map_err(|why| format!("{} of [lease] cannot be used: {why}", path.display()))
}
