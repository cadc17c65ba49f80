//! `hotspare host`: asking hosts now, and their maintenance.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{join, span};
use crate::clock::Clock;
use crate::engine::command::Command;

/// Arguments of `hotspare host`.
#[derive(Debug, Args)]
pub struct HostArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run every check of these hosts now, or of all
    Probe {
        /// Hosts; none: all
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
    },
    /// Watching goes on, acting stops, until the time is over or somebody ends it
    Maintain {
        /// The host
        #[arg(value_name = "HOST")]
        host: String,
        /// How long, such as 30m
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = span::read)]
        time: Duration,
        /// Why, for the others
        #[arg(long, value_name = "WHY")]
        why: String,
    },
    /// End the maintenance of a host: it counts again
    EndMaintenance {
        /// The host
        #[arg(value_name = "HOST")]
        host: String,
    },
}

/// Runs one of them.
pub fn run(context: &Context, args: HostArgs) -> Result<Exit, Failure> {
    let command = match args.what {
        What::Probe { hosts } => Command::ProbeNow { hosts },
        What::Maintain { host, time, why } => {
            Command::Maintain { host, why, until: span::until(&Clock::real(), time)? }
        }
        What::EndMaintenance { host } => Command::EndMaintenance { host },
    };
    join::told(context, command)
}
