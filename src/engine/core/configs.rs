//! Config backups: what is asked of them, and what the journal is told of them.

use tokio::sync::oneshot;

use super::Core;
use super::commands::{Done, usage};
use super::queries::unknown;
use crate::configs::News;
use crate::engine::command::{Answer, Query, Refusal, Report};
use crate::engine::guest::Who;
use crate::journal::entry::Weight;
use crate::work::jobs::{JobError, Outcome, Request};
use crate::work::progress::Event;
use crate::work::view::{Priority, Unit};

impl Core {
    pub(super) fn config_now(&mut self, who: &Who, config: Option<String>) -> Result<Done, Refusal> {
        let configs = self.parts.configs.clone();
        if let Some(name) = &config {
            let hint = "`hotspare config list` shows what there is";
            configs.known(name).map_err(|what| usage(what, Some(hint.into())))?;
        } else if self.parts.fleet.configs.is_empty() {
            let hint = "write [configs.NAME] into it, with `hosts` and `files`";
            return Err(usage("the fleet file has no config backup".into(), Some(hint.into())));
        }
        let request = Request {
            kind: "config backup",
            title: config.clone().unwrap_or_else(|| "all".into()),
            unit: Unit::Items,
            priority: Priority::Normal,
            who: who.name.clone(),
        };
        let id = self.jobs.submit(request, |job| async move {
            let progress = |done: usize, total: usize, host: &str| {
                let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
                job.event(Event::Total(count(total)));
                job.event(Event::Reached(count(done)));
                job.note(host);
            };
            let looking = configs.now(config.as_deref(), &progress);
            let Some(looked) = job.token().run_until_cancelled(looking).await else {
                return Err(JobError::Cancelled);
            };
            let changed: usize = looked.iter().map(|one| one.changed).sum();
            let troubled: Vec<String> = looked
                .iter()
                .filter(|one| !one.trouble.is_empty())
                .map(|one| format!("{}: {}", one.host, one.trouble.join(", ")))
                .collect();
            let files = if changed == 1 { "1 file changed".into() } else { format!("{changed} files changed") };
            let hosts = if looked.len() == 1 { "1 host".into() } else { format!("{} hosts", looked.len()) };
            let mut note = format!("{files} on {hosts}");
            if !troubled.is_empty() {
                note = format!("{note}; {}", troubled.join("; "));
            }
            Ok(Outcome { ok: troubled.is_empty(), note, report: Report::Nothing })
        });
        Ok(self.submitted(id, "configuration files are fetched"))
    }

    pub(super) fn config_query(&self, query: Query, answer: oneshot::Sender<Result<Answer, Refusal>>) {
        let configs = self.parts.configs.clone();
        tokio::spawn(async move {
            let names_files = matches!(query, Query::ConfigShow { .. });
            let answered = match query {
                Query::ConfigDiff { ask } => {
                    configs.diff(&ask).await.map(|diff| Answer::ConfigDiff { diff: Box::new(diff) })
                }
                Query::ConfigShow { host, path, at } => {
                    configs.show(&host, &path, at).await.map(|shown| Answer::ConfigShow { shown: Box::new(shown) })
                }
                _ => Ok(Answer::Configs { configs: configs.views().await }),
            };
            let hint = if names_files {
                "`hotspare --json config list` names every file that is kept"
            } else {
                "`hotspare config list` shows what there is"
            };
            let answered = answered.map_err(|what| Refusal { hint: Some(hint.into()), ..unknown(what) });
            let _nobody_waits = answer.send(answered);
        });
    }

    /// Something changed, went wrong, or is well again. Only names of files: what is in them is nobody's business here.
    pub(super) fn config_news(&self, news: &News) {
        let News { config, host, said, trouble } = news;
        let about = serde_json::json!({ "config": config, "host": host, "trouble": *trouble && !said.is_empty() });
        let what = format!("config backup {config} of {host}");
        let (what, why, weight) = match (trouble, said.is_empty()) {
            (false, _) => (format!("{what}: {said}"), String::new(), Weight::Note),
            (true, false) => (format!("{what} is not whole"), said.clone(), Weight::Warning),
            (true, true) => (format!("{what} is whole again"), String::new(), Weight::Good),
        };
        self.note("engine", what, why, about, weight);
    }
}
