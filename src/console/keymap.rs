//! Keymaps: which keys call which action.
//!
//! Only the keys are here. What an action does, where it applies and how dangerous it is stands in the one table of
//! [`crate::console::action`].

pub mod file;
pub mod key;

use super::action::{Action, Invocation, Scope};
use super::library::{FileError, Library};
pub use key::{Key, written};

/// One sequence of keys and what it calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The keys, one after the other.
    pub keys: Vec<Key>,
    /// What they call.
    pub invocation: Invocation,
}

impl Binding {
    /// Whether both could be meant at once: the same keys, or one the beginning of the other, where both apply.
    fn clashes(&self, other: &Self) -> bool {
        let shorter = self.keys.len().min(other.keys.len());
        self.keys[..shorter] == other.keys[..shorter]
            && self.invocation.action.spec().scope.meets(other.invocation.action.spec().scope)
    }
}

/// A whole keymap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    /// Name of its file.
    pub name: String,
    /// Every binding.
    pub bindings: Vec<Binding>,
}

/// What a sequence of keys means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// This.
    Call(Invocation),
    /// The beginning of several.
    More,
    /// Nothing here.
    Nothing,
}

impl Keymap {
    /// Reads the keymap of this name.
    pub fn load(library: &Library, name: &str) -> Result<Self, FileError> {
        file::load(library, name)
    }

    /// What these keys mean where these scopes are in force.
    pub fn meant(&self, keys: &[Key], scopes: &[Scope]) -> Meant {
        let mut more = false;
        for binding in self.within(scopes) {
            if binding.keys == keys {
                return Meant::Call(binding.invocation.clone());
            }
            more |= binding.keys.starts_with(keys);
        }
        if more { Meant::More } else { Meant::Nothing }
    }

    /// The bindings that begin with these keys, for a hint of what may follow.
    pub fn following<'a>(&'a self, keys: &[Key], scopes: &'a [Scope]) -> Vec<&'a Binding> {
        self.within(scopes)
            .filter(|binding| binding.keys.len() > keys.len() && binding.keys.starts_with(keys))
            .collect()
    }

    fn within<'a>(&'a self, scopes: &'a [Scope]) -> impl Iterator<Item = &'a Binding> {
        self.bindings.iter().filter(|binding| scopes.contains(&binding.invocation.action.spec().scope))
    }

    /// Every way to call this action without an argument, as written.
    pub fn keys_of(&self, action: Action) -> Vec<String> {
        let all = self.bindings.iter().filter(|binding| binding.invocation.action == action);
        all.filter(|binding| binding.invocation.argument.is_none()).map(|binding| written(&binding.keys)).collect()
    }

    /// The first way to call it, for a hint.
    pub fn key_of(&self, action: Action) -> Option<String> {
        self.keys_of(action).into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::action::Danger;
    use crate::console::library::Kind;

    fn user(text: &str) -> Result<Keymap, FileError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keymaps")).unwrap();
        std::fs::write(folder.path().join("keymaps/mine.toml"), text).unwrap();
        Keymap::load(&Library { folder: Some(folder.path().to_owned()) }, "mine")
    }

    #[test]
    fn every_shipped_keymap_loads_and_reaches_every_place() {
        for (name, _) in Library::default().list(Kind::Keymap) {
            let keymap = Keymap::load(&Library::default(), &name).unwrap();
            for action in [Action::Quit, Action::Help, Action::Palette, Action::Back, Action::Open, Action::Down] {
                assert!(keymap.key_of(action).is_some(), "{name}: {}", action.spec().id);
            }
        }
    }

    #[test]
    fn no_shipped_keymap_has_a_dangerous_action_on_one_key() {
        for (name, _) in Library::default().list(Kind::Keymap) {
            for binding in Keymap::load(&Library::default(), &name).unwrap().bindings {
                let dangerous = binding.invocation.action.spec().danger == Danger::Dangerous;
                assert!(!dangerous || binding.keys.len() > 1, "{name}: {}", binding.invocation);
            }
        }
    }

    #[rstest::rstest]
    #[case(
        "[keys]\n\"quit\" = \"q\"\n\"help\" = \"q\"\n",
        "mine.toml:3:10: `q` of `help` is already `q` of `quit` in line 2"
    )]
    #[case(
        "[keys]\n\"quit\" = \"e\"\n\"help\" = \"e d\"\n",
        "mine.toml:3:10: `e d` of `help` is already `e` of `quit`"
    )]
    #[case("[keys]\n\"engine.stop\" = \"Q\"\n", "mine.toml:2:17: `engine.stop` is dangerous and cannot be on `Q`")]
    #[case("[keys]\n\"engine.stop\" = \"e enter\"\n", "Enter is pressed without looking")]
    #[case("[keys]\n\"engine.stop\" = \"e ctrl-s\"\n", "terminals hold their output")]
    #[case("[keys]\n\"engine.stop\" = \"ctrl-m ctrl-m\"\n", "terminals send Enter")]
    #[case("[keys]\n\"qiut\" = \"q\"\n", "mine.toml:2:1: there is no action `qiut`; did you mean `quit`?")]
    #[case("[keys]\n\"quit now\" = \"q\"\n", "`quit` takes no argument")]
    #[case("[keys]\nquit = 3\n", "expected a key in quotes")]
    #[case("keys = 3\n", "expected a table")]
    #[case("[kyes]\n", "unknown key `kyes`; did you mean `keys`?")]
    #[case("inherits = \"defualt\"\n", "did you mean `default`?")]
    fn a_bad_file_is_refused_with_its_line(#[case] text: &str, #[case] expected: &str) {
        let error = user(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_child_takes_a_key_away_from_its_parent() {
        let mine = user("inherits = \"default\"\n[keys]\n\"view.freeze\" = \"q\"\n").unwrap();
        assert_eq!(mine.keys_of(Action::Freeze), ["q"]);
        assert!(!mine.keys_of(Action::Quit).contains(&"q".to_owned()));
        assert!(mine.key_of(Action::Help).is_some());
    }

    #[test]
    fn the_same_key_may_mean_different_things_in_different_panes() {
        let mine =
            user("[keys]\n\"host.probe\" = \"r\"\n\"journal.verify\" = \"v\"\n\"job.cancel\" = \"r r\"\n").unwrap();
        let r = Key::sequence("r").unwrap();
        assert!(matches!(mine.meant(&r, &[Scope::Hosts, Scope::Anywhere]), Meant::Call(_)));
        assert_eq!(mine.meant(&r, &[Scope::Jobs, Scope::Anywhere]), Meant::More);
        assert_eq!(mine.meant(&r, &[Scope::Anywhere]), Meant::Nothing);
    }
}
