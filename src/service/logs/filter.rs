//! Words that a line must have, or after a `!` must not have: the filter of the console's lists, over bytes. Pure.

use memchr::{memchr, memchr2};

/// A filter as it was typed. Upper and lower case are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    with: Vec<Word>,
    without: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    ascii: bool,
}

impl Filter {
    /// Reads a filter. A lone `!` is a word that is not finished, and asks for nothing.
    pub(super) fn new(text: &str) -> Self {
        let mut filter = Self::default();
        for word in text.to_lowercase().split_whitespace() {
            let made = |word: &str| Word { text: word.to_owned(), ascii: word.is_ascii() };
            match word.strip_prefix('!') {
                Some("") => {}
                Some(word) => filter.without.push(made(word)),
                None => filter.with.push(made(word)),
            }
        }
        filter
    }

    /// Whether this line passes.
    pub(super) fn passes(&self, line: &[u8]) -> bool {
        self.with.iter().all(|word| word.is_in(line)) && !self.without.iter().any(|word| word.is_in(line))
    }
}

impl Word {
    fn is_in(&self, line: &[u8]) -> bool {
        if !self.ascii {
            return String::from_utf8_lossy(line).to_lowercase().contains(&self.text);
        }
        let word = self.text.as_bytes();
        let Some((&lower, _)) = word.split_first() else { return true };
        let upper = lower.to_ascii_uppercase();
        let mut rest = line;
        let find = |rest: &[u8]| if lower == upper { memchr(lower, rest) } else { memchr2(lower, upper, rest) };
        while let Some(at) = find(rest) {
            rest = rest.get(at..).unwrap_or_default();
            if rest.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word)) {
                return true;
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", true)]
    #[case("ERROR", true)]
    #[case("error etcd", true)]
    #[case("error mongo", false)]
    #[case("!mongo", true)]
    #[case("error !ETCD", false)]
    #[case("!", true)]
    #[case("größe", true)]
    #[case("2000:", true)]
    #[case("rrorr", false)]
    fn words_must_be_there_or_must_not(#[case] filter: &str, #[case] passes: bool) {
        assert_eq!(Filter::new(filter).passes("14:02 Error of etcd at 2000: GRÖSSE Größe".as_bytes()), passes);
    }

    proptest::proptest! {
        #[test]
        fn ascii_words_are_found_where_lower_case_finds_them(line in "[aAbB ]{0,30}", word in "[aAbB]{1,4}") {
            let wanted = line.to_lowercase().contains(&word.to_lowercase());
            proptest::prop_assert_eq!(Filter::new(&word).passes(line.as_bytes()), wanted);
        }
    }
}
