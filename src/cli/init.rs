//! `hotspare init`: a first fleet file, from a few questions or from flags.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::{console, doctor};
use crate::durable;
use crate::fleet::{self, Fleet};

mod compose;
mod found;
mod questions;

#[cfg(any(test, fuzzing))]
pub(super) use found::foreign;

use compose::compose;
use found::Found;

/// What whoever has a fleet file does then.
const NEXT: &str = "next: `hotspare doctor` tries all that it needs, `hotspare` opens the console";

/// Arguments of `hotspare init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Print the documented sample: every table and key with its default
    #[arg(long, conflicts_with_all = ["name", "hosts", "found", "spares", "ssh_user", "output", "force"])]
    pub print: bool,
    /// Print the JSON schema, by which an editor completes and checks a fleet file
    #[arg(long, conflicts_with_all = ["print", "name", "hosts", "found", "spares", "ssh_user", "output", "force"])]
    pub schema: bool,
    /// Name of the fleet: letters, digits, `-`, `_` and `.`; without it the questions are asked
    #[arg(long)]
    pub name: Option<String>,
    /// A machine, such as studio-1=10.77.0.11; any number
    #[arg(long = "host", value_name = "NAME=ADDRESS", value_parser = host)]
    hosts: Vec<Host>,
    /// Every machine that ~/.ssh/config names and that answers, besides those of --host
    #[arg(long)]
    pub found: bool,
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

/// A machine as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    address: String,
    /// Its name for the ssh client, where that is another than the address.
    ssh: Option<String>,
    /// The port of its sshd; `None` where it is reached through another machine, and nothing else of it from here.
    port: Option<u16>,
}

/// Databases that are dumped to a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Dump {
    user: String,
    to: String,
}

/// Recordings that are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recordings {
    source: String,
    /// Where copies go, and whether that is a mount point.
    destination: Option<(String, bool)>,
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Answers {
    name: String,
    hosts: Vec<Host>,
    spares: Vec<String>,
    ssh_user: Option<String>,
    dump: Option<Dump>,
    recordings: Option<Recordings>,
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
    let asks = args.name.is_none();
    let answers = answers(context, args)?;
    if !answers.hosts.is_empty() && answers.hosts.iter().all(|host| answers.spares.contains(&host.name)) {
        let message = "every host is a spare, so there is nobody to protect";
        return Err(Failure::usage(message).hint("name one host that is not a spare: --host NAME=ADDRESS"));
    }
    let text = compose(&answers);
    check(&text, &path)?;
    write(&path, &text, args.force)?;
    if context.json {
        context.document(&Document { ok: true, file: path.to_string_lossy().into_owned() })?;
        return Ok(Exit::Done);
    }
    context.line(&format!("{} written; `hotspare check` finds no errors in it", path.display()))?;
    if asks {
        return go_on(context, path);
    }
    context.tell(NEXT);
    Ok(Exit::Done)
}

/// Whoever answered the questions may go on to the doctor and into the console at once.
fn go_on(context: &Context, path: PathBuf) -> Result<Exit, Failure> {
    let mut context = context.clone();
    context.fleet = Some(path);
    let context = &context;
    let failed = |error| Failure::failed(format!("the answer cannot be read: {error}"));
    let yes = |text: &str| questions::yes(&mut std::io::stdin().lock(), &mut std::io::stderr().lock(), text);
    if !yes("Try all that it needs now (hotspare doctor; changes nothing)?").map_err(failed)? {
        context.tell(NEXT);
        return Ok(Exit::Done);
    }
    doctor::run(context, &doctor::DoctorArgs {})?;
    if !yes("Open the console?").map_err(failed)? {
        context.tell(NEXT);
        return Ok(Exit::Done);
    }
    console::run(context, &console::ConsoleArgs::default())
}

/// `name=address`.
fn host(text: &str) -> Result<Host, String> {
    match text.split_once('=').map(|(name, address)| (name.trim(), address.trim())) {
        Some((name, address)) if !name.is_empty() && !address.is_empty() => {
            Ok(Host { name: name.into(), address: address.into(), ssh: None, port: Some(22) })
        }
        _ => Err("a host is NAME=ADDRESS, such as studio-1=10.77.0.11".into()),
    }
}

