//! Where secrets come from, and the type that keeps them off screens and logs.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretSource {
    /// No password.
    #[default]
    None,
    /// In clear in the fleet file; `hotspare check` warns. Never serialised: whoever keeps a url takes it out first.
    #[serde(skip)]
    Inline(Secret),
    /// The first line of a file that only its owner may read.
    File(PathBuf),
    /// An environment variable of the engine.
    Env(String),
    /// The first line that a program prints; an argument vector, run without a shell.
    Command(Vec<String>),
    /// The first line of a credential that systemd hands the engine, by its name.
    Credential(String),
}

/// A database address without its password, and where the password comes from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// A url without its password, and the password. Takes placeholders for what they are: `mysql://u:p@{address}/`.
pub(super) fn split_password(url: &str) -> (String, Option<Secret>) {
    let whole = || (url.to_owned(), None);
    let Some((scheme, rest)) = url.split_once("://") else { return whole() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or(rest);
    // A password that was not encoded may hold a slash: what follows the colon is then no port.
    let no_port = || authority.rsplit_once(':').is_some_and(|(_, port)| port.contains(|c: char| !c.is_ascii_digit()));
    let Some(at) = authority.rfind('@').or_else(|| no_port().then(|| rest.rfind('@')).flatten()) else {
        return whole();
    };
    let (user, host) = rest.split_at(at);
    match user.split_once(':') {
        Some((user, password)) if !user.contains('/') => {
            let clear = (!password.is_empty()).then(|| Secret::new(decoded(password)));
            (format!("{scheme}://{user}{host}"), clear)
        }
        _ => whole(),
    }
}

/// `%40` and the like as the characters that they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = more.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        if let (b'%', Some(byte)) = (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            bytes.push(byte);
            rest = more.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_leave_the_url() {
        let split = |url| {
            let (url, password) = split_password(url);
            (url, password.map(|secret| secret.expose().to_owned()))
        };
        assert_eq!(split("mysql://u:p%40ss@{address}/db"), ("mysql://u@{address}/db".into(), Some("p@ss".into())));
        assert_eq!(split("mysql://u@h:3306/"), ("mysql://u@h:3306/".into(), None));
        assert_eq!(split("mysql://u:a/b@h/"), ("mysql://u@h/".into(), Some("a/b".into())));
        assert_eq!(split("http://h:5000/a@b"), ("http://h:5000/a@b".into(), None));
        assert_eq!(split("mysql://u:@h/"), ("mysql://u@h/".into(), None));
        assert_eq!(split("http://[::1]:80/"), ("http://[::1]:80/".into(), None));
    }
}
