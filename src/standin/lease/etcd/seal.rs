//! Signs what engines keep in etcd, and tells what none of this fleet's engines wrote. Pure.
//!
//! A signature (HMAC-SHA256) is over the key, the text, the session that the key hangs on, and the counts by which etcd tells
//! one writing of a key from another: at which revision it was made, and how often it was written since. So what was signed
//! once is of no use under another key, for another engine's session, or at a later time: etcd counts on, and what is put
//! back does not fit. One thing is not covered, because nobody knows the revision of a key before it is made: the very first
//! text of a key that was deleted; an engine that runs notices that (`Picture`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::message::KeyValue;
use crate::fleet::secret::Secret;

/// Begins what is signed; no JSON does.
const MARK: &str = "hotspare-1 ";
/// Of what else a key may be a key to.
const PURPOSE: &str = "hotspare: a value in etcd";
/// Shortest signing key, bytes: 128 bits in hexadecimal.
const SHORTEST: usize = 32;

/// One writing of a key, as etcd counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writing<'a> {
    pub(super) key: &'a str,
    /// 0: none.
    pub(super) session: u64,
    /// The revision at which the key was made; 0 at its first writing, where nobody knows it yet.
    pub(super) created: u64,
    /// 1 at its first writing.
    pub(super) count: u64,
}

impl<'a> Writing<'a> {
    /// As it is found.
    fn of(kv: &'a KeyValue) -> Self {
        let created = if kv.version == 1 { 0 } else { kv.create_revision };
        Self { key: &kv.key, session: kv.session, created, count: kv.version }
    }

    /// The one after what was found; `None`: nothing was.
    pub(super) fn after(key: &'a str, found: Option<&KeyValue>, session: u64) -> Self {
        let (created, count) = found.map_or((0, 0), |kv| (kv.create_revision, kv.version));
        Self { key, session, created, count: count + 1 }
    }
}

/// The keys that this fleet signs with.
#[derive(Clone)]
struct Keys {
    first: hmac::Key,
    /// That are, or were, first elsewhere.
    others: Vec<hmac::Key>,
}

/// What is asked of a value in etcd.
#[derive(Clone, Default)]
pub(super) struct Seal {
    /// That the keys were read from.
    secret: Option<Secret>,
    keys: Option<Keys>,
    accept_unsigned: bool,
}

/// The same is asked.
impl PartialEq for Seal {
    fn eq(&self, other: &Self) -> bool {
        (&self.secret, self.accept_unsigned) == (&other.secret, other.accept_unsigned)
    }
}

/// A value that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened<'a> {
    pub(super) text: &'a str,
    /// It is to be signed anew: nobody signed it, or by a key that is not the first any more.
    pub(super) stale: bool,
}

/// A value that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    #[error("is not signed")]
    Unsigned,
    #[error("is signed by nobody who has the signing key, or was signed for another place or time")]
    Wrong,
}

impl Seal {
    /// With these keys, in one text with spaces between them: the first one signs, any of them is believed.
    pub(super) fn new(secret: Option<&Secret>, accept_unsigned: bool) -> Result<Self, String> {
        let Some(secret) = secret else { return Ok(Self::default()) };
        let mut keys = Vec::new();
        for word in secret.expose().split_whitespace() {
            if word.len() < SHORTEST {
                return Err(format!("a signing key has {} characters, and {SHORTEST} are the least", word.len()));
            }
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, word.as_bytes()));
        }
        if keys.is_empty() {
            return Err("the signing key is empty".to_owned());
        }
        let first = keys.remove(0);
        Ok(Self { secret: Some(secret.clone()), keys: Some(Keys { first, others: keys }), accept_unsigned })
    }

    /// Whether anything is signed at all.
    pub(super) const fn signs(&self) -> bool {
        self.keys.is_some()
    }

    /// What is to be written.
    pub(super) fn close(&self, writing: Writing<'_>, text: &str) -> String {
        let Some(keys) = &self.keys else { return text.to_owned() };
        let tag = hmac::sign(&keys.first, &signed(writing, text));
        format!("{MARK}{} {text}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// What was written, if one of this fleet's engines wrote it there and then.
    pub(super) fn open<'a>(&self, kv: &'a KeyValue) -> Result<Opened<'a>, Foreign> {
        let parts = kv.value.strip_prefix(MARK).and_then(|rest| rest.split_once(' '));
        let (Some(keys), Some((tag, text))) = (&self.keys, parts) else {
            return match (&self.keys, parts) {
                // No key was declared: what others sign is read all the same, so that a key may come to one engine first.
                (None, parts) => Ok(Opened { text: parts.map_or(&*kv.value, |(_tag, text)| text), stale: false }),
                (Some(_), _) if self.accept_unsigned && !kv.value.starts_with(MARK) => {
                    Ok(Opened { text: &kv.value, stale: true })
                }
                (Some(_), _) => Err(Foreign::Unsigned),
            };
        };
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_no_base64| Foreign::Wrong)?;
        let signed = signed(Writing::of(kv), text);
        let by = |key: &hmac::Key| hmac::verify(key, &signed, &tag).is_ok();
        if by(&keys.first) {
            return Ok(Opened { text, stale: false });
        }
        if keys.others.iter().any(by) { Ok(Opened { text, stale: true }) } else { Err(Foreign::Wrong) }
    }
}

