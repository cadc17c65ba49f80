//! How many of one user's guests are here: nobody takes the places of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts guests by user. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Crowd(Arc<Mutex<HashMap<u32, usize>>>);

impl Crowd {
    /// One more of this user's, unless `most` are here.
    pub(in crate::engine) fn enter(&self, uid: u32, most: usize) -> Option<Present> {
        let mut here = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(uid).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Present { crowd: self.clone(), uid })
    }
}

/// A guest who is here as long as this lives.
#[derive(Debug)]
pub(in crate::engine) struct Present {
    crowd: Crowd,
    uid: u32,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut here = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.uid) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                here.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_does_not_take_the_places_of_another() {
        let crowd = Crowd::default();
        let here: Vec<_> = (0..3).filter_map(|_| crowd.enter(7, 2)).collect();
        assert_eq!(here.len(), 2);
        assert!(crowd.enter(8, 2).is_some());
        drop(here);
        assert!(crowd.enter(7, 2).is_some());
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}
