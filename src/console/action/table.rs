//! The table itself.

use super::{Argument, ArgumentKind, Danger, Scope, Spec};

/// Declares the actions and their table together, so that neither can have a row the other lacks.
macro_rules! actions {
    ($($name:ident $id:literal $title:literal $scope:ident $danger:ident $argument:expr => $doc:literal;)*) => {
        /// Everything a person can do in the console.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $name,)*
        }

        const TABLE: &[Spec] = &[$(Spec {
            action: Action::$name,
            id: $id,
            title: $title,
            doc: $doc,
            scope: Scope::$scope,
            danger: Danger::$danger,
            argument: $argument,
        },)*];
    };
}

const fn takes(name: &'static str, kind: ArgumentKind, required: bool) -> Argument {
    Argument { name, kind, required }
}

actions! {
    Help "help" "all keys" Anywhere Harmless None
        => "Shows every action with its keys; type to filter, Enter runs the selected one.";
    Palette "palette" "command" Anywhere Harmless None
        => "Asks for an action by name, with its argument; Tab completes.";
    Quit "quit" "quit" Anywhere Harmless None
        => "Leaves the console. The engine goes on, unless it lives in this process.";
    Suspend "suspend" "suspend" Anywhere Harmless None
        => "Goes back to the shell until `fg`. The engine goes on.";
    Redraw "redraw" "redraw" Anywhere Harmless None
        => "Draws the whole screen again, after something else has written on it.";
    NextPane "pane.next" "pane" Anywhere Harmless None
        => "Gives the keys to the next pane.";
    PreviousPane "pane.previous" "pane back" Anywhere Harmless None
        => "Gives the keys to the pane before.";
    ShowPane "pane.show" "pane" Anywhere Harmless Some(takes("pane", ArgumentKind::Pane, true))
        => "Gives the keys to this pane.";
    Zoom "view.zoom" "zoom" Anywhere Harmless None
        => "Gives the whole screen to the pane that has the keys, or takes it back.";
    Back "view.back" "back" Anywhere Harmless None
        => "Goes back: closes the page, then the zoom, then the filter, then the marks.";
    Freeze "view.freeze" "freeze" Anywhere Harmless None
        => "Holds the picture still, to read or copy it, or lets it go on.";
    Problems "view.problems" "problems" Anywhere Harmless None
        => "Shows everything that is wrong, in full: alarms, the lines of a refused fleet file, hosts that are not up.";
    Messages "view.messages" "messages" Anywhere Harmless None
        => "Shows the messages of this console again.";
    Log "view.log" "log" Anywhere Harmless None
        => "Opens the log of the engine.";
    Copy "copy" "copy" Anywhere Harmless None
        => "Copies the selected row, the marked rows, or the whole page to the clipboard of your terminal.";
    UseTheme "theme" "theme" Anywhere Harmless Some(takes("name", ArgumentKind::Theme, true))
        => "Draws with another theme.";
    UseKeymap "keymap" "keymap" Anywhere Harmless Some(takes("name", ArgumentKind::Keymap, true))
        => "Uses another keymap.";
    Mouse "view.mouse" "mouse" Anywhere Harmless None
        => "Lets the mouse select, open and scroll here, or leaves it to the terminal.";
    Bell "view.bell" "bell" Anywhere Harmless None
        => "Rings the bell of the terminal at each alarm, or stops that.";
    Announce "view.announce" "announce" Anywhere Harmless None
        => "Sends each alarm to the desktop through the terminal (OSC 9), or stops that.";
    Down "list.down" "down" List Harmless None
        => "Selects the next row.";
    Up "list.up" "up" List Harmless None
        => "Selects the row before.";
    PageDown "list.page-down" "page down" List Harmless None
        => "Goes down by a screen.";
    PageUp "list.page-up" "page up" List Harmless None
        => "Goes up by a screen.";
    First "list.first" "first" List Harmless None
        => "Selects the first row.";
    Last "list.last" "last" List Harmless None
        => "Selects the last row.";
    Open "list.open" "open" List Harmless None
        => "Opens the selected row as a page of its own.";
    Filter "list.filter" "filter" List Harmless Some(takes("words", ArgumentKind::Text, false))
        => "Shows only the rows with these words; a word after `!` must be missing.";
    Sort "list.sort" "sort" List Harmless Some(takes("column", ArgumentKind::Sort, false))
        => "Sorts by the next column, or by this one.";
    Reverse "list.reverse" "reverse" List Harmless None
        => "Turns the order around.";
    Mark "list.mark" "mark" List Harmless None
        => "Marks the selected row, or takes the mark away; actions on hosts and sessions then apply to all marked ones.";
    MarkAll "list.mark-all" "mark all" List Harmless None
        => "Marks every row that is shown, or takes all marks away.";
    Probe "host.probe" "probe now" Hosts Changes Some(takes("host", ArgumentKind::Host, false))
        => "Runs every check of the selected or marked hosts now.";
    ProbeAll "host.probe-all" "probe all" Hosts Changes None
        => "Runs every check of all hosts now.";
    Maintain "host.maintain" "maintain…" Hosts Changes Some(takes("host", ArgumentKind::Host, false))
        => "Begins maintenance of the selected or marked hosts: watching goes on, acting stops. Asks for reason and duration.";
    EndMaintenance "host.end-maintenance" "end maintenance" Hosts Changes Some(takes("host", ArgumentKind::Host, false))
        => "Ends the maintenance of the selected or marked hosts, so that hotspare may act on them again.";
    Logs "service.logs" "logs" Anywhere Harmless Some(takes("host", ArgumentKind::Host, false))
        => "Opens the logs of the selected service, or of all services of the host; or, by name, of either, or of HOST:PATH.";
    Configs "config.show" "config files" Anywhere Harmless Some(takes("host", ArgumentKind::Host, false))
        => "Opens the configuration files that are kept of the selected host, or of all, and what changed in them.";
    FetchConfigs "config.now" "fetch configs" Anywhere Changes None
        => "Fetches the configuration files of every config backup now, without waiting for the next look.";
    Takeover "pool.takeover" "take over…" Pools Dangerous Some(takes("host", ArgumentKind::Pool, false))
        => "Lets a spare take the place of a host, after showing what would be done. Asks to type the name of the host.";
    Giveback "pool.giveback" "give back…" Pools Dangerous Some(takes("host", ArgumentKind::Pool, false))
        => "Gives the work back to the host that is stood in for, after showing what would be done. Asks to type its name.";
    Drill "pool.drill" "drill…" Pools Dangerous Some(takes("pool", ArgumentKind::Pool, false))
        => "Practices a takeover by the pool's drill, after showing what would be done. Asks to type the name of the pool.";
    Pause "pool.pause" "pause…" Pools Changes Some(takes("pool", ArgumentKind::Pool, false))
        => "Suspends the automatic decisions of a pool for a while. Asks for reason and duration.";
    Unpause "pool.unpause" "end pause…" Pools Changes Some(takes("pool", ArgumentKind::Pool, false))
        => "Lets a paused pool decide by itself again.";
    Swear "pool.swear" "swear off…" Pools Dangerous Some(takes("host", ArgumentKind::Pool, false))
        => "Says under your name that a host is off, where nothing can prove it. Asks to type its name.";
    Clear "pool.clear" "clear…" Pools Dangerous Some(takes("spare", ArgumentKind::Pool, false))
        => "Says under your name that a failed spare was looked at and is clean. Asks to type its name.";
    Acknowledge "pool.acknowledge" "acknowledge…" Pools Changes Some(takes("pool", ArgumentKind::Pool, false))
        => "Says that you have seen what happened: the cool-down ends, the brake is armed again, another attempt is allowed.";
    Resume "pool.resume" "resume…" Pools Dangerous Some(takes("pool", ArgumentKind::Pool, false))
        => "Goes on with a run that was interrupted. Asks to type the name of its host.";
    Abandon "pool.abandon" "abandon…" Pools Dangerous Some(takes("pool", ArgumentKind::Pool, false))
        => "Undoes what an interrupted run has done. Asks to type the name of its host.";
    AnswerStep "pool.answer" "answer…" Pools Changes Some(takes("pool", ArgumentKind::Pool, false))
        => "Answers what a step of the run under way wants to know.";
    Why "pool.why" "why not" Pools Harmless Some(takes("pool", ArgumentKind::Pool, false))
        => "Says why nothing is done about hosts of a pool, what is needed for it, and what was refused before.";
    CarryNow "feed.run" "carry now" Feeds Changes Some(takes("feed", ArgumentKind::Feed, false))
        => "Carries what waits at the sources of a feed now, without waiting for its next round.";
    Compare "feed.check" "check" Feeds Changes Some(takes("feed", ArgumentKind::Feed, false))
        => "Compares both ends of a feed row by row, as a job; open the job to read what it found.";
    Repair "feed.repair" "repair…" Feeds Changes Some(takes("feed", ArgumentKind::Feed, false))
        => "Compares both ends of a feed and carries exactly the rows that are missing or different, after asking.";
    Prepare "feed.prepare" "prepare…" Feeds Changes Some(takes("feed", ArgumentKind::Feed, false))
        => "Makes the tables and unique indexes that a feed needs at its target, after showing each statement.";
    StartOver "feed.reset" "start over…" Feeds Dangerous Some(takes("feed", ArgumentKind::Feed, false))
        => "Forgets how far a feed was carried, so that all of it is carried again. Asks to type the name of the feed.";
    MakeKit "dump.now" "make kit" Dumps Changes Some(takes("dump", ArgumentKind::Dump, false))
        => "Dumps every database of a dump to its medium now, without waiting for the next round.";
    VerifyKits "dump.verify" "verify kits" Dumps Changes Some(takes("dump", ArgumentKind::Dump, false))
        => "Reads every kit on the medium and compares it with its sums, as a job; open the job to read what it found.";
    DrillKit "dump.drill" "drill" Dumps Changes Some(takes("dump", ArgumentKind::Dump, false))
        => "Restores the newest kit for practice into a server that is thrown away, and compares it with what was noted.";
    Eject "dump.eject" "eject…" Dumps Changes Some(takes("dump", ArgumentKind::Dump, false))
        => "Writes out what waits for a medium and unmounts it, so that it may be taken out, after asking.";
    RestoreKit "dump.restore" "restore…" Dumps Dangerous Some(takes("dump", ArgumentKind::Dump, false))
        => "Restores the newest kit to the server it came from, after showing what is overwritten. Asks to type RESTORE.";
    Sync "session.sync" "sync…" Sessions Changes Some(takes("sessions", ArgumentKind::Session, false))
        => "Copies the selected or marked sessions to every destination and verifies them, after showing how much that is.";
    Verify "session.verify" "verify…" Sessions Changes Some(takes("sessions", ArgumentKind::Session, false))
        => "Compares the copies of the selected or marked sessions by names, sizes or content; asks how thoroughly.";
    Delete "session.delete" "delete…" Sessions Dangerous Some(takes("sessions", ArgumentKind::Session, false))
        => "Deletes the selected or marked sessions from this computer after all safety checks. Asks to type DELETE.";
    DeleteSafe "session.delete-safe" "delete safe…" Sessions Dangerous None
        => "Deletes every session that is safe to delete from this computer. Asks to type DELETE ALL.";
    Refresh "session.refresh" "look again" Sessions Changes None
        => "Looks at the source, every destination and the database of imports again.";
    Limit "session.limit" "limit…" Sessions Changes Some(takes("rate", ArgumentKind::Text, false))
        => "Changes how many bytes a second copies may take, also for those that run.";
    ChooseStore "session.store" "store" Sessions Harmless Some(takes("store", ArgumentKind::Store, true))
        => "Shows the sessions of another store.";
    Services "view.services" "services" Anywhere Harmless None
        => "Opens the page of services: their modules, and who holds the locks of their pid files.";
    Look "service.look" "look again" Services Harmless None
        => "Looks at the modules and locks of all services now.";
    MaintainService "service.maintain" "maintain…" Services Changes Some(takes("service", ArgumentKind::Service, false))
        => "Locks every pid file of the selected service, or none, and opens your shell on its host. Asks for reason and duration.";
    Release "service.release" "release…" Services Changes Some(takes("service", ArgumentKind::Service, false))
        => "Gives the locks of the selected service back, where this engine holds them, after asking.";
    StopModule "service.stop" "stop module…" Services Dangerous Some(takes("service", ArgumentKind::Service, false))
        => "Interrupts the selected module of a service that is held, or all of its modules that live. Asks to type its name.";
    ForceRelease "service.force" "force release…" Services Dangerous Some(takes("service", ArgumentKind::Service, false))
        => "Ends the process that holds locks of the selected service, whosever it is. Asks to type the name of the service.";
    Runs "run.list" "runs" Runs Harmless None
        => "Shows the last run of each runbook that no pool asked for: its steps, what it asks, what it owes.";
    RunBegin "run.begin" "run…" Runs Dangerous Some(takes("runbook", ArgumentKind::Runbook, true))
        => "Rehearses a runbook on the real hosts, shows what it would do, and begins it. Asks to type its name.";
    RunAnswer "run.answer" "answer…" Runs Changes Some(takes("runbook", ArgumentKind::Run, false))
        => "Answers what a step of a run wants to know, with the evidence before your eyes.";
    RunLook "run.look" "look again" Runs Changes Some(takes("runbook", ArgumentKind::Run, false))
        => "Looks again at what is shown with the question of a run.";
    RunResume "run.resume" "resume…" Runs Dangerous Some(takes("runbook", ArgumentKind::Run, false))
        => "Goes on with a run that was interrupted or failed, whoever began it. Asks to type the name of its runbook.";
    RunAbandon "run.abandon" "abandon…" Runs Dangerous Some(takes("runbook", ArgumentKind::Run, false))
        => "Undoes what a run has done and does the clean-up that it owes. Asks to type the name of its runbook.";
    Hold "job.hold" "hold, go on" Jobs Changes Some(takes("job", ArgumentKind::Job, false))
        => "Holds the selected job between two pieces of its work, or lets it go on.";
    Cancel "job.cancel" "cancel job…" Jobs Dangerous Some(takes("job", ArgumentKind::Job, false))
        => "Ends the selected job. Asks to type its number.";
    Note "journal.note" "note…" Anywhere Changes Some(takes("text", ArgumentKind::Text, false))
        => "Writes a remark into the journal.";
    VerifyJournal "journal.verify" "verify journal" Anywhere Changes None
        => "Checks the chain of hashes of the whole journal, as a job.";
    Doctor "engine.doctor" "doctor" Anywhere Changes None
        => "Tries everything that the fleet file needs, reading only, as a job; open the job to read what it found.";
    Reload "engine.reload" "reload" Anywhere Changes None
        => "Reads the fleet file again now.";
    Start "engine.start" "start engine" Anywhere Changes None
        => "Starts an engine after it was lost, and joins it.";
    Stop "engine.stop" "stop engine…" Anywhere Dangerous None
        => "Stops the engine: nothing is watched any more. Asks to type the name of the fleet.";
}

impl Action {
    /// Every action, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|spec| spec.action)
    }

    /// Its row of the table.
    pub fn spec(self) -> &'static Spec {
        &TABLE[self as usize]
    }

    /// The action of this name.
    pub fn of(id: &str) -> Option<Self> {
        Self::all().find(|action| action.spec().id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_actions_and_names_are_unique() {
        for action in Action::all() {
            assert_eq!(action.spec().action, action);
            assert_eq!(Action::of(action.spec().id), Some(action));
        }
    }

    #[test]
    fn every_doc_is_a_sentence_and_every_title_is_short() {
        for action in Action::all() {
            let spec = action.spec();
            assert!(spec.doc.ends_with('.') && spec.doc.starts_with(char::is_uppercase), "{}", spec.id);
            assert!(spec.title.chars().count() <= 16, "{}", spec.id);
            let asks = spec.title.ends_with('…');
            assert!(spec.danger != Danger::Dangerous || asks, "{} must say that it asks", spec.id);
        }
    }
}
