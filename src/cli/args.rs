//! The arguments, as clap reads them.

use clap::Parser;

use super::options::Options;
use super::packager;

/// Watch over a handful of machines with too few spares.
#[derive(Debug, Parser)]
#[command(name = "hotspare", version, about, long_about = None, max_term_width = 100, after_help = packager::EXITS)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub options: Options,
    /// The command; none: the console.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
}

/// The commands. Each has its own file beside this one.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// The full-screen console; the same as `hotspare` alone
    Console(super::console::ConsoleArgs),
    /// The hosts in one table, what is wrong first; exits 1 if anything is not well
    Status(super::status::StatusArgs),
    /// What was decided and done, by whom, why
    Journal(super::journal::JournalArgs),
    /// What is running, and what ran last
    Jobs(super::jobs::JobsArgs),
    /// End a job
    Cancel(super::cancel::CancelArgs),
    /// Let a job wait between two pieces of its work
    Hold(super::hold::HoldArgs),
    /// Let a held job go on
    Resume(super::hold::HoldArgs),
    /// Ask hosts now; begin or end the maintenance of one
    Host(super::host::HostArgs),
    /// Who stands in for whom: takeover, giveback, drill
    Pool(super::pool::PoolArgs),
    /// Rows from SQLite to MySQL: lag, carry, compare, prepare
    Feed(super::feed::FeedArgs),
    /// Databases on removable media: list, make a kit, verify, drill, restore, eject
    Dump(super::dump::DumpArgs),
    /// Work on a service in peace: lock its pid files, open a shell on its host or run a command there, unlock
    Maintain(super::maintain::MaintainArgs),
    /// Services: who holds what, stop modules that are held, release
    Service(super::service::ServiceArgs),
    /// The logs of a service, of all services of a host, or of one file, over ssh
    Logs(super::logs::LogsArgs),
    /// Configuration files of hosts, version by version: list, fetch, compare, show
    Config(super::config::ConfigArgs),
    /// Run any runbook, go on with one that was interrupted, or list the last runs
    Run(super::run::RunArgs),
    /// Change how many replicas of a service run: one at a time, waits, checks, stops at the first failure
    Scale(super::scale::ScaleArgs),
    /// Recording sessions: list, copy, verify, delete
    Session(super::session::SessionArgs),
    /// Write a first fleet file: asks a few questions, or takes flags
    Init(super::init::InitArgs),
    /// Print a fleet file made from an Ansible inventory, keepalived.conf, or a `backup_config.yaml`
    Import(super::import::ImportArgs),
    /// Look through the fleet file: every error at once, warnings for risks; exits 2 if it has errors
    Check(super::check::CheckArgs),
    /// Try everything that the fleet file needs, one line each with the remedy; changes nothing; exits 1 if anything is bad
    Doctor(super::doctor::DoctorArgs),
    /// A whole fleet on this machine, of real parts, with faults that come and go, and the console over it
    Demo(super::demo::DemoArgs),
    /// The engine alone, in the foreground; or stop it, or ask it
    Engine(super::engine::EngineArgs),
    /// Colours and glyphs of the console: what there is, and from which file
    Theme(super::theme::ThemeArgs),
    /// Keys of the console: what there is, and from which file
    Keymap(super::keymap::KeymapArgs),
    /// Print the completions of a shell
    Completions(packager::CompletionsArgs),
    /// Print the manual page
    Man,
}
