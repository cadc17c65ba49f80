//! What a person says of a pool: durable in its book before it is answered.

use super::super::view::Pause;
use super::Pools;
use super::keep::Undone;
use crate::clock::Timestamp;

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// No automatic decisions until then.
    Pause {
        /// Why.
        why: String,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Automatic decisions again.
    Unpause,
    /// This machine is off.
    Swear {
        /// Host.
        host: String,
    },
    /// What happened was seen: the cool-down ends, the brake is re-armed, every host may be tried for once more.
    Acknowledge,
    /// A spare that failed was looked at and is clean.
    Clear {
        /// Spare.
        spare: String,
    },
}

impl Pools {
    /// Takes in what a person says; returns it in words when it is durable.
    pub async fn say(&self, pool: &str, word: &Word, who: &str) -> Result<String, Undone> {
        let desk = self.desk(pool).ok_or_else(|| Undone::Refused(format!("there is no pool {pool}")))?;
        let now = self.now();
        let member = |name: &str, of: &[String], what: &str| {
            if of.iter().any(|known| known == name) {
                return Ok(());
            }
            Err(Undone::Refused(format!("{name} is no {what} of {pool}; it has: {}", of.join(", "))))
        };
        match word {
            Word::Swear { host } => member(host, &desk.pool().protects, "protected host")?,
            Word::Clear { spare } => member(spare, &desk.pool().spares, "spare")?,
            _ => {}
        }
        let mut cleared = None;
        let said = self.change(&desk, |book| match word {
            Word::Pause { why, until } => {
                let pause = Pause { owner: who.to_owned(), why: why.clone(), since: now, until: Some(*until) };
                book.pause(pause);
                Ok(format!("nothing is decided by itself in {pool} until {until:.0}"))
            }
            Word::Unpause => match book.unpause() {
                Some(pause) => {
                    Ok(format!("{pool} decides by itself again; it was paused by {} ({})", pause.owner, pause.why))
                }
                None => Err(format!("{pool} is not paused")),
            },
            Word::Swear { host } => {
                book.swear(host, who, now);
                Ok(format!("{host} is sworn to be off by {who}, for its present outage"))
            }
            Word::Acknowledge => {
                book.acknowledge();
                let armed = book.brake.is_some() && book.rearm(now).is_ok();
                let brake = if armed { "; its brake is armed again" } else { "" };
                Ok(format!("what happened in {pool} was seen: it may decide by itself again{brake}"))
            }
            Word::Clear { spare } => {
                cleared = Some((spare.clone(), book.clear(spare).map_err(|error| error.to_string())?.generation));
                Ok(format!("{spare} was looked at by {who} and is free again"))
            }
        });
        let said = said.await?;
        let Some((spare, generation)) = cleared else { return Ok(said) };
        let untold = self.show_generation(&desk, &[spare], generation).await;
        if untold.is_empty() {
            return Ok(said);
        }
        Ok(format!(
            "{said}; what the failed run may still have on its way there is not refused yet: {}; it will be by the next run",
            untold.join("; ")
        ))
    }
}
