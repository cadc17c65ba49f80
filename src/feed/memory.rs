//! What this engine last knew of the marks at the targets: a target that was put back to an older state is told apart from one
//! that never had more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::mark::{Mark, Strand};

/// Marks by strand. They are only compared: what counts are those at the targets.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    marks: BTreeMap<Strand, Mark>,
    changed: bool,
}

impl Memory {
    /// What was written down by [`Memory::news`]; what cannot be read is as nothing.
    pub fn read(text: &str) -> Self {
        let marks: Vec<(Strand, Mark)> = serde_json::from_str(text).unwrap_or_default();
        Self(Mutex::new(Kept { marks: marks.into_iter().collect(), changed: false }))
    }

    /// What is to be written down, where it has changed since the last time.
    pub fn news(&self) -> Option<String> {
        let mut kept = self.lock();
        if !std::mem::take(&mut kept.changed) {
            return None;
        }
        serde_json::to_string(&kept.marks.iter().collect::<Vec<_>>()).ok()
    }

    /// A mark was written.
    pub fn keep(&self, strand: &Strand, mark: &Mark) {
        let mut kept = self.lock();
        kept.marks.insert(strand.clone(), mark.clone());
        kept.changed = true;
    }

    /// The marks of a feed were forgotten on purpose.
    pub fn forget(&self, feed: &str) {
        let mut kept = self.lock();
        kept.marks.retain(|strand, _| strand.feed != feed);
        kept.changed = true;
    }

    /// Compares with what the target says: what there is to tell of it.
    pub fn compare(&self, strand: &Strand, mark: Option<&Mark>) -> Option<String> {
        let kept = self.lock();
        let known = kept.marks.get(strand)?;
        let now = mark.map_or(0, |mark| mark.turn);
        if now >= known.turn {
            return None;
        }
        let had = known.at.as_ref().map_or_else(|| "nothing".to_owned(), |at| format!("rows up to {at}"));
        let has =
            mark.and_then(|mark| mark.at.as_ref()).map_or_else(|| "nothing".to_owned(), |at| format!("up to {at}"));
        Some(format!(
            "the target was put back to an older state: {had} had been carried, and it knows of {has}; what is missing is \
             carried again, `hotspare feed check {}` compares the rest",
            strand.feed
        ))
    }

    /// Each change leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::value::Place;

    #[test]
    fn an_older_state_is_noticed_and_a_newer_one_is_not() {
        let strand = Strand { feed: "counts".into(), source: String::new(), table: "traffic".into() };
        let mark = |turn, at| Mark { turn, at: Some(Place::Number(at)), ..Mark::default() };
        let memory = Memory::default();
        assert_eq!((memory.compare(&strand, None), memory.news()), (None, None));
        memory.keep(&strand, &mark(7, 70));
        let memory = Memory::read(&memory.news().unwrap());
        assert_eq!(memory.news(), None);
        assert_eq!(memory.compare(&strand, Some(&mark(7, 70))), None);
        assert_eq!(memory.compare(&strand, Some(&mark(9, 90))), None, "another engine went on");
        let told = memory.compare(&strand, Some(&mark(5, 50))).unwrap();
        assert!(told.contains("rows up to 70 had been carried, and it knows of up to 50"), "{told}");
        assert!(memory.compare(&strand, None).unwrap().contains("knows of nothing"));
        memory.forget("counts");
        assert_eq!(memory.compare(&strand, None), None);
    }
}
