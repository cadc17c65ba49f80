//! The door for rows on their way: what a host's `sqlite3` and a people-count server answer, values and times, marks.

use serde_json::Value as Json;

use super::compare::canon;
use super::convert::{self, Cell};
use super::mark::{Mark, Strand};
use super::memory::Memory;
use super::sink::{Kind, TargetColumn};
use super::source::foreign as source;
use super::value::Value;
use super::zone::{self, Times};
use crate::fleet::data::Zone;
use crate::foreign::{assert_plain, kind};

/// Rows are read or refused; a value is carried as it is or refused in a line of words.
pub(crate) fn enter(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    match first % 5 {
        0 => source::answer(rest),
        1 => {
            if let Ok(said) = serde_json::from_slice::<Json>(rest) {
                source::rows(&said);
            }
        }
        2 => values(rest),
        3 => String::from_utf8_lossy(rest).lines().for_each(times),
        _ => marks(&String::from_utf8_lossy(rest)),
    }
}

/// The first line says what the target declares, the second what it has read of that, and the rest is the value.
fn values(bytes: &[u8]) {
    const KINDS: [Kind; 8] =
        [Kind::Integer, Kind::Number, Kind::Text, Kind::Bytes, Kind::Naive, Kind::Moment, Kind::Any, Kind::Other];
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let declared = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let value = parts.next().unwrap_or_default();
    let text = String::from_utf8_lossy(value);
    let mut all = vec![Value::Text(value.to_vec()), Value::Blob(value.to_vec())];
    all.extend(text.trim().parse().ok().map(Value::Int));
    all.extend(text.trim().parse().ok().map(Value::Real));
    let Ok(times) = Times::new(&Zone::Named("Europe/Berlin".into())) else { return };
    for kind in KINDS {
        let column = TargetColumn { name: "c".into(), declared: declared.clone(), kind };
        assert!(convert::digits(&declared) <= 6);
        for value in &all {
            let shown = convert::shown(value);
            assert!(shown.chars().count() < 512, "{shown}");
            // What is the same at both ends is written in one way: also what a target says of it again.
            let written = canon::written(value, &column, &times);
            match convert::cell(value, &column, &times) {
                Ok(Cell::Bytes(bytes)) => assert_eq!(canon::said(bytes, &column), written),
                Ok(_) => {}
                Err(why) => assert!(why.len() < 4_000 + 2 * declared.len(), "{why}"),
            }
        }
    }
}

/// A time means a moment, and the passages of one that means two are both understood.
fn times(text: &str) {
    let _written = zone::read(text);
    for zone in ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"] {
        let Ok(times) = Times::new(&Zone::Named(zone.into())) else { continue };
        let _naive = times.naive(text);
        match times.moment(text) {
            Ok(moment) => assert_eq!(times.moment(&moment.to_string()), Ok(moment)),
            Err(why) => assert_plain(&why),
        }
        if times.is_twofold(text) {
            let passages = [0, 1].map(|passage| times.passage(text, passage));
            let moments = passages.map(|text| text.and_then(|text| times.moment(&text).ok()));
            assert!(matches!(moments, [Some(first), Some(second)] if first < second), "{text:?} {moments:?}");
        }
    }
}

/// What is kept of how far rows were carried.
fn marks(text: &str) {
    if let Ok(mark) = serde_json::from_str::<Mark>(text) {
        let again = serde_json::to_string(&mark).ok().and_then(|text| serde_json::from_str(&text).ok());
        assert_eq!(again.as_ref(), Some(&mark));
        let strand = Strand { feed: "f".into(), source: "h".into(), table: "t".into() };
        let _differs = Memory::read(text).compare(&strand, Some(&mark));
    }
    let _nothing = Memory::read(text).news();
}
