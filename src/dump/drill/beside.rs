//! Databases of our own beside those of a server for practice, and what is left of them when a drill is killed.
//!
//! While a drill lives its connection holds a lock of the server that has the database's name; the server gives it back when
//! the connection ends, whatever ended it. So a database whose lock is free belongs to nobody any more, whichever machine
//! has left it there.

use crate::dump::server::{Line, Server, identifier, literal};
use crate::dump::tools::Tools;
use crate::dump::trouble::Trouble;
use crate::fleet::secret::DatabaseUrl;

/// How the names of such databases begin; sixteen hexadecimal digits follow.
const PREFIX: &str = "hotspare_drill_";

/// A name that nobody has.
pub(super) fn name() -> String {
    format!("{PREFIX}{:016x}", fastrand::u64(..))
}

/// Whether a drill has made a database of this name, and nobody else.
fn is_ours(name: &str) -> bool {
    let digits = name.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

/// Takes the lock of this name. An error where somebody has it.
pub(super) async fn take(line: &mut Line, name: &str) -> Result<(), Trouble> {
    if taken(line, name).await? {
        return Ok(());
    }
    Err(Trouble::Failed(format!("{}: the lock {name} is taken; try again", line.name())))
}

async fn taken(line: &mut Line, name: &str) -> Result<bool, Trouble> {
    let answer: Vec<Option<i64>> = line.ask(&format!("SELECT GET_LOCK({}, 0)", literal(name))).await?;
    Ok(answer.first() == Some(&Some(1)))
}

/// Gives the lock of this name back.
pub(super) async fn give_back(line: &mut Line, name: &str) -> Result<(), Trouble> {
    line.order(&format!("DO RELEASE_LOCK({})", literal(name))).await
}

/// Drops what drills have left there that were killed.
pub(super) async fn sweep(line: &mut Line) -> Result<(), Trouble> {
    let names: Vec<String> = line.ask("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").await?;
    for name in names.iter().filter(|name| is_ours(name)) {
        if taken(line, name).await? {
            line.order(&format!("DROP DATABASE IF EXISTS {}", identifier(name))).await?;
            give_back(line, name).await?;
            tracing::info!(server = line.name(), database = name, "what a drill left that was killed was dropped");
        }
    }
    Ok(())
}

/// The same on a server that nobody has connected to yet.
pub async fn sweep_at(url: &DatabaseUrl, tools: &Tools) -> Result<(), Trouble> {
    let mut line = Server::of(url, tools).await?.line(tools).await?;
    let swept = sweep(&mut line).await;
    line.end().await;
    swept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_drill_makes_are_ours() {
        assert!(is_ours(&name()));
        for theirs in
            ["hotspare_drill_", "hotspare_drill_notes", "hotspare_drill_0123456789abcdeF", "race", "x0123456789abcdef"]
        {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }
}
