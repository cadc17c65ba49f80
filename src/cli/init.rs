//! `hotspare init`: a first fleet file, from a few questions or from flags.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::fleet::{self, Fleet};

mod questions;

/// Arguments of `hotspare init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Print the documented sample: every table and key with its default
    #[arg(long, conflicts_with_all = ["name", "hosts", "spares", "ssh_user", "output", "force"])]
    pub print: bool,
    /// Print the JSON schema, by which an editor completes and checks a fleet file
    #[arg(long, conflicts_with_all = ["print", "name", "hosts", "spares", "ssh_user", "output", "force"])]
    pub schema: bool,
    /// Name of the fleet: letters, digits, `-`, `_` and `.`; without it the questions are asked
    #[arg(long)]
    pub name: Option<String>,
    /// A machine, such as studio-1=10.77.0.11; any number
    #[arg(long = "host", value_name = "NAME=ADDRESS", value_parser = host)]
    pub hosts: Vec<(String, String)>,
    /// The host that stands in for the others; any number
    #[arg(long = "spare", value_name = "NAME")]
    pub spares: Vec<String>,
    /// User on the hosts [default: as your ssh client says]
    #[arg(long, value_name = "USER")]
    pub ssh_user: Option<String>,
    /// Where the file is written [default: --fleet, else hotspare.toml]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    ok: bool,
    file: String,
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Answers {
    name: String,
    hosts: Vec<(String, String)>,
    spares: Vec<String>,
    ssh_user: Option<String>,
}

/// Writes a fleet file that `hotspare check` passes, or prints the sample.
pub fn run(context: &Context, args: &InitArgs) -> Result<Exit, Failure> {
    if args.print {
        context.text(Fleet::sample())?;
        return Ok(Exit::Done);
    }
    if args.schema {
        context.document(&fleet::schema())?;
        return Ok(Exit::Done);
    }
    let path = args.output.clone().or_else(|| context.fleet.clone()).unwrap_or_else(|| "hotspare.toml".into());
    let refused = |message: String| Failure { exit: Exit::Refused, message, hints: Vec::new() };
    if context.read_only {
        return Err(refused("`init` writes a file, and --read-only forbids it".into()));
    }
    if !args.force && std::fs::symlink_metadata(&path).is_ok() {
        return Err(refused(format!("{} is there already", path.display())).hint("--force replaces it"));
    }
    let answers = answers(context, args)?;
    let text = compose(&answers);
    check(&text, &path)?;
    write(&path, &text, args.force)?;
    if context.json {
        context.document(&Document { ok: true, file: path.to_string_lossy().into_owned() })?;
    } else {
        context.line(&format!("{} written; `hotspare check` finds no errors in it", path.display()))?;
        context.tell("next: `hotspare doctor` tries all that it needs, `hotspare` opens the console");
    }
    Ok(Exit::Done)
}

/// `name=address`.
fn host(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').map(|(name, address)| (name.trim(), address.trim())) {
        Some((name, address)) if !name.is_empty() && !address.is_empty() => Ok((name.into(), address.into())),
        _ => Err("a host is NAME=ADDRESS, such as studio-1=10.77.0.11".into()),
    }
}

fn answers(context: &Context, args: &InitArgs) -> Result<Answers, Failure> {
    if let Some(name) = &args.name {
        let (hosts, spares, ssh_user) = (args.hosts.clone(), args.spares.clone(), args.ssh_user.clone());
        return Ok(Answers { name: name.clone(), hosts, spares, ssh_user });
    }
    if !std::io::stdin().is_terminal() || context.json {
        return Err(Failure::usage("without a terminal `init` cannot ask, and `--name` is missing").hint(
            "hotspare init --name harbour --host studio-1=10.77.0.11 --host studio-2=10.77.0.12 --spare studio-2",
        ));
    }
    questions::ask(&mut std::io::stdin().lock(), &mut std::io::stderr().lock())
        .map_err(|error| Failure::failed(format!("the answers cannot be read: {error}")))?
        .ok_or_else(|| Failure { exit: Exit::Interrupted, message: "no file is written".into(), hints: Vec::new() })
}

