//! One key press, as keymaps write it: `q`, `Q`, `ctrl-z`, `shift-tab`, `alt-x`, `f5`, `page-down`.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers. Shift is part of the letter: `Q`, not `shift-q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const NAMES: [(&str, KeyCode); 15] = [
    ("enter", KeyCode::Enter),
    ("tab", KeyCode::Tab),
    ("esc", KeyCode::Esc),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("page-up", KeyCode::PageUp),
    ("page-down", KeyCode::PageDown),
];

impl Key {
    /// The key of an event, with the differences between terminals evened out.
    pub fn of(event: KeyEvent) -> Self {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        Self::even(event.code, event.modifiers & known)
    }

    fn even(code: KeyCode, mut modifiers: KeyModifiers) -> Self {
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            // Most terminals cannot tell ctrl-shift-x from ctrl-x.
            KeyCode::Char(letter) if modifiers.contains(KeyModifiers::CONTROL) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(letter.to_ascii_lowercase())
            }
            KeyCode::Char(letter) if modifiers.contains(KeyModifiers::SHIFT) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(letter.to_uppercase().next().unwrap_or(letter))
            }
            code => code,
        };
        Self { code, modifiers }
    }

    /// Reads one key; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let lower = rest.to_ascii_lowercase();
            let found =
                [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)]
                    .into_iter()
                    .find(|(prefix, _)| lower.starts_with(prefix) && lower.len() > prefix.len());
            let Some((prefix, modifier)) = found else { break };
            modifiers |= modifier;
            rest = rest.get(prefix.len()..).unwrap_or_default();
        }
        let mut letters = rest.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(letter), None) => KeyCode::Char(letter),
            _ => named(&rest.to_ascii_lowercase()).ok_or_else(|| {
                format!("`{text}` is no key: write a letter, `ctrl-x`, `alt-x`, `f1` to `f12`, `enter`, `page-down` and so on")
            })?,
        };
        let key = Self::even(code, modifiers);
        match key.never_arrives() {
            Some(why) => Err(format!("`{text}` cannot be used: {why}")),
            None => Ok(key),
        }
    }

    /// Reads a sequence of keys, separated by spaces.
    pub fn sequence(text: &str) -> Result<Vec<Self>, String> {
        let keys: Vec<Self> = text.split_whitespace().map(Self::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err("no key is named; write `[]` for none".into());
        }
        Ok(keys)
    }

    /// Why terminals send something else for it.
    fn never_arrives(self) -> Option<&'static str> {
        match (self.code, self.modifiers.contains(KeyModifiers::CONTROL)) {
            (KeyCode::Char('m'), true) => Some("terminals send Enter for it"),
            (KeyCode::Char('i'), true) => Some("terminals send Tab for it"),
            (KeyCode::Char('['), true) => Some("terminals send Esc for it"),
            _ => None,
        }
    }

    /// Why a dangerous action must not be on it, not even as a part of a sequence.
    pub fn easily_confused(self) -> Option<&'static str> {
        match (self.code, self.modifiers.contains(KeyModifiers::CONTROL)) {
            (KeyCode::Enter, _) => Some("Enter is pressed without looking"),
            (KeyCode::Tab, _) => Some("Tab is pressed without looking"),
            (KeyCode::Char('h'), true) => Some("terminals mix up ctrl-h and Backspace"),
            (KeyCode::Char('s'), true) => Some("terminals hold their output on ctrl-s"),
            _ => None,
        }
    }

    /// The digit it is.
    pub fn letter(self) -> Option<char> {
        match self.code {
            KeyCode::Char(letter) if self.modifiers.is_empty() => Some(letter),
            _ => None,
        }
    }

    /// Whether it is Esc without anything.
    pub fn is_escape(self) -> bool {
        self.code == KeyCode::Esc
    }
}

fn named(name: &str) -> Option<KeyCode> {
    if let Some(number) = name.strip_prefix('f').and_then(|number| number.parse::<u8>().ok()) {
        return (1..=12).contains(&number).then_some(KeyCode::F(number));
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, modifier) in
            [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)]
        {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(letter) => write!(f, "{letter}"),
            KeyCode::F(number) => write!(f, "f{number}"),
            // Media keys and the like, which no keymap can name.
            _ => f.write_str("another key"),
        }
    }
}

/// A sequence of keys as a keymap writes it.
pub fn written(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("q", "q")]
    #[case("shift-q", "Q")]
    #[case("Ctrl-Z", "ctrl-z")]
    #[case("shift-ctrl-l", "ctrl-l")]
    #[case("shift-tab", "shift-tab")]
    #[case("F5", "f5")]
    #[case("-", "-")]
    #[case("ctrl--", "ctrl--")]
    #[case("e d", "e d")]
    #[case("Page-Down", "page-down")]
    fn keys_are_read_and_written(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(written(&Key::sequence(text).unwrap()), expected);
    }

    #[rstest]
    #[case("ctrl-m", "terminals send Enter")]
    #[case("f13", "is no key")]
    #[case("entre", "is no key")]
    #[case(" ", "no key is named")]
    fn what_is_no_key_is_refused(#[case] text: &str, #[case] expected: &str) {
        let error = Key::sequence(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn terminals_differ_and_keys_do_not() {
        let backtab = Key::of(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT));
        assert_eq!(backtab, Key::parse("shift-tab").unwrap());
        let upper = Key::of(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT));
        assert_eq!(upper, Key::parse("G").unwrap());
    }
}
