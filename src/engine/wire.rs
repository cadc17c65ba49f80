//! The socket's language: JSON behind a length, and a hello from both sides before anything else.
//!
//! The hello is what all versions have in common and never changes its shape; everything after it belongs to one
//! protocol number.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

use super::command::{Accepted, Answer, Command, Query, Refusal};
use super::delta::Delta;
use super::snapshot::Snapshot;

/// Grows with each change that an older side would misread.
pub const PROTOCOL: u32 = 1;
/// Largest frame that an engine takes from a guest.
pub const LARGEST_REQUEST: usize = 1 << 20;
/// Largest frame that a guest takes from an engine.
pub const LARGEST_REPLY: usize = 256 << 20;

/// First frame of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Always `hotspare`: tells this socket from others.
    pub magic: String,
    /// [`PROTOCOL`] of this side.
    pub protocol: u32,
    /// Version of this side, for people.
    pub version: String,
    /// Process id of this side.
    pub pid: u32,
    /// Of a guest: its face. Of an engine: empty.
    #[serde(default)]
    pub face: String,
    /// Of a guest: everything that changes anything is to be refused.
    #[serde(default)]
    pub read_only: bool,
    /// Of an engine: why this guest may only look, whatever it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_only: Option<String>,
    /// Of an engine: why this guest is not let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

impl Hello {
    /// Of this program.
    pub fn new(face: &str, read_only: bool) -> Self {
        Self {
            magic: MAGIC.into(),
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            face: face.into(),
            read_only,
            looks_only: None,
            refused: None,
        }
    }

    /// Whether the other side can be spoken to; if not, what a person should know and do. `me` and `them` name both
    /// sides: "this program", "the running engine".
    pub fn check(&self, me: &str, them: &str) -> Result<(), String> {
        if self.magic != MAGIC {
            return Err(format!("{them} does not speak hotspare's language"));
        }
        if self.protocol == PROTOCOL {
            return Ok(());
        }
        let (age, now) = if self.protocol < PROTOCOL {
            (
                "older",
                "`hotspare engine restart --force` ends the engine, with the jobs that run, and starts this version",
            )
        } else {
            ("newer", "use the newer program")
        };
        Err(format!(
            "{them} (version {}, pid {}) is {age} than {me} (version {}): they do not understand each other; {now}",
            self.version,
            self.pid,
            env!("CARGO_PKG_VERSION"),
        ))
    }
}

const MAGIC: &str = "hotspare";

/// From a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToEngine {
    /// To change something.
    Command {
        /// Comes back with the reply.
        id: u64,
        /// What.
        ask: Command,
    },
    /// To see something.
    Query {
        /// Comes back with the reply.
        id: u64,
        /// What.
        ask: Query,
    },
}

/// From an engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToGuest {
    /// The whole picture.
    Full(Arc<Snapshot>),
    /// What changed since the picture before.
    Delta(Box<Delta>),
    /// Reply to a command.
    Accepted {
        /// Of the request.
        id: u64,
        /// How it went.
        reply: Result<Accepted, Refusal>,
    },
    /// Reply to a query.
    Answer {
        /// Of the request.
        id: u64,
        /// What was found.
        reply: Result<Box<Answer>, Refusal>,
    },
    /// The last frame: why the engine closes.
    Bye {
        /// In words for a person.
        why: String,
    },
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The bytes are no such message.
    #[error("a message cannot be understood: {0}")]
    Json(#[from] serde_json::Error),
}

/// Messages `In` come in, messages `Out` go out, each as a big-endian `u32` of its length and that much JSON.
#[derive(Debug)]
pub struct Codec<In, Out> {
    frames: LengthDelimitedCodec,
    kinds: std::marker::PhantomData<fn(In) -> Out>,
}

impl<In, Out> Codec<In, Out> {
    /// Frames that come in are no larger than this.
    pub fn new(largest: usize) -> Self {
        let mut frames = LengthDelimitedCodec::new();
        frames.set_max_frame_length(largest);
        Self { frames, kinds: std::marker::PhantomData }
    }
}

impl<In: DeserializeOwned, Out> Decoder for Codec<In, Out> {
    type Item = In;
    type Error = WireError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<In>, WireError> {
        match self.frames.decode(bytes)? {
            Some(frame) => Ok(Some(serde_json::from_slice(&frame)?)),
            None => Ok(None),
        }
    }
}

impl<In, Out: Serialize> Encoder<&Out> for Codec<In, Out> {
    type Error = WireError;

    fn encode(&mut self, message: &Out, bytes: &mut BytesMut) -> Result<(), WireError> {
        let json = Bytes::from(serde_json::to_vec(message)?);
        let largest = self.frames.max_frame_length();
        self.frames.set_max_frame_length(LARGEST_REPLY);
        let encoded = self.frames.encode(json, bytes);
        self.frames.set_max_frame_length(largest);
        Ok(encoded?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn garbage_is_an_error_or_waits_for_more_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut codec = Codec::<ToEngine, ToGuest>::new(LARGEST_REQUEST);
            let mut buffer = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = codec.decode(&mut buffer) {}
        }
    }

    #[test]
    fn a_huge_length_is_refused_before_anything_is_allocated() {
        let mut codec = Codec::<ToEngine, ToGuest>::new(LARGEST_REQUEST);
        let mut buffer = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, b'{'][..]);
        assert!(matches!(codec.decode(&mut buffer), Err(WireError::Io(_))));
        assert!(buffer.capacity() < 1 << 20);
    }

    #[test]
    fn another_protocol_says_which_side_is_older_and_what_to_do() {
        let older = Hello { protocol: 0, version: "0.0.1".into(), ..Hello::new("", false) };
        let said = older.check("this program", "the running engine").unwrap_err();
        assert!(said.contains("the running engine (version 0.0.1") && said.contains("older"), "{said}");
        assert!(said.contains("`hotspare engine restart --force`"), "{said}");
        let newer = Hello { protocol: PROTOCOL + 1, ..Hello::new("", false) };
        assert!(newer.check("this program", "the running engine").unwrap_err().contains("newer"));
        assert!(Hello::new("console", false).check("me", "you").is_ok());
        let other = Hello { magic: "redis".into(), ..Hello::new("", false) };
        assert!(other.check("me", "you").is_err());
    }
}
