//! How often what went wrong with a file while it was copied, and when it is given up: one rule for every kind of
//! destination.

/// A file that changed so often while it was copied is still being written.
const CHANGES: u32 = 5;
/// A file that could not be read or written so often is given up.
const ERRORS: u32 = 2;
/// A file that was not what had been written so often is given up.
const CORRUPTIONS: u32 = 3;

/// The counts of one file. Each question counts once more.
#[derive(Default)]
pub(super) struct Tries {
    changed: u32,
    errors: u32,
    corrupt: u32,
}

impl Tries {
    /// It changed while it was copied. How often, once that is too often.
    pub(super) fn changed(&mut self) -> Option<u32> {
        self.changed += 1;
        (self.changed >= CHANGES).then_some(self.changed)
    }

    /// It could not be read or written. Whether it is given up.
    pub(super) fn failed(&mut self) -> bool {
        self.errors += 1;
        self.errors >= ERRORS
    }

    /// It was not what had been written. Why it is given up, once it is.
    pub(super) fn corrupt(&mut self, what: &str) -> Option<String> {
        self.corrupt += 1;
        let times = self.corrupt;
        (times >= CORRUPTIONS).then(|| format!("it was wrong each of {times} times it was read back ({what})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_given_up_for_each_reason_by_its_own_count() {
        let mut tries = Tries::default();
        assert_eq!((1..=5).map(|_| tries.changed()).collect::<Vec<_>>(), [None, None, None, None, Some(5)]);
        assert_eq!([tries.failed(), tries.failed()], [false, true]);
        assert_eq!([tries.corrupt("content"), tries.corrupt("content")], [None, None]);
        let why = tries.corrupt("content");
        assert_eq!(why.as_deref(), Some("it was wrong each of 3 times it was read back (content)"));
    }
}
