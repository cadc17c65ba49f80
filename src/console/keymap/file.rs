//! How a keymap is written: actions and their keys, perhaps on top of another keymap.
//!
//! ```toml
//! inherits = "default"
//! [keys]
//! "quit" = "q"
//! "list.down" = ["down", "j"]
//! "pane.show hosts" = "1"        # with an argument
//! "journal.verify" = "e v"       # two keys, one after the other
//! "view.bell" = []               # no key
//! ```
//!
//! A key means one thing: the same key twice where both could be meant is refused, and so is a dangerous action on one
//! key alone or on a key that terminals or fingers confuse.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Key, written};
use super::{Binding, Keymap};
use crate::console::action::{Action, Danger, Invocation};
use crate::console::library::{FileError, Kind, Library, Source};
use crate::fleet::nearest;

/// A binding and where it is written.
struct Written {
    binding: Binding,
    span: Range<usize>,
}

/// Chains of `inherits` longer than this are taken for a circle.
const GENERATIONS: usize = 8;

/// Reads a keymap and all it inherits. A child's entry replaces that of the same action, and takes its keys away from
/// every inherited action.
pub fn load(library: &Library, name: &str) -> Result<Keymap, FileError> {
    join(library, library.find(Kind::Keymap, name)?)
}

/// Reads a keymap that was found, and all it inherits.
pub(crate) fn join(library: &Library, source: Source) -> Result<Keymap, FileError> {
    let name = source.name.clone();
    let mut bindings: Vec<Binding> = Vec::new();
    let mut chain = vec![source];
    while let Some((parent, span)) = chain.last().map(inherits).transpose()?.flatten() {
        let Some(child) = chain.last() else { break };
        if chain.len() == GENERATIONS || chain.iter().any(|source| source.name == parent) {
            return Err(child.error(Kind::Keymap, &span, format!("`{parent}` inherits from this keymap: a circle")));
        }
        let found = library
            .find(Kind::Keymap, &parent)
            .map_err(|error| child.error(Kind::Keymap, &span, format!("inherits: {error}")))?;
        chain.push(found);
    }
    for source in chain.iter().rev() {
        let (named, own) = read(source)?;
        refuse_doubles(source, &own)?;
        bindings.retain(|old| !named.contains(&old.invocation) && !own.iter().any(|new| new.binding.clashes(old)));
        bindings.extend(own.into_iter().map(|written| written.binding));
    }
    Ok(Keymap { name, bindings })
}

fn table(source: &Source) -> Result<DeTable<'_>, FileError> {
    DeTable::parse(&source.text)
        .map(Spanned::into_inner)
        .map_err(|error| source.error(Kind::Keymap, &error.span().unwrap_or(0..0), error.message().to_owned()))
}

fn inherits(source: &Source) -> Result<Option<(String, Range<usize>)>, FileError> {
    match table(source)?.get("inherits") {
        None => Ok(None),
        Some(value) => match value.get_ref().as_str() {
            Some(name) => Ok(Some((name.to_owned(), value.span()))),
            None => Err(source.error(Kind::Keymap, &value.span(), "expected the name of a keymap in quotes")),
        },
    }
}

/// The actions that the file names, and the keys it gives them.
fn read(source: &Source) -> Result<(Vec<Invocation>, Vec<Written>), FileError> {
    let mut named = Vec::new();
    let mut own = Vec::new();
    for (key, value) in &table(source)? {
        match key.get_ref().as_ref() {
            "inherits" => {}
            "keys" => {
                let Some(keys) = value.get_ref().as_table() else {
                    return Err(source.error(Kind::Keymap, &value.span(), "expected a table: [keys]"));
                };
                for (action, keys) in keys {
                    let invocation = invocation(source, action.get_ref(), &action.span())?;
                    named.push(invocation.clone());
                    for (text, span) in texts(source, keys)? {
                        let keys = Key::sequence(&text).map_err(|error| source.error(Kind::Keymap, &span, error))?;
                        let binding = Binding { keys, invocation: invocation.clone() };
                        refuse_danger(source, &binding, &span)?;
                        own.push(Written { binding, span });
                    }
                }
            }
            unknown => {
                let near = nearest(unknown, ["inherits", "keys"]);
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(source.error(Kind::Keymap, &key.span(), format!("unknown key `{unknown}`{near}")));
            }
        }
    }
    Ok((named, own))
}

fn invocation(source: &Source, text: &str, span: &Range<usize>) -> Result<Invocation, FileError> {
    let (id, argument) = text.split_once(' ').map_or((text, None), |(id, rest)| (id, Some(rest.trim())));
    let Some(action) = Action::of(id) else {
        let near = nearest(id, Action::all().map(|action| action.spec().id));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(source.error(Kind::Keymap, span, format!("there is no action `{id}`{near}")));
    };
    if argument.is_some() && action.spec().argument.is_none() {
        return Err(source.error(Kind::Keymap, span, format!("`{id}` takes no argument")));
    }
    Ok(Invocation { action, argument: argument.map(ToOwned::to_owned) })
}

fn texts(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<Vec<(String, Range<usize>)>, FileError> {
    let refuse = |span: &Range<usize>| source.error(Kind::Keymap, span, "expected a key in quotes, or a list of them");
    match value.get_ref() {
        DeValue::String(text) => Ok(vec![(text.to_string(), value.span())]),
        DeValue::Array(all) => all
            .iter()
            .map(|one| match one.get_ref().as_str() {
                Some(text) => Ok((text.to_owned(), one.span())),
                None => Err(refuse(&one.span())),
            })
            .collect(),
        _ => Err(refuse(&value.span())),
    }
}

fn refuse_danger(source: &Source, binding: &Binding, span: &Range<usize>) -> Result<(), FileError> {
    let spec = binding.invocation.action.spec();
    if spec.danger != Danger::Dangerous {
        return Ok(());
    }
    let keys = written(&binding.keys);
    let why = if binding.keys.len() < 2 {
        Some("a slip of one finger must not be enough; use two keys, one after the other: \"x x\"")
    } else {
        binding.keys.iter().find_map(|key| key.easily_confused())
    };
    match why {
        Some(why) => {
            let message = format!("`{}` is dangerous and cannot be on `{keys}`: {why}", spec.id);
            Err(source.error(Kind::Keymap, span, message))
        }
        None => Ok(()),
    }
}

fn refuse_doubles(source: &Source, own: &[Written]) -> Result<(), FileError> {
    for (position, later) in own.iter().enumerate() {
        let Some(earlier) = own.iter().take(position).find(|earlier| earlier.binding.clashes(&later.binding)) else {
            continue;
        };
        let first = source.error(Kind::Keymap, &earlier.span, "");
        let line = first.position.map_or(0, |(line, _)| line);
        let message = format!(
            "`{}` of `{}` is already `{}` of `{}` in line {line}; a key means one thing",
            written(&later.binding.keys),
            later.binding.invocation,
            written(&earlier.binding.keys),
            earlier.binding.invocation,
        );
        return Err(source.error(Kind::Keymap, &later.span, message));
    }
    Ok(())
}
