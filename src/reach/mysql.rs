//! Opens connections to MySQL and MariaDB servers.
//!
//! TLS is used where the server offers it, without asking who signed its certificate: what MySQL's own client calls
//! `PREFERRED`. A url that says more (`?require_ssl=true`, with `verify_ca` and `verify_identity`, which are then on unless
//! they are switched off) is obeyed: then nothing travels in clear and the certificate is verified against the authorities
//! that this machine trusts.

use std::sync::LazyLock;
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, ServerError, SslOpts};

use super::http::tls;
use super::{dial, plain};
use crate::fleet::secret::{DatabaseUrl, Secret};

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MysqlErrorKind {
    /// The url makes no sense.
    Url,
    /// No connection, or it broke.
    Unreachable,
    /// Login or a right refused.
    Denied,
    /// The server answered with an error.
    Server,
    /// No answer in time.
    Late,
}

/// Why a server did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MysqlError {
    /// What kind of trouble it is.
    pub kind: MysqlErrorKind,
    /// What and why, in one short line. Never holds the password.
    pub what: String,
}

impl MysqlError {
    fn new(kind: MysqlErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }
}

/// The options for a server whose url has its placeholders filled in.
pub fn options(url: &DatabaseUrl, password: Option<&Secret>) -> Result<Opts, MysqlError> {
    let opts = Opts::from_url(&url.url)
        .map_err(|error| MysqlError::new(MysqlErrorKind::Url, format!("{} is not a mysql url: {error}", url.url)))?;
    let mut builder = OptsBuilder::from_opts(opts.clone())
        // A Unix socket in place of the declared address would ask another server than the one that clients see.
        .prefer_socket(false)
        .stmt_cache_size(0);
    if let Some(password) = password {
        builder = builder.pass(Some(password.expose()));
    }
    let tls = match opts.ssl_opts() {
        Some(asked) if asked.accept_invalid_certs() => asked.clone(),
        Some(asked) => by_machine_roots(asked.clone()),
        None => SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true),
    };
    Ok(builder.ssl_opts(Some(tls)).into())
}

/// Verifies by the authorities that this machine trusts, as every https connection does: the library has a list of its own,
/// on which no site's authority stands. A machine that trusts none leaves it at that list.
fn by_machine_roots(tls: SslOpts) -> SslOpts {
    let roots = &*MACHINE_ROOTS;
    if roots.is_empty() {
        return tls;
    }
    tls.with_disable_built_in_roots(true).with_root_certs(roots.iter().cloned().map(Into::into).collect())
}

/// What this machine trusts, each in DER. Read once: it is a few hundred files.
static MACHINE_ROOTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(tls::machine_roots_in_der);

/// Connects and logs in within `timeout`. Whoever gets the connection ends it with `disconnect()`, which spares the server
/// a line about an aborted connection.
pub async fn connect(url: &DatabaseUrl, password: Option<&Secret>, timeout: Duration) -> Result<Conn, MysqlError> {
    let opts = options(url, password)?;
    let required = Opts::from_url(&url.url).is_ok_and(|written| written.ssl_opts().is_some());
    let connecting = async {
        match Conn::new(opts.clone()).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if !required => {
                let clear = OptsBuilder::from_opts(opts).ssl_opts(None::<SslOpts>);
                Conn::new(clear).await
            }
            ended => ended,
        }
    };
    match tokio::time::timeout(timeout, connecting).await {
        Ok(ended) => ended.map_err(|error| words(&error)),
        Err(_late) => Err(MysqlError::new(MysqlErrorKind::Late, format!("no answer in {}", plain::time(timeout)))),
    }
}

/// What the client library says, in words for a person.
pub fn words(error: &Error) -> MysqlError {
    match error {
        Error::Server(ServerError { code, message, .. }) => {
            let message = plain::line(message, 160);
            // 1044, 1045, 1142, 1227, 1698: access denied to a database, a user, a table, an operation, by a plugin.
            let denied = matches!(code, 1044 | 1045 | 1142 | 1227 | 1698);
            let kind = if denied { MysqlErrorKind::Denied } else { MysqlErrorKind::Server };
            MysqlError::new(kind, format!("server error {code}: {message}"))
        }
        Error::Io(IoError::Io(io)) => MysqlError::new(
            MysqlErrorKind::Unreachable,
            match dial::DialError::from(copy(io)) {
                dial::DialError::Other(_) => dial::broken(io),
                known => known.to_string(),
            },
        ),
        Error::Io(other) => MysqlError::new(MysqlErrorKind::Unreachable, plain::line(&other.to_string(), 160)),
        Error::Driver(DriverError::ConnectionClosed) => {
            MysqlError::new(MysqlErrorKind::Unreachable, "the server closed the connection")
        }
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            MysqlError::new(MysqlErrorKind::Server, "the url asks for TLS and the server offers none")
        }
        other => MysqlError::new(MysqlErrorKind::Server, plain::line(&other.to_string(), 160)),
    }
}

fn copy(error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::secret::SecretSource;

    fn url(text: &str) -> DatabaseUrl {
        DatabaseUrl { url: text.into(), password: SecretSource::None }
    }

    #[test]
    fn tls_is_preferred_and_a_url_can_require_it() {
        let preferred = options(&url("mysql://u@h:3307/db"), Some(&Secret::new("p@:/"))).expect("a url");
        assert_eq!((preferred.user(), preferred.pass(), preferred.tcp_port()), (Some("u"), Some("p@:/"), 3307));
        assert!(preferred.ssl_opts().is_some_and(SslOpts::accept_invalid_certs));
        let required = options(&url("mysql://u@h/?require_ssl=true"), None).expect("a url");
        let required = required.ssl_opts().expect("asked for");
        assert!(!required.accept_invalid_certs() && !required.skip_domain_validation());
        let trusted = tls::machine_roots_in_der();
        assert_eq!(required.root_certs().len(), trusted.len(), "those of the machine, and no others");
        assert_eq!(required.disable_built_in_roots(), !trusted.is_empty());
        assert_eq!(options(&url("postgres://h/"), None).expect_err("another world").kind, MysqlErrorKind::Url);
    }

    #[tokio::test]
    async fn nobody_there_is_said_in_words() {
        let error = connect(&url("mysql://u@127.0.0.1:1/"), None, Duration::from_secs(5)).await.expect_err("nobody");
        assert_eq!((error.kind, error.what.as_str()), (MysqlErrorKind::Unreachable, "connection refused"));
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_late() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let silent = url(&format!("mysql://u@{}/", listener.local_addr().expect("its address")));
        let error = connect(&silent, None, Duration::from_millis(60)).await.expect_err("silence");
        assert_eq!((error.kind, error.what.as_str()), (MysqlErrorKind::Late, "no answer in 60 ms"));
    }
}
