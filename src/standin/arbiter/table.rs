//! Table: the rules of a pool, row by row.
//!
//! For each protected host, most important first, the first row whose conditions all hold says where it stands and what is
//! done. Nothing else decides. Of all that is to be done, one thing is done at a time: takeovers before releases before
//! givebacks, and the most important host first.

use std::fmt::Write;

use super::facts::{Cond, Facts};
use crate::standin::view::Stand;

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What must hold.
    pub when: &'static [Cond],
    /// Where the host stands then.
    pub stand: Stand,
    /// What is done.
    pub then: Then,
    /// Why, in words. Names in braces are those of [`Facts::word`].
    pub why: &'static str,
    /// What is needed for the next change; empty where none is to be expected.
    pub needs: &'static str,
    /// What would be done if a host that is up died into this row.
    pub dies: &'static str,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing, and nothing is wrong.
    Rest,
    /// Nothing, although something is wrong: a refusal.
    Refuse,
    /// What happened is remembered: the spare died.
    Lose,
    /// The free spare takes its place.
    Takeover,
    /// A less important host's stand-in is stopped first.
    Release,
    /// The work goes back.
    Giveback,
}

impl Then {
    /// For the table in the documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rest => "nothing",
            Self::Refuse => "nothing, and says why",
            Self::Lose => "the spare is marked failed",
            Self::Takeover => "takeover",
            Self::Release => "release, then takeover",
            Self::Giveback => "giveback",
        }
    }
}

use Cond::{
    Activating, Active, Back, Clear, Degraded, Dwelling, Failed, Free, GivebackAuto, Gone, Held, Interrupted,
    Maintenance, NotAuto, Outvoted, Passing, Planned, Reached, Releasing, Resting, SpareDown, Suspect, Tried, Unknown,
    Unready, Unwitnessed, Up, Victim,
};
use Stand::{Failing, Returned, Serving, StoodIn, Suspect as Suspected, Waiting};

const fn row(
    when: &'static [Cond],
    stand: Stand,
    then: Then,
    why: &'static str,
    needs: &'static str,
    dies: &'static str,
) -> Row {
    Row { when, stand, then, why, needs, dies }
}

const STAYS: &str = "nothing changes: {spare} is taken for it";