/// The fleet file of the answers, with comments on what to do next.
fn compose(answers: &Answers) -> String {
    let mut text = format!(
        "# A fleet of hotspare. `hotspare init --print` shows every table and key, `hotspare check` every error.\n\n\
         name = {}\n",
        quoted(&answers.name)
    );
    let mut add = |piece: std::fmt::Arguments<'_>| {
        // Writing into a text cannot fail.
        let _whole = text.write_fmt(piece);
    };
    for (name, address) in &answers.hosts {
        add(format_args!("\n[hosts.{}]\naddress = {}\n", key(name), quoted(address)));
        if let Some(user) = &answers.ssh_user {
            add(format_args!("ssh = {}\n", quoted(&format!("{user}@{address}"))));
        }
        add(format_args!(
            "# service = \"10.77.0.100/24\"   # the address its clients use, if it moves in a takeover\n"
        ));
        add(format_args!("checks = [\n  {{ kind = \"ping\" }},\n  {{ kind = \"tcp\", port = 22 }},\n]\n"));
    }
    if answers.hosts.is_empty() {
        add(format_args!("\n# [hosts.studio-1]\n# address = \"10.77.0.11\"\n"));
    }
    if answers.spares.is_empty() {
        return text;
    }
    let listed =
        |names: &mut dyn Iterator<Item = &String>| names.map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let protects =
        listed(&mut answers.hosts.iter().map(|(name, _)| name).filter(|name| !answers.spares.contains(name)));
    let spares = listed(&mut answers.spares.iter());
    add(format_args!(
        "\n[pools.main]\n\
         protects = [{protects}]   # most important first\n\
         spares = [{spares}]\n\
         mode = \"observe\"   # journals what it would have done; `manual` and `auto` act\n\
         takeover = \"takeover\"\n\
         \n\
         [runbooks.takeover]\n\
         steps = [\n  \
           # Put a step here that switches the failed host off by itself, and take the question out:\n  \
           # {{ name = \"fence\", kind = \"command\", on = \"failed\", run = \"sudo poweroff\", fence = true }},\n  \
           {{ name = \"fence\", kind = \"ask\", text = \"Is {{failed.name}} switched off?\", fence = true }},\n  \
           {{ name = \"start\", kind = \"ask\", text = \"Start the work of {{failed.name}} on {{spare.name}}, then confirm.\" }},\n\
         ]\n"
    ));
    text
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A name as it stands in a header.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { name.to_owned() } else { quoted(name) }
}

/// What is wrong with the answers is told as `hotspare check` would tell it, before anything is written.
fn check(text: &str, path: &Path) -> Result<(), Failure> {
    let errors = errors(text, path);
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("these answers make no fleet file, and none is written:\n  {}", errors.join("\n  "))))
}

fn errors(text: &str, path: &Path) -> Vec<String> {
    let loaded = fleet::load(text.as_bytes(), path);
    loaded
        .errors()
        .map(|error| match &error.hint {
            Some(hint) => format!("{}: {} ({hint})", error.text, error.message),
            None => format!("{}: {}", error.text, error.message),
        })
        .collect()
}

/// The file appears whole or not at all; one that appeared meanwhile is not replaced without `force`.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{} cannot be written: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hotspare-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    let placed = if force { file.persist(path) } else { file.persist_noclobber(path) };
    placed.map_err(|error| failed(error.error))?;
    #[cfg(unix)]
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    let loaded = fleet::open(path);
    match loaded.errors().next() {
        None => Ok(()),
        Some(error) => Err(Failure::failed(format!("{} was written but reads back wrong:\n{error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(input: &str) -> Option<Answers> {
        questions::ask(&mut input.as_bytes(), &mut Vec::new()).unwrap()
    }

    #[test]
    fn questions_become_a_fleet_file() {
        let answers =
            asked("\na/b\nharbour\na=10.0.0.1\nb = 10.0.0.999\nnonsense\nb = 10.0.0.2\n\nc\nb\no ps\nops\n").unwrap();
        assert_eq!(answers.name, "harbour");
        assert_eq!((answers.name.as_str(), answers.spares.as_slice()), ("harbour", &["b".to_owned()][..]));
        assert_eq!(answers.hosts[1], ("b".to_owned(), "10.0.0.2".to_owned()), "wrong answers were asked for again");
        let answers = Answers {
            hosts: vec![("a".into(), "10.0.0.1".into()), ("b.x".into(), "10.0.0.2".into())],
            spares: vec!["b.x".into()],
            ..answers
        };
        let text = compose(&answers);
        assert_eq!(check(&text, Path::new("f.toml")), Ok(()));
        let fleet = fleet::load(text.as_bytes(), Path::new("f.toml")).fleet.unwrap();
        assert_eq!(fleet.hosts[0].ssh, "ops@10.0.0.1");
        assert_eq!(
            (fleet.pools[0].protects.clone(), fleet.pools[0].spares.clone()),
            (vec!["a".into()], vec!["b.x".into()])
        );
    }

    #[test]
    fn an_input_that_ends_writes_nothing() {
        for input in ["", "harbour\n", "harbour\na=10.0.0.1\n"] {
            assert_eq!(asked(input), None);
        }
    }

    #[test]
    fn hostile_answers_are_told_and_not_pasted() {
        let answers = Answers { name: "a\"\n[hosts.x]".into(), ..Answers::default() };
        assert!(check(&compose(&answers), Path::new("f.toml")).is_err());
    }
}
