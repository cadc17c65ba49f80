//! Strives for the lease and keeps it.
//!
//! A renewal is two questions: the session is renewed, then most members are asked whether the lease hangs on it still. Both
//! must fall into the same term of office of etcd's leader: one that was deposed without noticing would renew a session that
//! means nothing any more. The right counts from before the first question was sent.
//!
//! After a failure the first question is one that changes nothing: an engine whose words reach etcd while no answer reaches the
//! engine would else renew for ever what it may not use.
//!
//! Who takes the lease from one that did not give it back waits for a whole time to live before it acts, by its own clock.
//! The one before counts only renewals after which the lease was still seen to be its own, so that each of them was sent before
//! the lease was gone, and its right ends within a time to live of that: whatever etcd's leaders (before 3.4.31 and 3.5.13 one
//! that was frozen may end sessions too early, or renew them without effect) did to the session.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::gateway::Failure;
use super::message::{Answer, Compare, KeyValue, Operation};
use super::picture::{Holder, Mark};
use super::seal::Writing;
use super::{Common, Owner, let_go};
use crate::clock::Tick;
use crate::standin::lease::hold::{Hold, between_renewals};

/// Where the last session is kept.
const SESSION: &str = "lease/session";
/// At most so long before taking a lease that is nobody's, so that two do not always come together.
const JITTER: Duration = Duration::from_millis(200);

/// Between two times that the others are told what this engine sees: what changes meanwhile is told together. When a switch
/// dies with hundreds of hosts, every engine would else tell every other one of each of them.
const BETWEEN_WORDS: Duration = Duration::from_millis(250);
/// The longest word, bytes: etcd takes 1.5 MiB. Whoever sees more hosts gone than fit, about ten thousand, is taken for one that
/// is cut off from them: it says nothing.
const LONGEST_WORD: usize = 1 << 20;

/// Strives for ever; `session` shows the one that lives.
pub(super) async fn run(common: &Common, session: &watch::Sender<Option<u64>>) -> Infallible {
    settle(common).await;
    loop {
        match begin(common).await {
            Ok(begun) => {
                session.send_replace(Some(begun));
                live(common, begun).await;
                session.send_replace(None);
                common.shared.learn(|known| known.hold = None);
            }
            Err(why) => {
                common.shared.learn(|known| known.trouble = Some(why));
                tokio::time::sleep(soon(common.ttl)).await;
            }
        }
    }
}

/// Before something that failed is tried again.
fn soon(ttl: Duration) -> Duration {
    (ttl / 20).clamp(Duration::from_millis(50), Duration::from_millis(500))
}

/// Ends what an engine of this state folder left behind that was killed: since this one has the folder's lock, that one is
/// gone, and nobody has to wait for the end of its session.
async fn settle(common: &Common) {
    let Ok(Some(last)) = common.tools.shelf.kept(SESSION.to_owned()).await else { return };
    let Ok(last) = last.parse() else { return };
    loop {
        match let_go(common, last).await {
            Ok(_) => break,
            Err(failure) => common.shared.learn(|known| known.trouble = Some(failure.to_string())),
        }
        tokio::time::sleep(soon(common.ttl)).await;
    }
    let _ends_by_itself = common.gateway.revoke(last).await;
}

/// Who can write nothing down does nothing: the lease is for one that can. It is not given back but left to end, as that of one
/// who is cut off: a step may be under way on a host.
fn able(common: &Common) -> Result<(), String> {
    common.tools.shelf.hangs().map_or(Ok(()), Err)
}

/// A new session.
async fn begin(common: &Common) -> Result<u64, String> {
    able(common)?;
    let granted = common.gateway.grant(common.ttl).await.map_err(|failure| failure.to_string())?;
    // Whoever cannot read it waits for the end of the session, no more.
    let _waits = common.tools.shelf.keep(SESSION.to_owned(), granted.session.to_string()).await;
    Ok(granted.session)
}