/// The rules of a pool.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // A spare is taken for it.
    row(&[Activating, Interrupted], Waiting, Then::Refuse, "run {run} on {spare} was interrupted", "a person resumes, undoes or abandons run {run}", STAYS),
    row(&[Activating], Failing, Then::Rest, "{spare} is taking its place", "run {run} to end", STAYS),
    row(&[Releasing, Interrupted], Waiting, Then::Refuse, "run {run}, which was to free {spare}, was interrupted", "a person resumes, undoes or abandons run {run}", STAYS),
    row(&[Releasing, Up], Returned, Then::Rest, "{spare} stops serving in its place", "run {run} to end", STAYS),
    row(&[Releasing], Waiting, Then::Rest, "{spare} stops serving in its place", "run {run} to end", STAYS),
    row(&[Failed, Up], Returned, Then::Refuse, "{spare} failed in its place: {failure}", "a person takes over again, gives back, releases or clears {spare}", STAYS),
    row(&[Failed], Waiting, Then::Refuse, "{spare} failed in its place: {failure}; never moved on by itself", "a person takes over again, releases or clears {spare}", STAYS),
    row(&[Active, SpareDown, Clear], Waiting, Then::Lose, "{spare} died while standing in", "a person decides", STAYS),
    row(&[Active, SpareDown], Waiting, Then::Refuse, "{spare} is down while standing in", "automation to be free again: {hold}", STAYS),
    row(&[Active, Planned], StoodIn, Then::Rest, "its work was moved to {spare} by {by}", "a giveback by hand", STAYS),
    row(&[Active, Up, GivebackAuto, Maintenance], Returned, Then::Rest, "it is back, and in maintenance: {maintenance}", "the maintenance to end, or a giveback by hand", STAYS),
    row(&[Active, Up, GivebackAuto, Degraded], Returned, Then::Refuse, "it is back, but {seen}", "every check of it passing, or a giveback by hand", STAYS),
    row(&[Active, Up, GivebackAuto, Back, Tried], Returned, Then::Refuse, "it is back; {tried}; nothing more is tried by itself", "a person acknowledges, or gives back by hand", STAYS),
    row(&[Active, Up, GivebackAuto, Back, Held], Returned, Then::Refuse, "it is back; not given back: {hold}", "automation to be free again", STAYS),
    row(&[Active, Up, GivebackAuto, Back, NotAuto], Returned, Then::Giveback, "it is back; the mode of the pool is {mode}", "a giveback by hand", STAYS),
    row(&[Active, Up, GivebackAuto, Back], Returned, Then::Giveback, "it is back for {up_after}", "", STAYS),
    row(&[Active, Up, GivebackAuto], Returned, Then::Rest, "it is back, not yet for {up_after} without a fault", "{back_in} more", STAYS),
    row(&[Active, Up], Returned, Then::Rest, "it is back, and not trusted before somebody says so", "a giveback by hand", STAYS),
    row(&[Active], StoodIn, Then::Rest, "{spare} serves in its place", "the host back", STAYS),
    // None is.
    row(&[Maintenance, Up], Serving, Then::Rest, "in maintenance: {maintenance}", "", "nothing: it is in maintenance"),
    row(&[Maintenance], Waiting, Then::Refuse, "in maintenance: {maintenance}", "the maintenance to end, or a takeover by hand", "nothing: it is in maintenance"),
    row(&[Up], Serving, Then::Rest, "{seen}", "", ""),
    row(&[Unknown], Suspected, Then::Refuse, "nothing is known of it: {seen}", "an answer, or failures of every vital check", ""),
    row(&[Suspect], Suspected, Then::Refuse, "{seen}", "{next}", ""),
    row(&[Unwitnessed], Suspected, Then::Refuse, "down as seen from here, and no witness can be asked{silent}", "one witness that answers and does not reach it", ""),
    row(&[Reached], Suspected, Then::Refuse, "down as seen from here, but {reach} still reaches it", "a majority of the witnesses that does not reach it", ""),
    row(&[Outvoted], Suspected, Then::Refuse, "down as seen from here, but most engines see it", "a majority of the living engines that says down", ""),
    row(&[Gone, Passing], Suspected, Then::Refuse, "it was down and answers again, not yet for long enough to count as up", "{next}", "it counts as down as soon as it fails again"),
    row(&[Gone, Tried], Waiting, Then::Refuse, "{tried}; nothing more is tried by itself", "a person acknowledges, or takes over by hand", "waits: {tried}"),
    row(&[Gone, Free, Held], Waiting, Then::Refuse, "{free} is ready, but {hold}", "automation to be free again, or a takeover by hand", "waits: {hold}"),
    row(&[Gone, Free, Resting], Waiting, Then::Refuse, "{free} is ready, but the pool cools down after its last run", "{rest} more, an acknowledgement, or a takeover by hand", "takes {free} in {rest}, when the pool has cooled down"),
    row(&[Gone, Free, NotAuto], Waiting, Then::Takeover, "{free} is ready; the mode of the pool is {mode}", "a takeover by hand", "waits for a person: {free} is ready"),
    row(&[Gone, Free], Failing, Then::Takeover, "{seen}", "", "takes {free}"),
    row(&[Gone, Victim, Held], Waiting, Then::Refuse, "{from} could be taken from {other}, but {hold}", "automation to be free again, or a release by hand", "waits: {hold}"),
    row(&[Gone, Victim, Resting], Waiting, Then::Refuse, "{from} could be taken from {other}, but the pool cools down after its last run", "{rest} more, an acknowledgement, or a release by hand", "takes {from} from {other} in {rest}, when the pool has cooled down"),
    row(&[Gone, Victim, Dwelling], Waiting, Then::Refuse, "{from} serves in place of {other}, not yet for {dwell}", "{dwell_left} more, or a release by hand", "takes {from} from {other} in {dwell_left}"),
    row(&[Gone, Victim, NotAuto], Waiting, Then::Release, "{from} could be taken from {other}; the mode of the pool is {mode}", "a release by hand, then a takeover", "waits for a person: {from} serves in place of {other}"),
    row(&[Gone, Victim], Failing, Then::Release, "{seen}; {other} is less important and loses {from}", "", "takes {from} from {other}"),
    row(&[Gone, Unready], Waiting, Then::Refuse, "no spare is ready: {unready}", "a spare that is ready, or a takeover by hand", "waits: no spare is ready: {unready}"),
    row(&[], Waiting, Then::Refuse, "no spare is free: {taken}", "a spare that is free", "waits: no spare is free: {taken}"),
];

/// The first row whose conditions hold, and its number. The last row has none, so that there is always one.
pub(super) fn find(facts: &Facts<'_>) -> (usize, &'static Row) {
    const LAST: &Row = &TABLE[TABLE.len() - 1];
    let found = TABLE.iter().enumerate().find(|(_at, row)| row.when.iter().all(|cond| facts.holds(*cond)));
    found.unwrap_or((TABLE.len() - 1, LAST))
}

/// The table as it stands in the documents, in Markdown.
pub fn markdown() -> String {
    let mut text =
        String::from("| # | when | the host is | what is done | why, as it is shown |\n|---|---|---|---|---|\n");
    for (at, row) in TABLE.iter().enumerate() {
        let when: Vec<&str> = row.when.iter().map(|cond| cond.word()).collect();
        let when = if when.is_empty() { "otherwise".to_owned() } else { when.join(", ") };
        let would = if row.when.contains(&NotAuto) { "only says that it would: " } else { "" };
        let (stand, then) = (row.stand.word(), row.then.word());
        let _written = writeln!(text, "| {at} | {when} | {stand} | {would}{then} | {} |", row.why);
    }
    text
}
