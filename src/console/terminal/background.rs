//! Is the background of the terminal light? Asked by OSC 11; the answer comes among the keys, or never.
//!
//! The answer `ESC ] 11 ; rgb:RRRR/GGGG/BBBB ST` reaches the program as the keys Alt-] 1 1 ; and so on. They are taken
//! out of the stream, and given back as keys the moment they turn out to be typed.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::console::theme::color;

/// What is written to ask.
pub const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// What came of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Sifted {
    /// These are events for the console, in order.
    Events(Vec<Event>),
    /// The background, and whether it is light.
    Background {
        /// Whether letters on it should be dark.
        light: bool,
    },
    /// Perhaps a part of the answer.
    Held,
}

/// Takes the answer out of the events.
#[derive(Debug, Default)]
pub struct Sieve {
    held: Vec<Event>,
    text: String,
}

const BEGINNING: &str = "11;rgb:";
/// The longest answer: four digits a colour, and a little for terminals that say more.
const LONGEST: usize = 40;

impl Sieve {
    /// Whether a part of an answer may be held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives back what is held: no more of it came in time.
    pub fn release(&mut self) -> Vec<Event> {
        self.text.clear();
        std::mem::take(&mut self.held)
    }

    /// Looks at an event.
    pub fn sift(&mut self, event: Event) -> Sifted {
        let Event::Key(KeyEvent { code, modifiers, .. }) = &event else {
            // Resizes and focus come in between and mean nothing here.
            return Sifted::Events(vec![event]);
        };
        let alt = modifiers.contains(KeyModifiers::ALT);
        let control = modifiers.contains(KeyModifiers::CONTROL);
        if self.held.is_empty() {
            return if *code == KeyCode::Char(']') && alt {
                self.held.push(event);
                Sifted::Held
            } else {
                Sifted::Events(vec![event])
            };
        }
        let (code, ended) = (*code, (alt && *code == KeyCode::Char('\\')) || (control && *code == KeyCode::Char('g')));
        self.held.push(event);
        if ended {
            let light = light(&self.text);
            let held = self.release();
            return light.map_or(Sifted::Events(held), |light| Sifted::Background { light });
        }
        match code {
            KeyCode::Char(letter) if !alt && !control && self.goes_on(letter) => {
                self.text.push(letter);
                Sifted::Held
            }
            _ => Sifted::Events(self.release()),
        }
    }

    /// Whether an answer can go on with this letter.
    fn goes_on(&self, letter: char) -> bool {
        match BEGINNING.chars().nth(self.text.len()) {
            Some(expected) => letter == expected || (self.text.len() >= 3 && letter.is_ascii_alphabetic()),
            None => self.text.len() < LONGEST && (letter.is_ascii_hexdigit() || matches!(letter, '/' | ':')),
        }
    }
}

/// Reads `11;rgb:RRRR/GGGG/BBBB`, with one to four digits a colour; `rgba:` has a fourth, which does not count.
fn light(text: &str) -> Option<bool> {
    let (_, colors) = text.strip_prefix("11;")?.split_once(':')?;
    let mut parts = colors.split('/').map(|part| {
        let digits = u32::try_from(part.len()).ok().filter(|digits| (1..=4).contains(digits))?;
        let value = u32::from_str_radix(part, 16).ok()?;
        u8::try_from(value * 255 / (16_u32.pow(digits) - 1)).ok()
    });
    Some(color::is_light(parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(letter), modifiers))
    }

    /// What the keys of an answer look like to a program.
    fn answer(text: &str) -> Vec<Event> {
        let mut events = vec![key(']', KeyModifiers::ALT)];
        events.extend(text.chars().map(|letter| key(letter, KeyModifiers::NONE)));
        events.push(key('\\', KeyModifiers::ALT));
        events
    }

    fn all(events: Vec<Event>) -> (Vec<Event>, Option<bool>) {
        let mut sieve = Sieve::default();
        let (mut passed, mut found) = (Vec::new(), None);
        for event in events {
            match sieve.sift(event) {
                Sifted::Events(events) => passed.extend(events),
                Sifted::Background { light } => found = Some(light),
                Sifted::Held => {}
            }
        }
        passed.extend(sieve.release());
        (passed, found)
    }

    #[test]
    fn an_answer_is_taken_out_and_keys_around_it_stay() {
        let mut events = vec![key('q', KeyModifiers::NONE)];
        events.extend(answer("11;rgb:ffff/ffff/ffff"));
        events.push(key('z', KeyModifiers::NONE));
        let (passed, found) = all(events);
        assert_eq!(passed, [key('q', KeyModifiers::NONE), key('z', KeyModifiers::NONE)]);
        assert_eq!(found, Some(true));
        assert_eq!(all(answer("11;rgb:1414/1717/1c1c")).1, Some(false));
        assert_eq!(all(answer("11;rgb:f/f/f")).1, Some(true));
    }

    #[test]
    fn an_answer_that_ends_with_a_bell_is_one_too() {
        let mut events = answer("11;rgb:0000/0000/0000");
        events.pop();
        events.push(key('g', KeyModifiers::CONTROL));
        assert_eq!(all(events), (Vec::new(), Some(false)));
    }

    #[test]
    fn what_is_typed_is_not_eaten() {
        for text in ["1", "11;q", "12", "11;rgb:zz", "11;rgb:1/2"] {
            let mut events = answer(text);
            events.pop();
            assert_eq!(all(events.clone()), (events, None), "{text}");
        }
    }
}
