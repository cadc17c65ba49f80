//! What is known of one side of a store: what it held when it was last looked at, and how far that is to be believed. No I/O.

use std::collections::HashMap;
use std::sync::Arc;

use super::due::Deferred;
use crate::clock::Timestamp;
use crate::session::key::Key;
use crate::session::side::{Found, Known, Standing, trouble};
use crate::session::view::{SideState, Verified};

/// What is known of one side.
#[derive(Debug)]
pub(super) struct Half {
    /// Name of the destination; empty: the source.
    pub(super) name: String,
    /// How it stands.
    pub(super) standing: Standing,
    /// As `standing.state`, for the question whether its copies prove anything.
    pub(super) proof: SideState,
    /// What it held when it was last looked at.
    pub(super) found: Arc<Known>,
    /// When that was; `None`: never.
    pub(super) scanned: Option<Timestamp>,
    /// Whether that was after the start, and after it was last out of reach.
    pub(super) fresh: bool,
    /// When it was last tried since the start.
    pub(super) tried: Option<Timestamp>,
    /// Its identity.
    pub(super) marker: Option<String>,
    /// The last verification of each copy.
    pub(super) verified: Arc<HashMap<Key, Verified>>,
    /// Those that are not to be verified again yet.
    pub(super) deferred: Deferred,
}

impl Half {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            standing: Standing::unknown(),
            proof: SideState::Unknown,
            found: Arc::default(),
            scanned: None,
            fresh: false,
            tried: None,
            marker: None,
            verified: Arc::default(),
            deferred: Deferred::default(),
        }
    }

    /// What it holds of a session, as far as it is to be believed: also what was stored, until it is looked at.
    pub(super) fn believed(&self, key: &Key) -> Option<&Found> {
        if self.believable() { self.found.get(key) } else { None }
    }

    /// Whether what is kept of it is to be shown.
    pub(super) fn believable(&self) -> bool {
        self.scanned.is_some() && (self.standing.readable || self.standing.state == SideState::Unknown)
    }

    /// Whether it was looked at since the start and is what it should be: only then what it lacks is missing.
    pub(super) const fn speaks(&self) -> bool {
        self.fresh && self.standing.readable
    }

    /// What its copies prove: nothing, as long as they come from what was stored. Trouble is known at once.
    pub(super) const fn judged(&self) -> &SideState {
        match &self.proof {
            SideState::Ready if !self.fresh => &SideState::Unknown,
            state => state,
        }
    }

    pub(super) fn set_standing(&mut self, standing: Standing) {
        if self.marker.is_none() {
            self.marker.clone_from(&standing.marker);
        }
        self.proof = match &standing.state {
            SideState::Ready if standing.marker.is_none() && !self.name.is_empty() => trouble(
                "no marker",
                format!("{} does not carry hotspare's marker yet", self.name),
                "sync a session: that leaves one",
            ),
            // What lies on a full share lies there all the same.
            SideState::Trouble { word, .. } if word == "full" && standing.readable && standing.marker.is_some() => {
                SideState::Ready
            }
            state => state.clone(),
        };
        self.fresh &= standing.readable;
        self.standing = standing;
    }
}
