//! Which sessions a command means, as people write it.

use clap::Args;
use jiff::civil::Date;

use crate::cli::exit::Failure;
use crate::engine::command::Which;
use crate::session::key::{self, Key};

/// One session.
#[derive(Debug, Args)]
pub struct One {
    /// Participant, as its folder is called
    #[arg(value_name = "PARTICIPANT")]
    participant: String,
    /// Day, such as 20250104 or 2025-01-04
    #[arg(value_name = "DATE")]
    date: String,
}

impl One {
    /// The key.
    pub fn key(&self) -> Result<Key, Failure> {
        Key::new(&self.participant, &self.date).map_err(|error| Failure::usage(error.to_string()))
    }
}

/// One session, or all of some days.
#[derive(Debug, Args)]
pub struct Chosen {
    /// Participant, as its folder is called
    #[arg(value_name = "PARTICIPANT", requires = "date")]
    participant: Option<String>,
    /// Day, such as 20250104 or 2025-01-04
    #[arg(value_name = "DATE")]
    date: Option<String>,
    /// Instead: all from this day on
    #[arg(long, value_name = "DATE", conflicts_with = "participant", value_parser = day)]
    from: Option<Date>,
    /// Instead: all up to this day, itself included
    #[arg(long, value_name = "DATE", conflicts_with = "participant", value_parser = day)]
    to: Option<Date>,
}

impl Chosen {
    /// What is meant; `all`: with neither a session nor a day, everything is.
    pub fn which(&self, all: bool) -> Result<Which, Failure> {
        match (&self.participant, &self.date) {
            (Some(participant), Some(date)) => {
                let key = Key::new(participant, date).map_err(|error| Failure::usage(error.to_string()))?;
                Ok(Which::Keys { keys: vec![key] })
            }
            _ if self.from.is_none() && self.to.is_none() && !all => {
                Err(Failure::usage("which session? name a participant and a day, or give --from and --to")
                    .hint("such as `p001 20250104`, or `--from 20250101 --to 20250131`"))
            }
            _ => {
                ordered(self.from, self.to)?;
                Ok(Which::Range { from: self.from, to: self.to, participant: None, safe: all })
            }
        }
    }

    /// Whether one session is named.
    pub const fn one(&self) -> bool {
        self.participant.is_some()
    }
}

/// A day as clap reads it.
pub fn day(text: &str) -> Result<Date, String> {
    key::date(text).map_err(|error| error.to_string())
}

/// The first day is not after the last.
pub fn ordered(from: Option<Date>, to: Option<Date>) -> Result<(), Failure> {
    match (from, to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::usage(format!("--from {from} is after --to {to}: no day lies between")))
        }
        _ => Ok(()),
    }
}
