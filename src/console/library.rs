//! Themes and keymaps by name: those that are built in, and those of the user's configuration folder, which win.
//!
//! This file knows where such files are and how their errors are told; it does not know what is written in them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::fleet::nearest;

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Colours and glyphs.
    Theme,
    /// Keys.
    Keymap,
}

impl Kind {
    /// The folder, in the repository as in the user's configuration folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Theme => "themes",
            Self::Keymap => "keymaps",
        }
    }

    /// What a person calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Theme => "theme",
            Self::Keymap => "keymap",
        }
    }

    /// Those that are built in: name and text.
    pub const fn shipped(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Theme => THEMES,
            Self::Keymap => KEYMAPS,
        }
    }
}

const THEMES: &[(&str, &str)] = &[
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../themes/deuteranopia.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("dark-16", include_str!("../../themes/dark-16.toml")),
    ("light-16", include_str!("../../themes/light-16.toml")),
    ("high-contrast-16", include_str!("../../themes/high-contrast-16.toml")),
    ("deuteranopia-16", include_str!("../../themes/deuteranopia-16.toml")),
];

const KEYMAPS: &[(&str, &str)] = &[
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
    ("function-keys", include_str!("../../keymaps/function-keys.toml")),
];

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program.
    BuiltIn,
    /// A file of the user.
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The text of one theme or keymap, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name: that of the file without `.toml`.
    pub name: String,
    /// Where it was found.
    pub origin: Origin,
    /// What is written in it.
    pub text: String,
}

impl Source {
    /// The place as an error names it.
    pub fn place(&self, kind: Kind) -> String {
        match &self.origin {
            Origin::BuiltIn => format!("{}/{}.toml", kind.folder(), self.name),
            Origin::File(path) => path.display().to_string(),
        }
    }

    /// An error at these bytes of the text.
    pub fn error(&self, kind: Kind, span: &Range<usize>, message: impl Into<String>) -> FileError {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        FileError { place: self.place(kind), position: Some((line, column)), message: message.into() }
    }
}

/// Why a theme or keymap cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}: {message}", position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
pub struct FileError {
    /// The file.
    pub place: String,
    /// Line and column, both from 1.
    pub position: Option<(usize, usize)>,
    /// What is wrong and what to do.
    pub message: String,
}

/// Finds themes and keymaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library {
    /// The user's configuration folder, with `themes/` and `keymaps/` in it.
    pub folder: Option<PathBuf>,
}

impl Library {
    /// Every name with its origin: built-in ones first, then the user's; a user's file hides a built-in of its name.
    pub fn list(&self, kind: Kind) -> Vec<(String, Origin)> {
        let mut users: Vec<(String, PathBuf)> = self
            .folder
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder.join(kind.folder())).ok())
            .flatten()
            .filter_map(|entry| name_of(&entry.ok()?.path()))
            .collect();
        users.sort();
        let mut all: Vec<(String, Origin)> = kind
            .shipped()
            .iter()
            .filter(|(name, _)| !users.iter().any(|(user, _)| user == name))
            .map(|(name, _)| ((*name).to_owned(), Origin::BuiltIn))
            .collect();
        all.extend(users.into_iter().map(|(name, path)| (name, Origin::File(path))));
        all
    }

    /// The text of the file of this name.
    pub fn find(&self, kind: Kind, name: &str) -> Result<Source, FileError> {
        if let Some(path) = self.path(kind, name) {
            return read(kind, name, path);
        }
        let shipped = kind.shipped().iter().find(|(shipped, _)| *shipped == name);
        if let Some((name, text)) = shipped {
            return Ok(Source { name: (*name).to_owned(), origin: Origin::BuiltIn, text: (*text).to_owned() });
        }
        let names: Vec<String> = self.list(kind).into_iter().map(|(name, _)| name).collect();
        let near = nearest(name, names.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
        let message = format!("there is no such {}{}", kind.word(), near.unwrap_or_default());
        let message = format!("{message} (there are: {})", names.join(", "));
        Err(FileError { place: format!("{} `{name}`", kind.word()), position: None, message })
    }

    fn path(&self, kind: Kind, name: &str) -> Option<PathBuf> {
        let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
        let path = self.folder.as_ref()?.join(kind.folder()).join(format!("{name}.toml"));
        (plain && path.symlink_metadata().is_ok()).then_some(path)
    }
}

fn name_of(path: &Path) -> Option<(String, PathBuf)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".toml")?.to_owned();
    (!name.starts_with('.')).then(|| (name, path.to_path_buf()))
}

/// The most bytes that are read of a theme or keymap: real ones have a few thousand.
const LIMIT: u64 = 256 * 1024;

fn read(kind: Kind, name: &str, path: PathBuf) -> Result<Source, FileError> {
    let refuse = |message: String| FileError { place: path.display().to_string(), position: None, message };
    let about = std::fs::metadata(&path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if about.is_dir() {
        return Err(refuse(format!("is a folder, not a {} file; remove it or rename it", kind.word())));
    }
    if !about.is_file() || about.len() > LIMIT {
        return Err(refuse(format!("is not a {} file: expected a text file below 256 KiB", kind.word())));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    Ok(Source { name: name.to_owned(), origin: Origin::File(path), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_file_hides_the_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("themes")).unwrap();
        std::fs::write(folder.path().join("themes/dark.toml"), "x").unwrap();
        let library = Library { folder: Some(folder.path().to_owned()) };
        assert_eq!(library.find(Kind::Theme, "dark").unwrap().text, "x");
        let dark: Vec<_> = library.list(Kind::Theme).into_iter().filter(|(name, _)| name == "dark").collect();
        assert!(matches!(dark.as_slice(), [(_, Origin::File(_))]));
    }

    #[test]
    fn a_wrong_name_says_which_one_was_meant() {
        let error = Library::default().find(Kind::Theme, "drak").unwrap_err();
        assert!(error.to_string().contains("did you mean `dark`?"), "{error}");
        assert!(Library::default().find(Kind::Theme, "../../etc/passwd").is_err());
    }

    #[test]
    fn a_theme_that_is_a_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("themes/mine.toml")).unwrap();
        let library = Library { folder: Some(folder.path().to_owned()) };
        let error = library.find(Kind::Theme, "mine").unwrap_err();
        assert!(error.to_string().contains("is a folder, not a theme file"), "{error}");
    }

    #[test]
    fn an_error_names_line_and_column() {
        let source = Source { name: "x".into(), origin: Origin::BuiltIn, text: "a = 1\nbé = 2\n".into() };
        let at = source.text.rfind('=').unwrap();
        let error = source.error(Kind::Keymap, &(at..at + 1), "wrong");
        assert_eq!(error.to_string(), "keymaps/x.toml:2:4: wrong");
    }
}
