//! What a session is known by: a participant and a day.
//!
//! Both become parts of paths, so neither may ever hold more than a name.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One session of a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The day; first, so that keys sort by it.
    pub date: Date,
    /// The participant, as the folder is called.
    pub participant: String,
}

/// A participant or a date that cannot name a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one plain part of a path.
    #[error(
        "`{0}` is not the name of a participant: it must be one part of a path, without a leading dot and control characters"
    )]
    Participant(String),
    /// Not a day.
    #[error("`{0}` is not a day; write it as 20250104 or 2025-01-04")]
    Date(String),
}

impl Key {
    /// A session by its words, such as `p001` and `20250104` or `2025-01-04`.
    pub fn new(participant: &str, date: &str) -> Result<Self, KeyError> {
        Ok(Self { date: self::date(date)?, participant: self::participant(participant)?.to_owned() })
    }

    /// The date as layouts and scripts write it: `20250104`.
    pub fn day(&self) -> String {
        compact(self.date)
    }
}

/// `p001/20250104`, as people call it.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.participant, self.day())
    }
}

/// A participant's name, when it can be one part of a path.
pub fn participant(text: &str) -> Result<&str, KeyError> {
    let plain = !text.is_empty()
        && text.len() <= 255
        && !text.starts_with('.')
        && text.trim() == text
        && !text.chars().any(|char| char == '/' || char.is_control());
    if plain { Ok(text) } else { Err(KeyError::Participant(text.to_owned())) }
}

/// A day, written as `20250104` or `2025-01-04`.
pub fn date(text: &str) -> Result<Date, KeyError> {
    let wrong = || KeyError::Date(text.to_owned());
    let digits = match text.len() {
        8 => text.to_owned(),
        10 if text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-') => text.replace('-', ""),
        _ => return Err(wrong()),
    };
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    Date::strptime("%Y%m%d", &digits).map_err(|_no_such_day| wrong())
}

/// `20250104`.
pub fn compact(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_both_spellings_and_nothing_else() {
        let day = jiff::civil::date(2025, 1, 4);
        assert_eq!(date("20250104"), Ok(day));
        assert_eq!(date("2025-01-04"), Ok(day));
        for wrong in ["", "20250230", "2025-1-4", "2025/01/04", "202501041", "2025010a", "..", "20 50104", "+2501041"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
        assert_eq!(compact(day), "20250104");
    }

    #[test]
    fn a_participant_is_one_part_of_a_path() {
        for good in ["p001", "TF47", "x$(touch y)", "a b", "é"] {
            assert_eq!(participant(good), Ok(good));
        }
        for wrong in ["", ".", "..", "../x", "a/b", ".hotspare", "a\nb", "a\0b", " a", "a "] {
            assert!(participant(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_again(participant in "[a-zA-Z0-9]{1,12}", days in 0_i32..20_000) {
            let date = jiff::civil::date(2000, 1, 1).saturating_add(jiff::Span::new().days(days));
            let key = Key { date, participant };
            let shown = key.to_string();
            let (one, other) = shown.split_once('/').unwrap();
            proptest::prop_assert_eq!(Key::new(one, other).unwrap(), key);
        }
    }
}
