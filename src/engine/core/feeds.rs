//! Commands on feeds, each of them a job; and what is said of feeds without being asked.

use std::collections::BTreeMap;
use std::future::Future;

use super::Core;
use super::commands::{Done, usage};
use crate::engine::command::{Refusal, RefusalKind, Report};
use crate::engine::feeds;
use crate::engine::guest::Who;
use crate::feed::compare::Progress;
use crate::feed::view::{FeedState, FeedView};
use crate::fleet::settings::Event;
use crate::journal::entry::Weight;
use crate::work::jobs::{Handle, JobError, Outcome, Request};
use crate::work::progress::Event as Step;
use crate::work::view::{Priority, Unit};

/// What was last said of each feed.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<String, Word>);

impl Said {
    /// Forgets feeds that are declared no more.
    pub(super) fn retain(&mut self, declared: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| declared(name));
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Word {
    /// What is wrong with it, if anything is.
    trouble: Option<(FeedState, String)>,
    late: bool,
    warnings: Vec<String>,
}

impl Core {
    pub(super) fn feed_run(&mut self, who: &Who, feed: String) -> Result<Done, Refusal> {
        let feeds = self.parts.feeds.clone();
        let name = self.feed_named(&feed)?;
        Ok(self.feed_job(who, "carry", &name, "carrying what waits of", move |_job| async move {
            let ran = feeds.run(&feed).await.map_err(JobError::Failed)?;
            let error = ran.tables.iter().find_map(|table| table.error.clone());
            let rows: u64 = ran.tables.iter().map(|table| table.rows).sum();
            let note = error.clone().unwrap_or_else(|| format!("{rows} rows carried"));
            Ok(Outcome { ok: error.is_none(), note, report: Report::Fed { fed: ran } })
        }))
    }

    pub(super) fn feed_check(&mut self, who: &Who, feed: String, repair: bool) -> Result<Done, Refusal> {
        let feeds = self.parts.feeds.clone();
        let name = self.feed_named(&feed)?;
        let (kind, said) = if repair { ("repair", "comparing and repairing") } else { ("compare", "comparing") };
        Ok(self.feed_job(who, kind, &name, said, move |job| async move {
            let mut progress = |far: Progress| job.event(Step::Reached(far.rows));
            let compared = feeds.check(&feed, repair, &mut progress).await.map_err(JobError::Failed)?;
            Ok(Outcome { ok: compared.ok, note: compared.said(), report: Report::Compared { compared } })
        }))
    }

    pub(super) fn feed_prepare(&mut self, who: &Who, feed: String, dry_run: bool) -> Result<Done, Refusal> {
        let feeds = self.parts.feeds.clone();
        let name = self.feed_named(&feed)?;
        let (kind, said) = if dry_run {
            ("prepare dry run", "looking at the target of")
        } else {
            ("prepare", "preparing the target of")
        };
        Ok(self.feed_job(who, kind, &name, said, move |_job| async move {
            let prepared = feeds.prepare(&feed, dry_run).await.map_err(JobError::Failed)?;
            let statements: usize = prepared.tables.iter().map(|table| table.statements.len()).sum();
            let error = prepared.tables.iter().find_map(|table| table.error.clone());
            let note = error.unwrap_or_else(|| match (statements, dry_run) {
                (0, _) => "the target is ready".into(),
                (_, true) => format!("{statements} statements would make the target ready"),
                (_, false) => format!("the target is ready: {statements} statements"),
            });
            Ok(Outcome { ok: prepared.ok, note, report: Report::Prepared { prepared } })
        }))
    }

    pub(super) fn feed_reset(&mut self, who: &Who, feed: String, phrase: &str) -> Result<Done, Refusal> {
        let name = self.feed_named(&feed)?;
        if phrase != name {
            return Err(Refusal {
                kind: RefusalKind::Safety,
                what: format!("nothing was forgotten: {name} was not typed"),
                hint: Some(format!(
                    "type {name}: everything is then carried again, which doubles nothing but takes a while"
                )),
            });
        }
        let feeds = self.parts.feeds.clone();
        Ok(self.feed_job(who, "reset", &name, "forgetting how far was carried of", move |_job| async move {
            feeds.reset(&feed).await.map_err(JobError::Failed)?;
            let note = "everything is carried again from its beginning".into();
            Ok(Outcome { ok: true, note, report: Report::Nothing })
        }))
    }

