//! `hotspare import`: a fleet file from what was there before: the `backup_config.yaml` of the script that copied sessions, an
//! Ansible inventory, or `keepalived.conf`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::fleet;
use text::{Made, Names};
use yaml::Wrong;

mod ansible;
#[cfg(any(test, fuzzing))]
pub(crate) mod foreign;
mod keepalived;
mod store;
mod text;
mod yaml;

/// A larger file is no configuration.
const LONGEST: u64 = 1 << 20;

/// Arguments of `hotspare import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file: `backup_config.yaml`, an Ansible inventory, or `keepalived.conf` (those of all its machines together)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What it is; without this its ending and its contents tell
    #[arg(long, value_name = "KIND")]
    from: Option<Kind>,
}

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// `backup_config.yaml`
    Backup,
    /// An Ansible inventory, INI or YAML
    Ansible,
    /// keepalived.conf
    Keepalived,
}

/// A file as it was read.
struct File {
    shown: String,
    path: PathBuf,
    text: String,
}

/// Prints the fleet file, after it was read as one; says on standard error what could not be carried.
pub fn run(context: &Context, args: &ImportArgs) -> Result<Exit, Failure> {
    let files: Vec<File> = args.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let [first, others @ ..] = files.as_slice() else { return Err(Failure::usage("no file is named")) };
    let kind = args.from.unwrap_or_else(|| kind(first));
    if kind != Kind::Keepalived && !others.is_empty() {
        return Err(Failure::usage("only keepalived.conf of several machines are imported together")
            .hint("import the others one by one"));
    }
    let made = made(kind, &files, first)?;
    let loaded = fleet::load(made.text.as_bytes(), Path::new("hotspare.toml"));
    let errors: Vec<String> = loaded.errors().map(ToString::to_string).collect();
    if !errors.is_empty() {
        let shown = &first.shown;
        let message = format!("what {shown} says cannot stand in a fleet file:\n{}", errors.join("\n"));
        return Err(Failure::usage(message).hint("correct it there, and import it again"));
    }
    for note in &made.notes {
        context.tell(&format!("not carried: {note}"));
    }
    context.text(&made.text)?;
    Ok(Exit::Done)
}

fn made(kind: Kind, files: &[File], first: &File) -> Result<Made, Failure> {
    let wrong = |shown: &str, wrong: Wrong| Failure::usage(format!("{shown}:{}: {}", wrong.line, wrong.what));
    let made = match kind {
        Kind::Backup => yaml::leaves(&first.text).and_then(|leaves| store::made(leaves, &first.shown)),
        Kind::Ansible if is_yaml(first) => yaml::leaves(&first.text)
            .and_then(|leaves| ansible::of_yaml(leaves, &first.shown, &fleet_name(&first.path))),
        Kind::Ansible => ansible::of_ini(&first.text, &first.shown, &fleet_name(&first.path)),
        Kind::Keepalived => {
            let texts: Vec<_> = files.iter().map(|file| (file.shown.clone(), file.text.clone())).collect();
            return keepalived::made(&texts).map_err(|(file, what)| wrong(&file, what));
        }
    };
    made.map_err(|what| wrong(&first.shown, what))
}

/// What a file is, by its ending and its contents.
fn kind(file: &File) -> Kind {
    let begins = |word: &str| file.text.lines().any(|line| line.trim_start().starts_with(word));
    let ending = file.path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ending == "conf" || begins("vrrp_") || begins("global_defs") {
        Kind::Keepalived
    } else if is_yaml(file) && (top(file, "source") || top(file, "destinations") || !begins("hosts:")) {
        Kind::Backup
    } else {
        Kind::Ansible
    }
}

/// Whether a YAML file has this key at its top.
fn top(file: &File, key: &str) -> bool {
    file.text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
}

fn is_yaml(file: &File) -> bool {
    let ending = file.path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    matches!(ending, "yaml" | "yml") || file.text.starts_with("---")
}

/// The name of the file without its ending, as far as it is a name.
fn fleet_name(path: &Path) -> String {
    Names::default().give(&path.file_stem().unwrap_or_default().to_string_lossy())
}

fn read(path: &Path) -> Result<File, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        return Err(Failure::usage(format!("{} is larger than 1 MiB, so it is no configuration", path.display())));
    }
    Ok(File { shown: path.display().to_string(), path: path.to_owned(), text })
}
