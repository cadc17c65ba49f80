//! Jobs that do what a domain was asked for: how a domain's no becomes the end of a job.

use std::future::Future;

use super::Core;
use super::commands::Done;
use crate::engine::command::Report;
use crate::work::jobs::{Handle, JobError, Outcome, Request};
use crate::{dump, service};

/// Why a domain did not do it.
pub(super) enum Not {
    /// Somebody stopped it.
    Stopped,
    /// A safety check said no, and nothing was changed.
    Refused(String),
    /// It was tried and failed.
    Failed(String),
}

impl From<dump::worker::hands::Trouble> for Not {
    fn from(trouble: dump::worker::hands::Trouble) -> Self {
        use dump::worker::hands::Trouble;
        match trouble {
            Trouble::Stopped => Self::Stopped,
            Trouble::Refused(why) => Self::Refused(why),
            Trouble::Medium(why) | Trouble::Server(why) | Trouble::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<service::trouble::Trouble> for Not {
    fn from(trouble: service::trouble::Trouble) -> Self {
        use service::trouble::Trouble;
        match trouble {
            Trouble::Stopped => Self::Stopped,
            Trouble::Refused(why) => Self::Refused(why),
            Trouble::Failed(why) => Self::Failed(why),
        }
    }
}

impl Core {
    /// Begins the job that was requested. Its title is the name of what it is about, which is a `kind`; `said` is what it does
    /// with it.
    pub(super) fn errand<F, E>(
        &mut self,
        request: Request,
        kind: &str,
        said: &str,
        work: impl FnOnce(Handle<Report>) -> F + Send + 'static,
    ) -> Done
    where
        F: Future<Output = Result<Outcome<Report>, E>> + Send + 'static,
        E: Into<Not>,
    {
        let name = request.title.clone();
        let id = self.jobs.submit(request, |job| {
            let working = work(job);
            async move {
                working.await.map_err(Into::into).or_else(|not| match not {
                    Not::Stopped => Err(JobError::Cancelled),
                    Not::Refused(why) => Ok(Outcome { ok: false, note: why.clone(), report: Report::Refused { why } }),
                    Not::Failed(why) => Err(JobError::Failed(why)),
                })
            }
        });
        self.keep_jobs();
        let mut done = Done::new(format!("{said} {name}: job {id}"), serde_json::json!({ kind: name, "job": id }));
        done.job = Some(id);
        done
    }
}