    fn feed_named(&self, feed: &str) -> Result<String, Refusal> {
        self.parts
            .feeds
            .known(feed)
            .map_err(|what| usage(what, Some("`hotspare feed list` shows what there is".into())))
    }

    fn feed_job<F>(
        &mut self,
        who: &Who,
        kind: &'static str,
        feed: &str,
        said: &str,
        work: impl FnOnce(Handle<Report>) -> F + Send + 'static,
    ) -> Done
    where
        F: Future<Output = Result<Outcome<Report>, JobError>> + Send,
    {
        let request = Request {
            kind,
            title: feed.to_owned(),
            unit: Unit::Items,
            priority: Priority::Normal,
            who: who.name.clone(),
        };
        let id = self.jobs.submit(request, move |job| async move {
            let stop = job.token().clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(JobError::Cancelled),
                ended = work(job) => ended,
            }
        });
        self.keep_jobs();
        let mut done = Done::new(format!("{said} {feed}: job {id}"), serde_json::json!({ "feed": feed, "job": id }));
        done.job = Some(id);
        done
    }

    /// Whether this engine carries, and who serves in the pools, as it is now.
    pub(super) fn guide_feeds(&self) {
        self.parts.feeds.may(feeds::elsewhere(&self.parts.lease));
        self.parts.feeds.cast(feeds::casting(&self.parts.pools.views()));
    }

    /// Keeps what is known of marks for the next engine.
    pub(super) fn keep_feeds(&self) {
        if let Some(known) = self.parts.feeds.news() {
            self.keep(feeds::KNOWN, known);
        }
    }

    /// Says what has changed for the worse or for the better.
    pub(super) fn feeds_seen(&mut self) {
        for view in self.parts.feeds.views() {
            // Where another engine carries it, this one knows nothing of it.
            if matches!(view.state, FeedState::Starting | FeedState::Elsewhere) {
                continue;
            }
            let now = word(&view);
            let before = self.feeds_said.0.get(&view.name).cloned().unwrap_or_default();
            if now == before {
                continue;
            }
            self.feed_said(&view, &before, &now);
            self.feeds_said.0.insert(view.name.clone(), now);
        }
    }

    fn feed_said(&self, view: &FeedView, before: &Word, now: &Word) {
        let name = &view.name;
        let about = |state: &str| serde_json::json!({ "feed": name, "state": state, "rows_behind": view.rows_behind });
        let state = |word: &Word| word.trouble.as_ref().map(|(state, _)| *state);
        match (&before.trouble, &now.trouble) {
            (_, Some((state_now, why))) if state(before) != state(now) => {
                let what = format!("feed {name}: {}", state_now.word());
                self.note("engine", what, why.clone(), about(state_now.word()), Weight::Warning);
            }
            (Some((was, _)), None) => {
                let what = format!("feed {name} is carried again after it was {}", was.word());
                self.note("engine", what, String::new(), about(view.state.word()), Weight::Good);
            }
            _ => {}
        }
        for warning in now.warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
            self.note(
                "engine",
                format!("feed {name}: {warning}"),
                String::new(),
                about(view.state.word()),
                Weight::Warning,
            );
        }
        match (before.late, now.late) {
            (false, true) => {
                let what = format!(
                    "feed {name} is {} rows behind, the oldest for {:.0} s",
                    view.rows_behind, view.seconds_behind
                );
                let why = view.why.clone().unwrap_or_else(|| format!("more than max_lag, {:.0} s", view.max_lag));
                self.note("engine", what.clone(), why.clone(), about("late"), Weight::Alarm);
                self.notice(Event::Lag, name, what, why);
            }
            (true, false) => {
                self.note("engine", format!("feed {name} has caught up"), String::new(), about("live"), Weight::Good);
            }
            _ => {}
        }
    }
}

fn word(view: &FeedView) -> Word {
    let wrong = view.state.wrong().then(|| (view.state, view.why.clone().unwrap_or_default()));
    Word { trouble: wrong, late: view.late, warnings: view.warnings.clone() }
}