/// What the signature is over. Each part with its length before it, so that no two writings give the same bytes.
fn signed(writing: Writing<'_>, text: &str) -> Vec<u8> {
    let Writing { key, session, created, count } = writing;
    let numbers = [session, created, count].map(u64::to_le_bytes).concat();
    let mut bytes = Vec::with_capacity(text.len() + key.len() + 96);
    for part in [PURPOSE.as_bytes(), key.as_bytes(), &numbers, text.as_bytes()] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn seal(keys: &str, accept_unsigned: bool) -> Seal {
        Seal::new(Some(&Secret::new(keys)), accept_unsigned).unwrap()
    }

    /// As etcd would show what `seal` wrote.
    fn kv(seal: &Seal, key: &str, text: &str, session: u64, created: u64, count: u64) -> KeyValue {
        let before = KeyValue { create_revision: created, version: count - 1, ..KeyValue::default() };
        let writing = Writing::after(key, Some(&before).filter(|_| count > 1), session);
        KeyValue {
            key: key.into(),
            value: seal.close(writing, text),
            create_revision: created,
            mod_revision: created + count,
            version: count,
            session,
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_nothing_else(
            key in "[a-z/]{1,12}", text in ".{0,60}", session in 0u64..3, created in 1u64..9, count in 1u64..5,
            other_key in "[a-z/]{1,12}", other_text in ".{0,60}", other_session in 0u64..3, other_created in 1u64..9,
            other_count in 1u64..5,
        ) {
            let seal = seal(OLD, false);
            let good = kv(&seal, &key, &text, session, created, count);
            prop_assert_eq!(seal.open(&good), Ok(Opened { text: &text, stale: false }));
            let wrong = |kv: KeyValue| seal.open(&kv) == Err(Foreign::Wrong);
            if other_key != key {
                let forged = KeyValue { key: other_key, ..good.clone() };
                prop_assert!(wrong(forged));
            }
            if other_session != session {
                let forged = KeyValue { session: other_session, ..good.clone() };
                prop_assert!(wrong(forged));
            }
            if other_count != count {
                let forged = KeyValue { version: other_count, ..good.clone() };
                prop_assert!(wrong(forged));
            }
            // At a first writing nobody knows the revision.
            if other_created != created && count > 1 {
                let forged = KeyValue { create_revision: other_created, ..good.clone() };
                prop_assert!(wrong(forged));
            }
            if other_text != text {
                let value = good.value.strip_suffix(text.as_str()).unwrap().to_owned() + &other_text;
                let forged = KeyValue { value, ..good.clone() };
                prop_assert!(wrong(forged));
            }
            prop_assert_eq!(super::tests::seal(NEW, false).open(&good), Err(Foreign::Wrong));
        }

        #[test]
        fn garbage_is_refused_and_never_panics(value in "(hotspare-1 )?.{0,40}", accept in any::<bool>()) {
            let kv = KeyValue { key: "k".into(), value, version: 1, ..KeyValue::default() };
            let opened = seal(OLD, accept).open(&kv).is_ok();
            prop_assert_eq!(opened, accept && !kv.value.starts_with(MARK));
            prop_assert!(Seal::default().open(&kv).is_ok());
        }
    }

    #[test]
    fn a_new_key_takes_the_place_of_an_old_one_step_by_step() {
        let steps = [OLD.to_owned(), format!("{OLD} {NEW}"), format!("{NEW} {OLD}"), NEW.to_owned()];
        for pair in steps.windows(2) {
            let [one, other] = [seal(&pair[0], false), seal(&pair[1], false)];
            assert!(other.open(&kv(&one, "k", "t", 0, 4, 2)).is_ok(), "the next step reads what is written before it");
            assert!(one.open(&kv(&other, "k", "t", 0, 4, 2)).is_ok(), "and the other way round");
        }
        let stale = kv(&seal(OLD, false), "k", "t", 0, 4, 2);
        assert!(seal(&steps[2], false).open(&stale).unwrap().stale, "it is signed anew by the first key");
    }

    #[test]
    fn what_nobody_signed_is_taken_only_where_that_was_asked_for() {
        let plain = KeyValue { key: "k".into(), value: "{}".into(), version: 1, ..KeyValue::default() };
        assert_eq!(seal(OLD, false).open(&plain), Err(Foreign::Unsigned));
        assert_eq!(seal(OLD, true).open(&plain), Ok(Opened { text: "{}", stale: true }));
        let forged = KeyValue { value: "hotspare-1 AAAA {}".into(), ..plain };
        assert_eq!(seal(OLD, true).open(&forged), Err(Foreign::Wrong), "a wrong signature is never taken");
        assert_eq!(Seal::default().open(&forged).unwrap().text, "{}");
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        assert!(Seal::new(Some(&Secret::new("secret")), false).is_err());
        assert!(Seal::new(Some(&Secret::new(format!("{OLD} short"))), false).is_err());
        assert!(Seal::new(Some(&Secret::new(" ")), false).is_err());
    }
}
