//! What the screen looks like and what the keys mean: the theme and keymap in force, and how to change them.
//!
//! A broken file never costs the session: what was in force stays, and the reason is returned to be shown.

use super::keymap::Keymap;
use super::library::{FileError, Kind, Library};
use super::theme::Theme;
use super::theme::color::Depth;

/// The theme that follows the terminal's background.
pub const AUTO: &str = "auto";

/// Theme and keymap in force.
#[derive(Debug, Clone)]
pub struct Look {
    /// Where they come from.
    pub library: Library,
    /// The theme.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    depth: Depth,
    ascii: bool,
    /// The theme that was asked for, which may be `auto`.
    wish: String,
    light: bool,
}

impl Look {
    /// The wished theme and keymap. What cannot be used is replaced by the built-in default, and told.
    pub fn new(
        library: Library,
        theme: &str,
        keymap: &str,
        depth: Depth,
        ascii: bool,
    ) -> Result<(Self, Vec<FileError>), FileError> {
        let built_in = Library::default();
        let mut look = Self {
            theme: Theme::load(&built_in, "dark", depth, ascii)?,
            keymap: Keymap::load(&built_in, "default")?,
            library,
            depth,
            ascii,
            wish: AUTO.into(),
            light: false,
        };
        let mut told = Vec::new();
        told.extend(look.use_theme(theme).err());
        told.extend(look.use_keymap(keymap).err());
        Ok((look, told))
    }

    /// The theme that was asked for.
    pub fn wish(&self) -> &str {
        &self.wish
    }

    /// Whether the terminal's background decides.
    pub fn follows_background(&self) -> bool {
        self.wish == AUTO
    }

    /// The terminal has said what its background is.
    pub fn background(&mut self, light: bool) -> Result<(), FileError> {
        self.light = light;
        let wish = self.wish.clone();
        if self.follows_background() { self.use_theme(&wish) } else { Ok(()) }
    }

    /// Draws with this theme from now on.
    pub fn use_theme(&mut self, name: &str) -> Result<(), FileError> {
        let file = match (name, self.light) {
            (AUTO, true) => "light",
            (AUTO, false) => "dark",
            (name, _) => name,
        };
        self.theme = Theme::load(&self.library, file, self.depth, self.ascii)?;
        name.clone_into(&mut self.wish);
        Ok(())
    }

    /// Uses this keymap from now on.
    pub fn use_keymap(&mut self, name: &str) -> Result<(), FileError> {
        self.keymap = Keymap::load(&self.library, name)?;
        Ok(())
    }

    /// Files have changed: reads both again. Returns what has changed, in words, and what was refused.
    pub fn reload(&mut self) -> (Vec<String>, Vec<FileError>) {
        let (theme, keymap) = (self.theme.clone(), self.keymap.clone());
        let wish = self.wish.clone();
        let mut refused = Vec::new();
        refused.extend(self.use_theme(&wish).err());
        refused.extend(self.use_keymap(&keymap.name).err());
        let mut changed = Vec::new();
        if theme != self.theme {
            changed.push(format!("theme `{}` was read again", self.theme.name));
        }
        if keymap != self.keymap {
            changed.push(format!("keymap `{}` was read again", self.keymap.name));
        }
        (changed, refused)
    }

    /// Every name that a theme can be asked for by.
    pub fn themes(&self) -> Vec<String> {
        let mut names = vec![AUTO.to_owned()];
        names.extend(self.library.list(Kind::Theme).into_iter().map(|(name, _)| name));
        names
    }

    /// Every keymap's name.
    pub fn keymaps(&self) -> Vec<String> {
        self.library.list(Kind::Keymap).into_iter().map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_keeps_what_was_in_force() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("themes")).unwrap();
        let file = folder.path().join("themes/mine.toml");
        std::fs::write(&file, "inherits = \"light\"\n").unwrap();
        let library = Library { folder: Some(folder.path().to_owned()) };
        let (mut look, told) = Look::new(library, "mine", "default", Depth::True, false).unwrap();
        assert!(told.is_empty());
        std::fs::write(&file, "inherits = ").unwrap();
        let before = look.theme.clone();
        let (changed, refused) = look.reload();
        assert!(changed.is_empty() && refused.len() == 1);
        assert_eq!(look.theme, before);
        std::fs::write(&file, "inherits = \"dark\"\n").unwrap();
        assert_eq!(look.reload().0, ["theme `mine` was read again"]);
    }

    #[test]
    fn auto_follows_the_background_until_a_theme_is_chosen() {
        let (mut look, _) = Look::new(Library::default(), AUTO, "default", Depth::True, false).unwrap();
        assert_eq!(look.theme.name, "dark");
        look.background(true).unwrap();
        assert_eq!(look.theme.name, "light");
        look.use_theme("mono").unwrap();
        look.background(false).unwrap();
        assert_eq!(look.theme.name, "mono");
    }
}
