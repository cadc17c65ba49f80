//! One table of one machine, as far as its lag goes.

use std::time::Duration;

use crate::clock::{Tick, Timestamp};
use crate::feed::lag::{Rates, Waits};
use crate::feed::mark::{Mark, Role};
use crate::feed::retention::{Front, Retention};
use crate::feed::source::Look;
use crate::feed::value::Value;
use crate::feed::view::{FeedState, GroupView, Part, StrandView};

/// Warnings that are kept.
const WARNINGS: usize = 3;

#[derive(Debug, Default)]
/// What is known of one table of one machine.
pub(super) struct Strand {
    pub(super) waits: Waits,
    pub(super) rates: Rates,
    pub(super) waiting: u64,
    pub(super) counted: bool,
    /// Rows that the looks found to have come in, and those that were carried.
    pub(super) carried: u64,
    pub(super) passed_over: bool,
    pub(super) newest: Option<String>,
    pub(super) groups: Vec<GroupView>,
    pub(super) warnings: Vec<String>,
    /// What the source deletes, and what it will delete before long.
    pub(super) retention: Retention,
    pub(super) soon: Option<String>,
    pub(super) looked: Option<Timestamp>,
}

impl Strand {
    /// Takes note of a look. `age` tells how long ago a time was, as it is written there.
    pub(super) fn looked(
        &mut self,
        now: Tick,
        mark: Option<&Mark>,
        look: &Look,
        age: impl Fn(&Value) -> Option<Duration>,
    ) {
        let came_in = look.waiting.saturating_sub(self.waiting);
        if self.looked.is_some() {
            self.rates.add(now, came_in, 0);
        }
        (self.waiting, self.counted) = (look.waiting, look.counted);
        match &look.span {
            Some((_, last)) if look.waiting > 0 => {
                let waits = look.times.as_ref().and_then(|times| times.waiting.as_ref());
                self.waits.looked(now, last, waits.and_then(&age));
            }
            _ => self.waits.empty(),
        }
        self.passed_over = mark.is_some_and(|mark| mark.role == Role::PassedOver);
        self.watch_front(mark, look, &age);
        let newest = look.times.as_ref().and_then(|times| shown(&times.last));
        self.newest = newest.or_else(|| self.newest.take());
        self.groups = look
            .groups
            .iter()
            .map(|(name, group)| GroupView {
                name: name.clone(),
                rows_behind: group.waiting,
                newest: group.newest.as_ref().and_then(shown),
                age: group.newest.as_ref().and_then(&age).map(|age| age.as_secs_f64().round()),
            })
            .collect();
        self.looked = Some(look.at);
    }

    /// Rows are at the target; `left` wait still.
    pub(super) fn written(&mut self, now: Tick, mark: &Mark, rows: u64, left: u64) {
        self.carried += rows;
        self.rates.add(now, 0, rows);
        self.waiting = left;
        self.passed_over = mark.role == Role::PassedOver;
        match &mark.at {
            _ if left == 0 => self.waits.empty(),
            Some(at) => self.waits.carried(at),
            None => {}
        }
    }

    pub(super) fn warn(&mut self, warning: String) {
        if self.warnings.last() != Some(&warning) {
            self.warnings.retain(|other| *other != warning);
            self.warnings.push(warning);
        }
        let more = self.warnings.len().saturating_sub(WARNINGS);
        self.warnings.drain(..more);
    }

    /// Takes note of what the source deletes. What is passed over may go.
    pub(super) fn watch_front(&mut self, mark: Option<&Mark>, look: &Look, age: impl Fn(&Value) -> Option<Duration>) {
        if self.passed_over {
            return;
        }
        let written = |value: &Value| age(value).and_then(|age| look.at.checked_sub(age).ok());
        let (lost, soon) = self.retention.looked(Front {
            first: look.span.as_ref().map(|(first, _)| first),
            time: look.times.as_ref().and_then(|times| written(&times.first)),
            mark: mark.and_then(|mark| mark.at.as_ref()),
            waiting: look.waiting,
            oldest: look.times.as_ref().and_then(|times| times.waiting.as_ref()).and_then(written),
            now: look.at,
        });
        self.soon = soon.map(|soon| soon.to_string());
        if let Some(lost) = lost {
            self.warn(lost.to_string());
        }
    }

    pub(super) fn view(
        &self,
        source: &str,
        table: &str,
        part: Part,
        trouble: Option<&(FeedState, String)>,
        now: Tick,
        backlog: Duration,
    ) -> StrandView {
        let waited = if self.passed_over { Duration::ZERO } else { self.waits.longest(now) };
        let (state, why) = match trouble {
            Some((state, why)) => (*state, Some(why.clone())),
            None if self.looked.is_none() => (FeedState::Starting, None),
            None if waited > backlog => (FeedState::CatchingUp, None),
            None => (FeedState::Live, None),
        };
        StrandView {
            table: table.to_owned(),
            source: (!source.is_empty()).then(|| source.to_owned()),
            part,
            state,
            why,
            rows_behind: if self.passed_over { 0 } else { self.waiting },
            counted: self.counted || self.waiting == 0,
            seconds_behind: tenth(waited.as_secs_f64()),
            rate: tenth(self.rates.rates().1),
            carried: self.carried,
            newest: self.newest.clone(),
            looked: self.looked,
            lag_by: None,
            groups: self.groups.clone(),
        }
    }
}

/// As people read it.
pub(super) fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(crate::reach::plain::line(&String::from_utf8_lossy(text), 60)),
        Value::Null | Value::Blob(_) => None,
    }
}

/// To one digit: what changes less is not worth another picture.
pub(super) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
