//! Fence: how sure it is that the failed host serves no more. Pure.

use serde::{Deserialize, Serialize};

use super::cast::Purpose;
use crate::fleet::pool::Fence;

/// How sure it is, weakest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Nothing was done, or it failed.
    #[default]
    None,
    /// A command was sent: that is no fence.
    Sent,
    /// A person swore that the machine is off.
    Sworn,
    /// The host's own answer that it released, its power read back, or its silence on the wire.
    Verified,
}

impl Strength {
    /// The word of screens and of the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sent => "sent",
            Self::Sworn => "sworn",
            Self::Verified => "verified",
        }
    }

    /// Whether it holds.
    pub const fn holds(self) -> bool {
        matches!(self, Self::Sworn | Self::Verified)
    }
}

/// Whether an address may be taken with such a fence; otherwise why not, and what to do.
pub fn may_take(policy: Fence, purpose: Purpose, strength: Strength) -> Result<(), String> {
    match (policy, purpose) {
        (Fence::Required, Purpose::Takeover) if !strength.holds() => Err(format!(
            "the fence is {} and the pool requires one that is verified or sworn: make sure that the machine is off, then \
             swear it, or let the fence step do it",
            match strength {
                Strength::Sent => "only sent (a command that was sent is no proof that the machine is off)",
                _ => "missing",
            }
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_verified_or_sworn_is_a_fence() {
        use Strength::{None, Sent, Sworn, Verified};
        for strength in [None, Sent, Sworn, Verified] {
            let may = may_take(Fence::Required, Purpose::Takeover, strength);
            assert_eq!(may.is_ok(), matches!(strength, Sworn | Verified), "{strength:?}");
            for (policy, purpose) in [
                (Fence::BestEffort, Purpose::Takeover),
                (Fence::None, Purpose::Takeover),
                (Fence::Required, Purpose::Giveback),
                (Fence::Required, Purpose::Drill),
            ] {
                assert!(may_take(policy, purpose, strength).is_ok());
            }
        }
        assert!(may_take(Fence::Required, Purpose::Takeover, Sent).is_err_and(|why| why.contains("is no proof")));
        assert!(None < Sent && Sent < Sworn && Sworn < Verified);
    }
}
