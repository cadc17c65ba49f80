//! `hotspare import`: a fleet file from the `backup_config.yaml` of the script that copied sessions before.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::fleet;

mod store;
mod yaml;

/// A larger file is no configuration.
const LONGEST: u64 = 1 << 20;

/// Arguments of `hotspare import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file, as a rule `backup_config.yaml`
    pub file: PathBuf,
}

/// Prints the fleet file, after it was read as one; says on standard error what could not be carried.
pub fn run(context: &Context, args: &ImportArgs) -> Result<Exit, Failure> {
    let shown = args.file.display();
    let text = text(&args.file)?;
    let wrong = |wrong: yaml::Wrong| Failure::usage(format!("{shown}:{}: {}", wrong.line, wrong.what));
    let leaves = yaml::leaves(&text).map_err(wrong)?;
    let made = store::made(leaves, &shown.to_string()).map_err(wrong)?;
    let loaded = fleet::load(made.text.as_bytes(), Path::new("hotspare.toml"));
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    if !errors.is_empty() {
        let message = format!("what {shown} says cannot stand in a fleet file:\n{}", errors.join("\n"));
        return Err(Failure::usage(message).hint("correct it there, and import it again"));
    }
    for note in &made.notes {
        context.tell(&format!("not carried: {note}"));
    }
    context.text(&made.text)?;
    Ok(Exit::Done)
}

fn text(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        return Err(Failure::usage(format!("{} is larger than 1 MiB, so it is no configuration", path.display())));
    }
    Ok(text)
}
