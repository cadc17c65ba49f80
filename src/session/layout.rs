//! Layouts: from a session to the path of its folder, and back. Pure.
//!
//! A layout is a path whose parts hold `{participant}` and `{date}`. A date is always eight digits, so a filled part
//! tells how long the participant in it is, and no layout is ambiguous: `{participant}_{date}` reads `a_b_20250104` as
//! the participant `a_b`. Names that hold anything else than a participant and a date at their places are no sessions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::key::{self, Key};
use crate::fleet::template;

/// Digits of a date.
const DATE: usize = 8;

/// Where sessions lie below a source or a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    levels: Vec<Level>,
}

/// One level of folders on the way to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Participant,
    Date,
}

/// What the names of the levels above have told of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    participant: Option<String>,
    date: Option<jiff::civil::Date>,
}

impl Told {
    /// The participant, where it is known.
    pub fn participant(&self) -> Option<&str> {
        self.participant.as_deref()
    }

    /// The session, once both its parts are known.
    pub fn key(self) -> Option<Key> {
        Some(Key { participant: self.participant?, date: self.date? })
    }

    /// Takes in a participant; `None`: it is none, or another than before.
    fn participant_is(self, text: &str) -> Option<Self> {
        let fits = self.participant.as_deref().map_or_else(|| key::participant(text).is_ok(), |known| known == text);
        fits.then(|| Self { participant: Some(text.to_owned()), ..self })
    }

    /// Takes in a date; `None`: it is none, or another than before.
    fn date_is(self, text: &str) -> Option<Self> {
        // Only the spelling that layouts write: `2025-01-04` would be rendered as another path.
        let date = (text.len() == DATE).then(|| key::date(text).ok()).flatten()?;
        self.date.is_none_or(|known| known == date).then_some(Self { date: Some(date), ..self })
    }
}

impl Layout {
    /// A layout as the fleet file accepts it.
    pub fn new(text: &str) -> Self {
        Self { levels: text.split('/').map(Level::new).collect() }
    }

    /// The path of a session below its source or destination.
    pub fn render(&self, key: &Key) -> PathBuf {
        self.levels.iter().map(|level| level.render(key)).collect()
    }

    /// The session whose folder this path is.
    pub fn parse(&self, path: &Path) -> Option<Key> {
        let mut told = Told::default();
        let mut levels = self.levels.iter();
        for part in path.components() {
            let std::path::Component::Normal(name) = part else { return None };
            told = levels.next()?.read(name, told)?;
        }
        if levels.next().is_some() { None } else { told.key() }
    }

    /// The levels of folders from the top down; the last one's are the sessions.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }
}

impl Level {
    fn new(part: &str) -> Self {
        let mut pieces = Vec::new();
        let mut from = 0;
        let text = |pieces: &mut Vec<Piece>, range: std::ops::Range<usize>| {
            if let Some(text) = part.get(range).filter(|text| !text.is_empty()) {
                pieces.push(Piece::Text(text.to_owned()));
            }
        };
        for (span, name) in template::placeholders(part) {
            let piece = match name {
                "participant" => Piece::Participant,
                "date" => Piece::Date,
                _ => continue,
            };
            text(&mut pieces, from..span.start);
            pieces.push(piece);
            from = span.end;
        }
        text(&mut pieces, from..part.len());
        Self { pieces }
    }

