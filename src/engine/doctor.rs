//! The doctor: tries everything that the fleet file needs, reads only, and says what to do about what it finds.
//!
//! An examination is one question with one or more findings; they run beside each other, and the findings come in the order
//! of the fleet file.

mod data;
mod far;
mod hosts;
mod local;
mod objects;
mod reads;
mod services;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::command::{Finding, Grade};
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::health::probe::Prober;
use crate::reach::plain;

/// Examinations at once.
const TOGETHER: usize = 8;
/// Longest examination. Each has limits of its own; this one ends what they forgot.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an examination needs.
#[derive(Clone)]
struct Bag {
    fleet: Arc<Fleet>,
    prober: Prober,
    clock: Clock,
}

/// One question, and what is examined while it runs.
struct Examination {
    subject: String,
    asking: Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>,
}

impl Examination {
    fn new(subject: impl Into<String>, asking: impl Future<Output = Vec<Finding>> + Send + 'static) -> Self {
        Self { subject: subject.into(), asking: Box::pin(asking) }
    }
}

/// Tries everything that the fleet file needs. `progress` hears how many of how many examinations are done, and the subject
/// of the last; after a cancel the findings so far are returned.
pub async fn doctor(
    fleet: Arc<Fleet>,
    prober: Prober,
    clock: Clock,
    progress: &(dyn Fn(u64, u64, &str) + Send + Sync),
    cancel: &CancellationToken,
) -> Vec<Finding> {
    let bag = Bag { fleet, prober, clock };
    let mut examinations = local::examinations(&bag);
    examinations.extend(hosts::examinations(&bag));
    examinations.extend(data::examinations(&bag));
    examinations.extend(far::examinations(&bag));
    examinations.extend(objects::examinations(&bag));
    examinations.extend(services::examinations(&bag));
    examinations.extend(reads::examinations(&bag));
    let total = u64::try_from(examinations.len()).unwrap_or(u64::MAX);
    progress(0, total, "");
    let mut running = stream::iter(examinations.into_iter().enumerate())
        .map(|(place, examination)| async move {
            let Examination { subject, asking } = examination;
            let findings = tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_late| {
                vec![bad(&subject, format!("no answer in {}", plain::time(PATIENCE)), "try it by hand")]
            });
            (place, subject, findings)
        })
        .buffer_unordered(TOGETHER);
    let mut ended = Vec::new();
    let mut done = 0;
    loop {
        tokio::select! {
            next = running.next() => {
                let Some((place, subject, findings)) = next else { break };
                done += 1;
                progress(done, total, &subject);
                ended.push((place, findings));
            }
            () = cancel.cancelled() => break,
        }
    }
    ended.sort_by_key(|(place, _findings)| *place);
    let mut findings: Vec<Finding> = ended.into_iter().flat_map(|(_place, findings)| findings).collect();
    drop(running);
    findings.extend(hosts::twins(&bag));
    findings
}

fn good(subject: &str, found: impl Into<String>) -> Finding {
    Finding { subject: subject.to_owned(), grade: Grade::Good, found: found.into(), remedy: String::new() }
}

fn risk(subject: &str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { subject: subject.to_owned(), grade: Grade::Risk, found: found.into(), remedy: remedy.into() }
}

fn bad(subject: &str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { subject: subject.to_owned(), grade: Grade::Bad, found: found.into(), remedy: remedy.into() }
}

fn gibibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "one decimal place is shown")]
    let bytes = bytes as f64;
    bytes / 1_073_741_824.0
}
