//! The INI form: `[group]`, `[group:children]`, `[group:vars]`, and a host a line with its variables behind it.

use super::inventory::{Inventory, UNGROUPED, Variable};
use super::{Wrong, range};

/// What the lines of a section are.
enum Section {
    Hosts(String),
    Children(String),
    Variables(String),
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Inventory, Wrong> {
    let mut inventory = Inventory::default();
    let mut section = Section::Hosts(UNGROUPED.to_owned());
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.trim_start_matches('\u{feff}').trim();
        if written.is_empty() || written.starts_with(['#', ';']) {
            continue;
        }
        let wrong = |what: String| Wrong { line, what };
        if let Some(inside) = written.strip_prefix('[') {
            let Some((title, _comment)) = inside.split_once(']') else {
                return Err(wrong("a section has a `[` without its `]`".into()));
            };
            section = begun(title.trim()).map_err(wrong)?;
            let (Section::Hosts(group) | Section::Children(group) | Section::Variables(group)) = &section;
            inventory.group(group);
            continue;
        }
        inventory.check().map_err(wrong)?;
        match &section {
            Section::Hosts(group) => host(&mut inventory, group, written, line).map_err(wrong)?,
            Section::Children(parent) => {
                let child = written.split([' ', '\t', '#']).next().unwrap_or(written);
                inventory.child(parent, child);
            }
            Section::Variables(group) => {
                let (name, value) = written.split_once('=').unwrap_or((written, ""));
                inventory.of_group(group, variable(name, unquoted(value), line));
            }
        }
    }
    inventory.check().map_err(|what| Wrong { line: 1, what })?;
    Ok(inventory)
}

fn begun(title: &str) -> Result<Section, String> {
    match title.split_once(':') {
        None => Ok(Section::Hosts(title.to_owned())),
        Some((group, "children")) => Ok(Section::Children(group.to_owned())),
        Some((group, "vars")) => Ok(Section::Variables(group.to_owned())),
        Some((_group, other)) => Err(format!("`:{other}` is neither `:children` nor `:vars`")),
    }
}

fn host(inventory: &mut Inventory, group: &str, written: &str, line: usize) -> Result<(), String> {
    let mut words = words(written)?.into_iter();
    let Some(pattern) = words.next() else { return Ok(()) };
    if pattern.contains('=') {
        return Err(format!("a variable stands where a host is expected; is a section `[{group}:vars]` meant?"));
    }
    // As in a YAML inventory, a port may stand behind the name.
    let (pattern, port) = match pattern.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && !port.contains(']') && port.parse::<u16>().is_ok() => {
            (name.to_owned(), Some(port.to_owned()))
        }
        _ => (pattern, None),
    };
    let own: Vec<String> = words.collect();
    for name in range::hosts(&pattern)? {
        inventory.host(group, &name);
        if let Some(port) = &port {
            inventory.of_host(&name, variable("ansible_port", port, line));
        }
        for word in &own {
            let (key, value) = word.split_once('=').ok_or_else(|| {
                // Never the word itself: it may be part of a password.
                "a word behind a host is no `name=value`; put a value with spaces into quotes".to_owned()
            })?;
            inventory.of_host(&name, variable(key, value, line));
        }
    }
    Ok(())
}

fn variable(name: &str, value: &str, line: usize) -> Variable {
    Variable { name: name.trim().to_owned(), value: Some(value.trim().to_owned()), line }
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

/// Words as a shell splits them: quotes hold spaces, `#` begins a comment.
fn words(written: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut symbols = written.chars();
    while let Some(c) = symbols.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(symbols.next()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let all = |text: &str| words(text).map(|words| words.join("|"));
        assert_eq!(all("a b=1  c='x y' d=\"p\\\"q\" # e").unwrap(), "a|b=1|c=x y|d=p\"q");
        assert_eq!(all("a#b ''").unwrap(), "a#b|");
        assert!(all("a 'b").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(text in "[-a-c0-2:\\[\\]= \n\"'#;\\\\]{0,60}") {
            let _read = read(&text);
        }
    }
}