/// As long as the session lives.
async fn live(common: &Common, session: u64) {
    let granted = common.ttl;
    let mut campaign = Campaign {
        common,
        session,
        granted,
        from: None,
        told: None,
        told_at: None,
        owes: None,
        times: 0,
        made: 0,
        lagged: false,
        doubtful: false,
    };
    let mut mine = common.shared.mine();
    let mut owner = common.owner.subscribe();
    loop {
        let beat = campaign.beat().await;
        let owes = campaign.owes.take();
        let pause = match beat {
            Ok(Next::Ended) => return,
            Ok(Next::Now) => continue,
            Ok(Next::Later) => owes.unwrap_or(Duration::MAX).min(between_renewals(common.ttl)),
            Err(why) => {
                campaign.doubtful = true;
                common.shared.learn(|known| known.trouble = Some(why));
                soon(common.ttl)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // What this engine sees has changed.
            Ok(()) = mine.changed(), if owes.is_none() => {}
            // Somebody took or lost the lease.
            Ok(()) = owner.changed() => {}
        }
    }
}

/// When to go on.
enum Next {
    Now,
    Later,
    /// The session has ended.
    Ended,
}

struct Campaign<'a> {
    common: &'a Common,
    session: u64,
    /// The time to live that etcd gives, which may be longer than the one that is asked for.
    granted: Duration,
    /// The generation that is ours, and from when on it may be used.
    from: Option<(u64, Tick)>,
    /// What the other engines were told last.
    told: Option<String>,
    /// And when.
    told_at: Option<Tick>,
    /// What they are not told yet they are to be told after this time.
    owes: Option<Duration>,
    /// How often the others were told, and at which revision first.
    times: u64,
    made: u64,
    /// Whether the watch lagged behind at the last beat.
    lagged: bool,
    /// Whether the last beat failed.
    doubtful: bool,
}

