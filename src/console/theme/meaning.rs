//! What a colour means. Drawing code names meanings; only themes name colours.

/// The meanings of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The whole screen: the only one that must have a background.
    Base,
    /// Ordinary text.
    Text,
    /// Text that matters less: units, ages, the reason behind something good.
    Dim,
    /// Lines around panes.
    Border,
    /// Lines around the pane that has the keys.
    Focus,
    /// Names of panes and of the fleet.
    Title,
    /// Heads of columns.
    Heading,
    /// As it should be.
    Good,
    /// Needs an eye.
    Warn,
    /// Wrong.
    Bad,
    /// Not known.
    Unknown,
    /// Neither good nor bad, worth seeing: running work, a hint.
    Info,
    /// The selected row.
    Selection,
    /// A marked row's sign.
    Mark,
    /// A key in a hint.
    Key,
    /// A line that is being typed.
    Input,
    /// Bars and charts.
    Chart,
    /// A line across the screen that says what is wrong.
    Banner,
}

impl Meaning {
    /// Every meaning.
    pub const ALL: [Self; 18] = [
        Self::Base,
        Self::Text,
        Self::Dim,
        Self::Border,
        Self::Focus,
        Self::Title,
        Self::Heading,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::Unknown,
        Self::Info,
        Self::Selection,
        Self::Mark,
        Self::Key,
        Self::Input,
        Self::Chart,
        Self::Banner,
    ];

    /// The word in a theme file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Text => "text",
            Self::Dim => "dim",
            Self::Border => "border",
            Self::Focus => "focus",
            Self::Title => "title",
            Self::Heading => "heading",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::Selection => "selection",
            Self::Mark => "mark",
            Self::Key => "key",
            Self::Input => "input",
            Self::Chart => "chart",
            Self::Banner => "banner",
        }
    }

    /// The meaning of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meaning| meaning.word() == word)
    }

    /// Whether it is read: lines and charts need less contrast than letters.
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Border)
    }
}
