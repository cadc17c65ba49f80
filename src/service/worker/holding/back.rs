//! Holds that stand: kept as long as somebody wants them, given back, and read back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Hold;
use crate::service::hold::{BEAT, Line, Word};
use crate::service::trouble::Trouble;
use crate::service::view::{HoldState, Left, LockView, Released};
use crate::service::worker::{Ending, News, Services, lock};

/// A face that has a hold asks for it every few seconds. One that was not heard of for so long is gone.
const FACE: Duration = Duration::from_secs(20);
/// A release is waited for so long: a command that does not end is waited for besides.
const RELEASE_WITHIN: Duration = Duration::from_secs(60);

impl Services {
    /// Gives a hold back and reads back that it is; `generation`: only this one, on behalf of its face, whose command is ended
    /// where it is still there.
    pub async fn release(&self, service: &str, generation: Option<u64>) -> Result<Released, Trouble> {
        let wanted = |hold: &&Arc<Hold>| generation.is_none_or(|wanted| hold.view().generation == wanted);
        // Heard of from the moment it is found: what leaves the table afterwards tells its end.
        let found =
            lock(&self.0.holds).get(service).filter(wanted).map(|hold| (Arc::clone(hold), hold.ended.subscribe()));
        let Some((hold, mut ended)) = found else {
            let which = if generation.is_some() { "this hold of" } else { "no hold of" };
            let over = if generation.is_some() { " is over already" } else { " stands here" };
            return Err(Trouble::Refused(format!("{which} {service}{over}")));
        };
        hold.work_is_over.store(generation.is_some(), Ordering::Release);
        hold.release.cancel();
        let released = tokio::time::timeout(RELEASE_WITHIN, ended.wait_for(Option::is_some)).await;
        let released = released.ok().and_then(Result::ok).and_then(|released| released.clone());
        released.ok_or_else(|| {
            Trouble::Failed(format!(
                "the release of {service} does not come to an end; {} lets go by itself within 30 s",
                hold.service.host
            ))
        })
    }

    /// Keeps the locks as long as they are wanted.
    pub(super) async fn keep(&self, hold: &Arc<Hold>, mut line: Line) {
        let mut beat = tokio::time::interval(BEAT);
        let how = loop {
            let left = FACE.saturating_sub(self.0.clock.tick().since(*lock(&hold.heard)));
            if left.is_zero() {
                break Ending::FaceGone;
            }
            tokio::select! {
                biased;
                () = hold.release.cancelled() => break Ending::Released,
                () = self.0.stop.cancelled() => break Ending::EngineStops,
                word = line.word() => break match word {
                    Word::Over => Ending::TimeOver,
                    Word::Silent | Word::Gone => Ending::Lost,
                },
                () = tokio::time::sleep(left) => {}
                _ = beat.tick() => line.beat().await,
            }
        };
        hold.becomes(HoldState::Releasing);
        self.changed();
        let nobody = match how {
            Ending::FaceGone => true,
            Ending::Released => hold.work_is_over.load(Ordering::Acquire),
            _ => false,
        };
        let left = if nobody {
            line.release_after_work().await
        } else {
            line.release().await;
            Left::Nothing
        };
        let released = self.read_back(hold, left).await;
        self.leave(hold, how, released.free, left);
        hold.ended.send_replace(Some(released));
    }

    /// What a look from outside says of locks that were given back.
    pub(super) async fn read_back(&self, hold: &Hold, left: Left) -> Released {
        let seen = self.look_at(&hold.service).await.ok();
        let ours = |lock: &LockView| {
            let mark = lock.holder().and_then(|holder| holder.mark.as_ref());
            mark.is_some_and(|mark| mark.token == hold.token)
        };
        Released {
            service: hold.service.name.clone(),
            host: hold.service.host.clone(),
            free: seen.as_ref().map(|seen| !seen.modules.iter().any(|module| ours(&module.lock))),
            holders: seen.map(|seen| seen.holders()).unwrap_or_default(),
            ended: Vec::new(),
            left,
        }
    }

    /// It is over.
    pub(super) fn leave(&self, hold: &Arc<Hold>, how: Ending, free: Option<bool>, left: Left) {
        lock(&self.0.holds).retain(|_, other| !Arc::ptr_eq(other, hold));
        let (service, host) = (hold.service.name.clone(), hold.service.host.clone());
        let news = News { service, host, hold: hold.view(), how, free, left };
        let _engine_ends = self.0.news.send(news);
        self.changed();
    }
}