impl Campaign<'_> {
    /// Renews what there is and takes what is nobody's.
    async fn beat(&mut self) -> Result<Next, String> {
        let Common { shared, gateway, .. } = self.common;
        able(self.common)?;
        if self.doubtful {
            self.ask().await?;
            self.doubtful = false;
        }
        let sent = shared.clock.tick();
        let (ttl, header) = match gateway.renew(self.session).await {
            Ok((Duration::ZERO, _)) | Err(Failure::NotFound(_)) => return Ok(Next::Ended),
            Ok(renewed) => renewed,
            Err(failure) => return Err(failure.to_string()),
        };
        self.granted = ttl.max(self.common.ttl);
        let found = self.ask().await?;
        if found.header.raft_term != header.raft_term {
            return Err("etcd changes its leader: the lease is renewed when it has one".to_owned());
        }
        shared.learn(|known| known.trouble = None);
        self.look_for_lag(&found);
        let owner = found.found(0).map_or_else(Owner::default, Owner::of);
        if owner.generation > 0 && owner.session == self.session {
            let from = self.usable_from(owner.generation);
            let hold = Hold::renewed(owner.generation, from, sent, ttl);
            shared.learn(|known| (known.hold, known.generation) = (Some(hold), owner.generation));
        } else {
            shared.learn(|known| known.hold = None);
        }
        self.tell().await?;
        self.sign_anew().await;
        if owner.generation == 0 { self.take().await } else { Ok(Next::Later) }
    }

    /// Asks most members whose the lease is, and what was written last. Changes nothing.
    async fn ask(&self) -> Result<Answer, String> {
        let Common { gateway, .. } = self.common;
        let asked = [Operation::range(&self.common.key("lease")), Operation::newest(&self.common.all())];
        gateway.txn(&[], &asked, &[]).await.map_err(|failure| failure.to_string())
    }

    /// From when on an ownership may be used. One whose beginning we do not know, because the answer did not come, began
    /// now at the latest.
    fn usable_from(&mut self, generation: u64) -> Tick {
        match self.from {
            Some((known, from)) if known == generation => from,
            _ => {
                let from = self.common.shared.clock.tick() + self.granted;
                self.from = Some((generation, from));
                from
            }
        }
    }

    /// Takes the lease if it is nobody's. What comes of it the next beat says.
    async fn take(&mut self) -> Result<Next, String> {
        let Common { shared, gateway, ttl, .. } = self.common;
        let (lease, holder) = (self.common.key("lease"), self.common.key("holder"));
        let seal = self.common.seal().await?;
        // Who does not know what the others see would decide alone.
        let mut shown = self.common.shown.subscribe();
        let seeing = shown.wait_for(|mark: &Mark| mark.sees());
        if tokio::time::timeout(between_renewals(*ttl), seeing).await.is_err() {
            return Err(
                "what the other engines see cannot be read from etcd: the lease is taken when it can".to_owned()
            );
        }
        tokio::time::sleep(JITTER.min(*ttl / 20).mul_f64(fastrand::f64())).await;
        let me = json!(Holder { engine: shared.who.clone(), since: shared.clock.now() }).to_string();
        let signed = seal.close(Writing::after(&lease, None, self.session), &me);
        let compare = [Compare::created(&lease, 0)];
        let then = [
            Operation::range(&holder),
            Operation::put(&lease, &signed, Some(self.session)),
            Operation::put(&holder, &me, None),
        ];
        let answer = match gateway.txn(&compare, &then, &[]).await {
            Ok(answer) => answer,
            Err(Failure::NotFound(_)) => return Ok(Next::Ended),
            Err(failure) => return Err(failure.to_string()),
        };
        if !answer.succeeded {
            return Ok(Next::Later);
        }
        let given_back = answer.found(0).is_none();
        let wait = if given_back { Duration::ZERO } else { self.granted };
        self.from = Some((answer.header.revision, shared.clock.tick() + wait));
        Ok(Next::Now)
    }

    /// Tells the other engines what this one sees, if they do not know it yet.
    async fn tell(&mut self) -> Result<(), String> {
        let Common { shared, gateway, .. } = self.common;
        let mut seen = serde_json::to_string(&*shared.mine().borrow()).map_err(|error| error.to_string())?;
        if seen.len() > LONGEST_WORD {
            "{}".clone_into(&mut seen);
        }
        if self.told.as_ref() == Some(&seen) {
            return Ok(());
        }
        let now = shared.clock.tick();
        let left = self.told_at.map_or(Duration::ZERO, |at| BETWEEN_WORDS.saturating_sub(now.since(at)));
        if !left.is_zero() {
            self.owes = Some(left);
            return Ok(());
        }
        self.told_at = Some(now);
        let key = self.common.key(&format!("seen/{}", shared.who));
        // Twice, where it was written more often than is known: of a session before, or by a try whose answer did not come.
        for _try in 0..2 {
            let found = KeyValue { version: self.times, create_revision: self.made, ..KeyValue::default() };
            let writing = Writing::after(&key, Some(&found).filter(|found| found.version > 0), self.session);
            let signed = self.common.seal().await?.close(writing, &seen);
            let put = [Operation::put(&key, &signed, Some(self.session))];
            match gateway.txn(&[Compare::written(&key, self.times)], &put, &[Operation::range(&key)]).await {
                Ok(answer) if answer.succeeded => {
                    if self.times == 0 {
                        self.made = answer.header.revision;
                    }
                    self.times += 1;
                    self.told = Some(seen);
                    return Ok(());
                }
                Ok(answer) => {
                    let found = answer.found(0);
                    (self.times, self.made) = found.map_or((0, 0), |found| (found.version, found.create_revision));
                }
                // The next beat finds out that the session has ended.
                Err(Failure::NotFound(_)) => return Ok(()),
                Err(failure) => return Err(failure.to_string()),
            }
        }
        Err("somebody else writes what this engine sees: it is told again".to_owned())
    }

    /// Signs the books that nobody signed, or by a key that is not the first any more, if this engine may.
    async fn sign_anew(&self) {
        if self.common.shared.may_act().is_err() {
            return;
        }
        let stale = self.common.picture().stale();
        for (pool, book) in stale {
            // One that was written meanwhile was signed with it.
            let _next_time = super::write(self.common, &pool, book.text.to_string(), book.version).await;
        }
    }

    /// A watch that is behind twice in a row hangs: its connection may be dead without anybody having said so.
    fn look_for_lag(&mut self, found: &Answer) {
        let (newest, count) =
            found.all(1).map_or((0, 0), |all| (all.kvs.first().map_or(0, |kv| kv.mod_revision), all.count));
        let lags = self.common.shown.borrow().lags(found.header.revision, newest, count);
        if lags && self.lagged {
            self.common.lagging.notify_one();
        }
        self.lagged = lags;
    }
}
