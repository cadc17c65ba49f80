//! A YAML file as a list of its values: each with the way to it and its line. Nothing is guessed of their types.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Tables in tables; what is deeper is no configuration.
const DEEPEST: usize = 32;
/// Bytes of a key; each value is told with all the keys on its way.
const LONGEST: usize = 200;
/// Values; a configuration with more is one that a program wrote.
const MOST: usize = 20_000;

/// One value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The way to it: `destinations[0].base_path`.
    pub(super) path: String,
    /// The same, key by key; a place in a list is `[0]`.
    pub(super) way: Vec<String>,
    /// Line, from 1.
    pub(super) line: usize,
    /// Its text; `None`: it says that there is no value.
    pub(super) text: Option<String>,
}

/// What is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Line, from 1.
    pub(super) line: usize,
    /// What.
    pub(super) what: String,
}

/// Reads the first document of a file.
pub(super) fn leaves(text: &str) -> Result<Vec<Leaf>, Wrong> {
    let mut reader = Reader { parser: Parser::new_from_str(text), leaves: Vec::new(), seen: HashSet::new() };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(reader.leaves),
            (event, span) => reader.value(event, span, &Way::default())?,
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    leaves: Vec<Leaf>,
    seen: HashSet<String>,
}

/// The way to a value: in one text, and key by key.
#[derive(Default)]
struct Way {
    path: String,
    keys: Vec<String>,
}

impl Way {
    fn to(&self, key: String) -> Self {
        let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
        Self { path, keys: self.keys.iter().cloned().chain([key]).collect() }
    }

    fn at(&self, place: usize) -> Self {
        let key = format!("[{place}]");
        Self { path: format!("{}{key}", self.path), keys: self.keys.iter().cloned().chain([key]).collect() }
    }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Wrong> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(scan(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn leaf(&mut self, way: &Way, line: usize, text: Option<String>) {
        self.leaves.push(Leaf { path: way.path.clone(), way: way.keys.clone(), line, text });
    }

    fn value(&mut self, event: Event<'a>, span: Span, way: &Way) -> Result<(), Wrong> {
        let line = span.start.line();
        if way.keys.len() > DEEPEST {
            return Err(Wrong { line, what: "there are too many tables in tables".into() });
        }
        if self.leaves.len() > MOST {
            return Err(Wrong { line, what: format!("there are more than {MOST} values") });
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let none = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                self.leaf(way, line, (!none).then(|| text.into_owned()));
                Ok(())
            }
            Event::SequenceStart(..) => {
                for place in 0.. {
                    match self.next()? {
                        (Event::SequenceEnd | Event::StreamEnd, _) => break,
                        (event, span) => self.value(event, span, &way.at(place))?,
                    }
                }
                Ok(())
            }
            Event::MappingStart(..) => self.table(line, way),
            Event::Alias(_) => {
                Err(Wrong { line, what: "an alias (`*name`) is not understood; write the value out".into() })
            }
            _ => Err(Wrong { line, what: "something is out of place".into() }),
        }
    }

    /// A table without a key is a value too: that it says nothing.
    fn table(&mut self, line: usize, way: &Way) -> Result<(), Wrong> {
        let mut empty = true;
        loop {
            let key = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                (Event::Scalar(key, ..), _) => key,
                (_, span) => return Err(Wrong { line: span.start.line(), what: "a key is no plain text".into() }),
            };
            empty = false;
            if key.len() > LONGEST {
                return Err(Wrong { line, what: format!("a key is longer than {LONGEST} bytes") });
            }
            let (event, span) = self.next()?;
            let inner = way.to(key.into_owned());
            // Keys may hold points: only the whole way tells two of them apart.
            if !self.seen.insert(inner.keys.join("\0")) {
                return Err(Wrong { line: span.start.line(), what: format!("`{}` is there twice", inner.path) });
            }
            self.value(event, span, &inner)?;
        }
        if empty {
            self.leaf(way, line, None);
        }
        Ok(())
    }
}

fn scan(error: &ScanError) -> Wrong {
    Wrong { line: error.marker().line(), what: error.info().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_way_and_its_line() {
        let text =
            "source:\n  base_path: /data\nlist:\n  - name: a\n    on: true\n  - 'b'\nnone: ~\nempty:\nquoted: \"~\"\n";
        let read = leaves(text).unwrap();
        let seen: Vec<(&str, usize, Option<&str>)> =
            read.iter().map(|leaf| (leaf.path.as_str(), leaf.line, leaf.text.as_deref())).collect();
        let wanted = [
            ("source.base_path", 2, Some("/data")),
            ("list[0].name", 4, Some("a")),
            ("list[0].on", 5, Some("true")),
            ("list[1]", 6, Some("b")),
            ("none", 7, None),
        ];
        assert_eq!(seen[..5], wanted);
        assert_eq!(seen[6], ("quoted", 9, Some("~")));
        assert_eq!(leaves(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let line = |text: &str| leaves(text).map_err(|wrong| wrong.line);
        assert_eq!(line("a: 1\nb: [1, 2\n"), Err(3));
        assert_eq!(line("a: 1\na: 2\n"), Err(2));
        assert_eq!(line("a: &x 1\nb: *x\n"), Err(2));
        assert!(leaves(&"[".repeat(5_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(text in "\\PC*|[-a:\\[\\]{}\n \"'&*#|>]{0,60}") {
            let _read = leaves(&text);
        }
    }
}
