//! Queries: what a snapshot does not carry. None of them makes the core wait.

use tokio::sync::oneshot;

use super::Core;
use crate::engine::command::{Answer, Query, Refusal, RefusalKind};
use crate::journal::store::Window;

impl Core {
    pub(super) fn query(&self, query: Query, answer: oneshot::Sender<Result<Answer, Refusal>>) {
        let answered = match query {
            Query::History { host } => {
                let history = self.parts.hosts.history(&host);
                history
                    .map(|history| Answer::History { history })
                    .ok_or_else(|| unknown(format!("there is no host {host}")))
            }
            Query::Pace => Ok(Answer::Pace { pace: self.parts.hosts.pace() }),
            Query::Log { after } => Ok(Answer::Log { lines: self.parts.ring.after(after) }),
            Query::Report { job } => match self.jobs.report(job) {
                Some(Some(report)) => Ok(Answer::Report { report }),
                Some(None) => Err(unknown(format!("job {job} has no report, or not yet"))),
                None => Err(unknown(format!("no job {job} is kept"))),
            },
            Query::Sessions { ask } => {
                let sessions = self.parts.sessions.clone();
                tokio::spawn(async move {
                    let answered = sessions.rows(&ask).await.map(|rows| Answer::Sessions { rows });
                    let _nobody_waits = answer.send(answered);
                });
                return;
            }
            Query::Session { store, key } => {
                let sessions = self.parts.sessions.clone();
                tokio::spawn(async move {
                    let detail = sessions.detail(store.as_deref(), &key).await;
                    let answered = detail.map(|detail| Answer::Session { detail: Box::new(detail) });
                    let _nobody_waits = answer.send(answered);
                });
                return;
            }
            Query::Pool { pool } => {
                let detail = self.parts.pools.detail(&pool).map(|detail| Answer::Pool { detail: Box::new(detail) });
                detail.ok_or_else(|| self.no_pool(&pool))
            }
            Query::Hold { service, generation } => {
                Ok(Answer::Hold { hold: self.parts.services.stands(&service, generation) })
            }
            Query::Services => {
                let services = self.parts.services.clone();
                tokio::spawn(async move {
                    services.look_at_all().await;
                    let _nobody_waits = answer.send(Ok(Answer::Services { services: services.views() }));
                });
                return;
            }
            Query::Kits { dump } => {
                let kits = self.parts.dumps.kits(&dump).map(|kits| Answer::Kits { kits });
                kits.map_err(unknown)
            }
            Query::Logs { ask } => {
                let logs = self.parts.logs.clone();
                tokio::spawn(async move {
                    let read = logs.read(*ask).await.map(|window| Answer::Logs { window: Box::new(window) });
                    let answered =
                        read.map_err(|error| Refusal { hint: Some(error.hint.clone()), ..unknown(error.what) });
                    let _nobody_waits = answer.send(answered);
                });
                return;
            }
            query @ (Query::Configs | Query::ConfigDiff { .. } | Query::ConfigShow { .. }) => {
                return self.config_query(query, answer);
            }
            Query::Journal { since, before, limit } => {
                let (journal, chain) = (self.parts.journal.clone(), self.chain.clone());
                tokio::spawn(async move {
                    let read = journal.read(Window { since, before, limit }).await;
                    let answered = read
                        .map(|entries| Answer::Journal {
                            entries: entries.iter().map(|entry| entry.as_ref().clone()).collect(),
                            chain,
                        })
                        .map_err(|error| Refusal {
                            kind: RefusalKind::Failed,
                            what: error.to_string(),
                            hint: Some("look at the disk of the state folder".into()),
                        });
                    let _nobody_waits = answer.send(answered);
                });
                return;
            }
        };
        let _nobody_waits = answer.send(answered);
    }
}

pub(super) fn unknown(what: String) -> Refusal {
    Refusal { kind: RefusalKind::Usage, what, hint: None }
}
