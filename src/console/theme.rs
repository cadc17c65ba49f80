//! Themes: what each meaning looks like on this terminal.
//!
//! Drawing code asks for the style of a [`Meaning`] and for [`Glyphs`]; it never names a colour or a sign itself.

pub mod color;
pub mod file;
pub mod glyphs;
pub mod meaning;

use ratatui::style::Style;

use color::Depth;
use file::{Look, ThemeFile};
use glyphs::{ASCII, Glyphs};
pub use meaning::Meaning;

use super::library::{FileError, Library};

/// A theme, fitted to a terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Name of its file.
    pub name: String,
    /// The signs.
    pub glyphs: &'static Glyphs,
    styles: Vec<Style>,
}

impl Theme {
    /// Reads the theme of this name for a terminal with so many colours. A terminal with sixteen gets the twin
    /// `NAME-16` where there is one, a terminal with none gets `mono`.
    pub fn load(library: &Library, name: &str, depth: Depth, ascii: bool) -> Result<Self, FileError> {
        let twin = format!("{name}-16");
        let file = match depth {
            Depth::None => file::load(library, "mono")?,
            Depth::Sixteen => match file::load(library, &twin) {
                Ok(file) => file,
                Err(_) => file::load(library, name)?,
            },
            Depth::True | Depth::Indexed => file::load(library, name)?,
        };
        Ok(Self::fit(file, depth, ascii).named(name))
    }

    /// A theme file on a terminal with so many colours.
    pub fn fit(file: ThemeFile, depth: Depth, ascii: bool) -> Self {
        let glyphs = if ascii { &ASCII } else { file.glyphs };
        let style = |look: &Look| {
            let style = Style { fg: look.fg.map(|fg| depth.fit(fg)), ..Style::default() };
            Style { bg: look.bg.map(|bg| depth.fit(bg)), ..style }.add_modifier(look.modifier)
        };
        Self { name: file.name, glyphs, styles: file.looks.iter().map(style).collect() }
    }

    fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The style of a meaning.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.styles.get(meaning as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;
    use crate::console::library::{Kind, Origin};

    fn shipped(name: &str, depth: Depth) -> Theme {
        Theme::load(&Library::default(), name, depth, false).unwrap()
    }

    /// The pairs of letters and background that the console draws in a theme.
    fn pairs(theme: &Theme) -> Vec<(String, Color, Color)> {
        let base = theme.style(Meaning::Base);
        let (ink, ground) = (base.fg.unwrap(), base.bg.unwrap());
        let selection = theme.style(Meaning::Selection);
        let mut pairs = Vec::new();
        for meaning in Meaning::ALL.into_iter().filter(|meaning| meaning.is_text()) {
            let style = theme.style(meaning);
            let fg = style.fg.unwrap_or(ink);
            pairs.push((meaning.word().to_owned(), fg, style.bg.unwrap_or(ground)));
            // A selection with letters of its own colour leaves none of the others.
            if style.bg.is_none() && selection.fg.is_none() {
                let on = selection.bg.unwrap_or(ground);
                pairs.push((format!("{} on the selection", meaning.word()), fg, on));
            }
        }
        pairs
    }

    #[test]
    fn everything_that_is_read_has_a_contrast_of_at_least_four_and_a_half() {
        for name in ["dark", "light", "high-contrast", "deuteranopia"] {
            for depth in [Depth::True, Depth::Indexed] {
                for (what, fg, bg) in pairs(&shipped(name, depth)) {
                    let ratio = color::contrast(fg, bg).unwrap();
                    assert!(ratio >= 4.5, "{name} {depth:?}: {what} has {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn high_contrast_has_seven() {
        for (what, fg, bg) in pairs(&shipped("high-contrast", Depth::True)) {
            let ratio = color::contrast(fg, bg).unwrap();
            assert!(ratio >= 7.0, "{what} has {ratio:.2}");
        }
    }

    #[test]
    fn every_shipped_theme_loads_at_every_depth() {
        for (name, origin) in Library::default().list(Kind::Theme) {
            assert_eq!(origin, Origin::BuiltIn);
            for depth in [Depth::True, Depth::Indexed, Depth::Sixteen, Depth::None] {
                assert_eq!(shipped(&name, depth).name, name);
            }
        }
    }

    #[test]
    fn sixteen_colours_take_the_twin_and_none_takes_mono() {
        let twin = file::load(&Library::default(), "light-16").unwrap();
        assert_eq!(shipped("light", Depth::Sixteen), Theme::fit(twin, Depth::Sixteen, false).named("light"));
        let mono = shipped("light", Depth::None);
        assert!(Meaning::ALL.iter().all(|meaning| matches!(mono.style(*meaning).fg, None | Some(Color::Reset))));
    }

    fn user(text: &str) -> Result<Theme, FileError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("themes")).unwrap();
        std::fs::write(folder.path().join("themes/mine.toml"), text).unwrap();
        let library = Library { folder: Some(folder.path().to_owned()) };
        Theme::load(&library, "mine", Depth::True, false)
    }

    #[test]
    fn a_child_moves_one_colour_of_the_palette() {
        let mine = user("inherits = \"dark\"\n[palette]\norange = \"#ffffff\"\n").unwrap();
        let dark = shipped("dark", Depth::True);
        assert_ne!(mine.style(Meaning::Bad), dark.style(Meaning::Bad));
        assert_eq!(mine.style(Meaning::Text), dark.style(Meaning::Text));
    }

    #[rstest::rstest]
    #[case(
        "inherits = \"dark\"\n[meanings]\ngod = \"#ffffff\"\n",
        "mine.toml:3:1: unknown key `god`; did you mean `good`?"
    )]
    #[case("inherits = \"dark\"\n[meanings]\ngood = \"oragne\"\n", "mine.toml:3:8: `oragne` is no colour")]
    #[case("inherits = \"dark\"\n[palette]\nblue = \"#12\"\n", "mine.toml:3:8: `#12` is no colour")]
    #[case(
        "inherits = \"drak\"\n",
        "mine.toml:1:12: inherits: theme `drak`: there is no such theme; did you mean `dark`?"
    )]
    #[case("inherits = \"mine\"\n", "mine.toml:1:12: `mine` inherits from this theme: a circle")]
    #[case("[meanings]\ngood = \"blue\"\n", "these meanings are missing: base, text")]
    #[case("glyphs = \"emoji\"\n", "there are no glyphs `emoji`")]
    #[case("good = [", "mine.toml:1:")]
    fn an_error_says_where_and_what_to_do(#[case] text: &str, #[case] expected: &str) {
        let error = user(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