    fn render(&self, key: &Key) -> String {
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Participant => name.push_str(&key.participant),
                Piece::Date => name.push_str(&key.day()),
            }
        }
        name
    }

    /// The name of the one folder of this level, where no placeholder leaves it open.
    pub fn fixed(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What a folder's name adds to what the levels above have told; `None`: there is no session below it.
    pub fn read(&self, name: &OsStr, told: Told) -> Option<Told> {
        let name = name.to_str()?;
        let length = self.participant_length(name)?;
        let (mut rest, mut told) = (name, told);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Piece::Participant => {
                    let (text, after) = rest.split_at_checked(length)?;
                    (rest, told) = (after, told.participant_is(text)?);
                }
                Piece::Date => {
                    let (text, after) = rest.split_at_checked(DATE)?;
                    (rest, told) = (after, told.date_is(text)?);
                }
            }
        }
        rest.is_empty().then_some(told)
    }

    /// Bytes of the participant in a name of this level: what the pieces of known length leave.
    fn participant_length(&self, name: &str) -> Option<usize> {
        let (mut fixed, mut times) = (0, 0);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => fixed += text.len(),
                Piece::Date => fixed += DATE,
                Piece::Participant => times += 1,
            }
        }
        let left = name.len().checked_sub(fixed)?;
        match times {
            0 => (left == 0).then_some(0),
            times => (left % times == 0).then_some(left / times),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use proptest::prelude::*;

    use super::*;

    fn key(participant: &str, date: &str) -> Key {
        Key::new(participant, date).unwrap()
    }

    #[test]
    fn sessions_have_paths_and_paths_have_sessions() {
        let p001 = key("p001", "20250104");
        for (layout, path) in [
            ("{participant}/{date}", "p001/20250104"),
            ("{date}/{participant}", "20250104/p001"),
            ("raw/{participant}_{date}", "raw/p001_20250104"),
            ("{participant}{date}", "p00120250104"),
            ("{date}/{participant}_{date}", "20250104/p001_20250104"),
            ("{participant}/{date}/raw", "p001/20250104/raw"),
            ("{participant}-{participant}/{date}", "p001-p001/20250104"),
        ] {
            let layout = Layout::new(layout);
            assert_eq!(layout.render(&p001), Path::new(path));
            assert_eq!(layout.parse(Path::new(path)), Some(p001.clone()));
        }
    }

    #[test]
    fn a_participant_may_hold_what_separates_it_from_the_date() {
        let layout = Layout::new("{participant}_{date}");
        assert_eq!(layout.parse(Path::new("a_b_20250104")), Some(key("a_b", "20250104")));
        let dated = Path::new("20250103_20250104");
        assert_eq!(layout.parse(dated), Some(key("20250103", "20250104")), "the last date is the date");
        let layout = Layout::new("{date}{participant}");
        assert_eq!(layout.parse(Path::new("2025010420250103")), Some(key("20250103", "20250104")), "the first one");
    }

    #[test]
    fn what_no_session_is_called_is_no_session() {
        let layout = Layout::new("{participant}/{date}_{participant}");
        for wrong in [
            "p001/20250104_p002",
            "p001/20250230_p001",
            "p001/2025-01-04_p001",
            "p001/20250104_p001/more",
            "p001",
            "",
            "p001/20250104_",
            ".hotspare/20250104_.hotspare",
            "../20250104_..",
            "/p001/20250104_p001",
            "p001/20250104_p001/..",
        ] {
            assert_eq!(layout.parse(Path::new(wrong)), None, "{wrong}");
        }
        assert_eq!(Layout::new("{participant}/{date}").parse(Path::new(OsStr::from_bytes(b"p\xff/20250104"))), None);
        assert_eq!(layout.levels()[0].fixed(), None);
        assert_eq!(Layout::new("raw/{participant}/{date}").levels()[0].fixed(), Some("raw"));
    }

    /// Layouts that the fleet file accepts: each placeholder at least once, in any part, between any text.
    fn layout() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z0-9_. é-]{1,6}",
            Just("/".to_owned()),
            Just("{participant}".to_owned()),
            Just("{date}".to_owned()),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()).prop_filter_map("accepted", |text| {
            let text = format!("{text}{{date}}/{{participant}}");
            crate::fleet::accepts_layout(&text).then_some(text)
        })
    }

    proptest! {
        #[test]
        fn whatever_the_layout_a_path_tells_its_session(
            layout in layout(),
            participant in "[a-zA-Z0-9_. é'$-]{1,9}",
            days in 0_i32..20_000,
        ) {
            prop_assume!(key::participant(&participant).is_ok());
            let date = jiff::civil::date(2000, 1, 1).saturating_add(jiff::Span::new().days(days));
            let key = Key { date, participant };
            let layout = Layout::new(&layout);
            prop_assert_eq!(layout.parse(&layout.render(&key)), Some(key));
        }

        #[test]
        fn no_path_makes_it_panic(layout in layout(), path in "[a-z0-9/._é]{0,40}") {
            let layout = Layout::new(&layout);
            if let Some(key) = layout.parse(Path::new(&path)) {
                let rendered = layout.render(&key);
                prop_assert!(rendered.components().eq(Path::new(&path).components()));
            }
        }
    }
}
