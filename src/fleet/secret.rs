//! Where secrets come from, and the type that keeps them off screens and logs.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

/// A secret value. Its `Debug` never shows it and it cannot be serialised.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a clear text.
    pub fn new(clear: impl Into<String>) -> Self {
        Self(SecretString::from(clear.into()))
    }

    /// The clear text, for the moment of handing it to a client library.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

/// Where the password that belongs to a url or a user comes from. It is read when it is needed, never kept in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SecretSource {
    /// No password.
    #[default]
    None,
    /// In clear in the fleet file; `hotspare check` warns.
    Inline(Secret),
    /// The first line of a file that only its owner may read.
    File(PathBuf),
    /// An environment variable of the engine.
    Env(String),
    /// The first line that a program prints; an argument vector, run without a shell.
    Command(Vec<String>),
}

/// A database address without its password, and where the password comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The url as written, password removed: `mysql://probe@10.0.0.5:3306/`. May hold placeholders such as `{address}`.
    pub url: String,
    /// Where the password comes from.
    pub password: SecretSource,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({}, {:?})", self.url, self.password)
    }
}
