use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::clock::Timestamp;
use crate::work::progress::Event;
use crate::work::view::{Priority, Unit};

fn held() -> Clock {
    Clock::held(Timestamp::UNIX_EPOCH)
}

fn request(priority: Priority) -> Request {
    Request { kind: "test", title: "nothing".into(), unit: Unit::Items, priority, who: "a test".into() }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a worker returns")]
fn done() -> Result<Outcome<u32>, JobError> {
    Ok(Outcome { ok: true, note: "well".into(), report: 7 })
}

async fn next(told: &mut mpsc::UnboundedReceiver<JobView>) -> JobView {
    tokio::time::timeout(Duration::from_secs(5), told.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_job_runs_ends_and_leaves_its_report() {
    let clock = held();
    let (jobs, mut told) = Jobs::new(clock.clone(), 41, 2);
    let id = jobs.submit(request(Priority::Normal), |job| async move {
        job.event(Event::Total(3));
        job.event(Event::Advance(3));
        clock.advance(Duration::from_secs(1));
        done()
    });
    assert_eq!(id, JobId(42));
    let ended = next(&mut told).await;
    assert_eq!((ended.state, ended.percent(), ended.note.as_deref()), (JobState::Done, Some(100), Some("well")));
    assert_eq!(ended.ended.unwrap().as_second(), 1);
    assert_eq!(jobs.report(id), Some(Some(7)));
    assert_eq!(jobs.report(JobId(1)), None);
}

#[tokio::test]
async fn everything_done_is_not_yet_the_end() {
    let (jobs, mut told) = Jobs::new(held(), 0, 1);
    let (release, released) = oneshot::channel::<()>();
    jobs.submit(request(Priority::Normal), |job| async move {
        job.event(Event::Total(3));
        job.event(Event::Advance(3));
        let _ = released.await;
        done()
    });
    let mut changed = jobs.changed();
    while jobs.views()[0].done < 3 {
        changed.changed().await.unwrap();
    }
    assert_eq!(jobs.views()[0].percent(), Some(99));
    release.send(()).unwrap();
    assert_eq!(next(&mut told).await.percent(), Some(100));
}

#[tokio::test]
async fn urgent_before_normal_before_background_and_never_more_than_allowed() {
    let (jobs, mut told) = Jobs::new(held(), 0, 1);
    let (release, released) = oneshot::channel::<()>();
    jobs.submit(request(Priority::Normal), |_| async move {
        let _ = released.await;
        done()
    });
    for priority in [Priority::Background, Priority::Normal, Priority::Urgent, Priority::Normal] {
        jobs.submit(request(priority), |_| async { done() });
    }
    let states: Vec<_> = jobs.views().iter().map(|view| view.state).collect();
    assert_eq!(states[1..], [JobState::Queued; 4]);
    release.send(()).unwrap();
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(next(&mut told).await.id.0);
    }
    assert_eq!(order, [1, 4, 3, 5, 2]);
}

#[tokio::test]
async fn what_goes_well_in_the_background_is_waited_for_by_nobody_and_leaves_first() {
    let (jobs, mut told) = Jobs::new(held(), 0, 1);
    let asked = jobs.submit(request(Priority::Normal), |_| async { done() });
    next(&mut told).await;
    let (release, released) = oneshot::channel::<()>();
    jobs.submit(request(Priority::Background), |_| async move {
        let _ = released.await;
        done()
    });
    assert_eq!((jobs.open(), jobs.awaited()), (1, 0));
    release.send(()).unwrap();
    next(&mut told).await;
    for _ in 0..KEPT + 5 {
        jobs.submit(request(Priority::Background), |_| async { done() });
        next(&mut told).await;
    }
    let views = jobs.views();
    assert_eq!(views.len(), KEPT);
    assert!(views.iter().any(|view| view.id == asked), "what a person asked for stays");
}

#[tokio::test]
async fn cancelling_ends_what_runs_and_what_waits() {
    let (jobs, mut told) = Jobs::new(held(), 0, 1);
    let running = jobs.submit(request(Priority::Normal), |job| async move {
        job.token().cancelled().await;
        Err(JobError::Failed("the pipe broke because it was cancelled".into()))
    });
    let waiting = jobs.submit(request(Priority::Normal), |_| async { done() });
    assert!(jobs.cancel(waiting));
    assert_eq!(next(&mut told).await.id, waiting);
    assert!(jobs.cancel(running));
    assert!(jobs.views()[0].state == JobState::Cancelling);
    let ended = next(&mut told).await;
    assert_eq!((ended.id, ended.state, ended.error), (running, JobState::Cancelled, None));
    assert!(!jobs.cancel(running));
    assert_eq!(jobs.open(), 0);
}

#[tokio::test]
async fn a_job_that_panics_is_a_failed_job() {
    let (jobs, mut told) = Jobs::<u32>::new(held(), 0, 1);
    jobs.submit(request(Priority::Normal), |_| async { panic!("arithmetic on a Friday") });
    let ended = next(&mut told).await;
    assert_eq!(ended.state, JobState::Failed);
    assert!(ended.error.unwrap().contains("arithmetic on a Friday"));
    jobs.submit(request(Priority::Normal), |_| async { done() });
    assert_eq!(next(&mut told).await.state, JobState::Done);
}

#[tokio::test]
async fn standing_still_is_shown_as_stalled() {
    let clock = held();
    let (jobs, _told) = Jobs::<u32>::new(clock.clone(), 0, 1);
    jobs.submit(request(Priority::Normal), |job| async move {
        job.token().cancelled().await;
        Err(JobError::Cancelled)
    });
    assert_eq!(jobs.views()[0].state, JobState::Running);
    let before = jobs.views();
    assert!(Arc::ptr_eq(&before[0], &jobs.views()[0]));
    clock.advance(Duration::from_secs(6));
    assert_eq!(jobs.views()[0].state, JobState::Stalled);
}

#[tokio::test]
async fn only_the_last_ended_jobs_are_kept() {
    let (jobs, mut told) = Jobs::new(held(), 0, 1);
    for _ in 0..KEPT + 10 {
        jobs.submit(request(Priority::Normal), |_| async { done() });
    }
    for _ in 0..KEPT + 10 {
        next(&mut told).await;
    }
    let views = jobs.views();
    assert_eq!((views.len(), views[0].id), (KEPT, JobId(11)));
}