fn answers(context: &Context, args: &InitArgs) -> Result<Answers, Failure> {
    let look = || context.block_on(async { Ok(Found::look().await) });
    if let Some(name) = &args.name {
        let mut hosts = args.hosts.clone();
        if args.found {
            let found = look()?;
            context.tell(&found.words());
            hosts.extend(found.answering().filter(|host| args.hosts.iter().all(|given| given.name != host.name)));
        }
        let (spares, ssh_user) = (args.spares.clone(), args.ssh_user.clone());
        return Ok(Answers { name: name.clone(), hosts, spares, ssh_user, ..Answers::default() });
    }
    if !std::io::stdin().is_terminal() || context.json {
        return Err(Failure::usage("without a terminal `init` cannot ask, and `--name` is missing").hint(
            "hotspare init --name harbour --host studio-1=10.77.0.11 --host studio-2=10.77.0.12 --spare studio-2",
        ));
    }
    context.say("Looking for machines, disks and databases …\n");
    let found = look()?;
    questions::ask(&found, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
        .map_err(|error| Failure::failed(format!("the answers cannot be read: {error}")))?
        .ok_or_else(|| Failure { exit: Exit::Interrupted, message: "no file is written".into(), hints: Vec::new() })
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
    let put = if force { durable::put } else { durable::put_new };
    put(path, text.as_bytes(), 0o644).map_err(failed)?;
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
        questions::ask(&Found::default(), &mut input.as_bytes(), &mut Vec::new()).unwrap()
    }

    fn fleet(answers: &Answers) -> Fleet {
        let text = compose(answers);
        assert_eq!(check(&text, Path::new("f.toml")), Ok(()), "{text}");
        fleet::load(text.as_bytes(), Path::new("f.toml")).fleet.unwrap()
    }

    #[test]
    fn questions_become_a_fleet_file() {
        let answers =
            asked("\na/b\nharbour\na=10.0.0.1\nb = 10.0.0.999\nnonsense\nb = 10.0.0.2\n\nc\nb\no ps\nops\n\n").unwrap();
        assert_eq!((answers.name.as_str(), answers.spares.as_slice()), ("harbour", &["b".to_owned()][..]));
        assert_eq!(answers.hosts[1].address, "10.0.0.2", "wrong answers were asked for again");
        let hosts = vec![host("a=10.0.0.1").unwrap(), host("b.x=10.0.0.2").unwrap()];
        let fleet = fleet(&Answers { hosts, spares: vec!["b.x".into()], ..answers });
        assert_eq!(fleet.hosts[0].ssh, "ops@10.0.0.1");
        assert_eq!(
            (fleet.pools[0].protects.clone(), fleet.pools[0].spares.clone()),
            (vec!["a".into()], vec!["b.x".into()])
        );
    }

    #[test]
    fn what_was_found_is_offered_and_taken() {
        let found = Found {
            hosts: vec![
                found::Seen { name: "nas".into(), address: "10.0.0.7".into(), port: Some(2222), answers: true },
                found::Seen { name: "old".into(), address: "10.0.0.8".into(), port: Some(22), answers: false },
            ],
            media: vec!["/media/usb".into()],
            shares: vec!["/mnt/nas".into()],
            server: Some("11.4.2-MariaDB".into()),
        };
        let mut said = Vec::new();
        let input = "harbour\n1 3\n1 nas\n\n/media/usb\nroot\n/data\n/mnt/nas\n";
        let answers = questions::ask(&found, &mut input.as_bytes(), &mut said).unwrap().unwrap();
        let said = String::from_utf8(said).unwrap();
        for part in [
            "1 nas (10.0.0.7, answers)",
            "2 old (10.0.0.8, no answer)",
            "`3` is none of them",
            "Another host",
            "11.4.2-MariaDB",
            "found: /mnt/nas, /media/usb (empty: nowhere",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let fleet = fleet(&answers);
        assert_eq!((fleet.hosts.len(), fleet.hosts[0].ssh.as_str()), (1, "nas"));
        assert!(fleet.dumps[0].mount && fleet.dumps[0].to == Path::new("/media/usb"));
        assert_eq!(fleet.sessions[0].destinations[0].mount.as_deref(), Some(Path::new("/mnt/nas")));
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
