//! Words that a row must have, or after a `!` must not have.

/// A filter as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    with: Vec<String>,
    without: Vec<String>,
}

impl Filter {
    /// Reads a filter. A lone `!` is a word that is not finished, and asks for nothing.
    pub fn new(text: &str) -> Self {
        let mut filter = Self { text: text.trim().to_owned(), ..Self::default() };
        for word in text.to_lowercase().split_whitespace() {
            match word.strip_prefix('!') {
                Some("") => {}
                Some(word) => filter.without.push(word.to_owned()),
                None => filter.with.push(word.to_owned()),
            }
        }
        filter
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether every row passes.
    pub fn is_empty(&self) -> bool {
        self.with.is_empty() && self.without.is_empty()
    }

    /// Whether a row with this text passes. Upper and lower case are the same.
    pub fn passes(&self, row: &str) -> bool {
        let row = row.to_lowercase();
        self.with.iter().all(|word| row.contains(word)) && !self.without.iter().any(|word| row.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", true)]
    #[case("STUDIO", true)]
    #[case("studio down", true)]
    #[case("studio up", false)]
    #[case("!down", false)]
    #[case("studio !up", true)]
    #[case("!", true)]
    fn words_must_be_there_or_must_not(#[case] filter: &str, #[case] passes: bool) {
        assert_eq!(Filter::new(filter).passes("studio-2 down hall-a"), passes);
    }
}
