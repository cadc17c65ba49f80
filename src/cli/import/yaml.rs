//! A YAML file as a list of its values: each with the way to it and its line. Nothing is guessed of their types.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Tables in tables; what is deeper is no configuration.
const DEEPEST: usize = 32;

/// One value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The way to it: `destinations[0].base_path`.
    pub(super) path: String,
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
    let mut reader = Reader { parser: Parser::new_from_str(text), leaves: Vec::new() };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(reader.leaves),
            (event, span) => reader.value(event, span, String::new(), 0)?,
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    leaves: Vec<Leaf>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Wrong> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(scan(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span, path: String, depth: usize) -> Result<(), Wrong> {
        let line = span.start.line();
        if depth > DEEPEST {
            return Err(Wrong { line, what: "there are too many tables in tables".into() });
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let none = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                self.leaves.push(Leaf { path, line, text: (!none).then(|| text.into_owned()) });
                Ok(())
            }
            Event::SequenceStart(..) => {
                for at in 0.. {
                    match self.next()? {
                        (Event::SequenceEnd | Event::StreamEnd, _) => break,
                        (event, span) => self.value(event, span, format!("{path}[{at}]"), depth + 1)?,
                    }
                }
                Ok(())
            }
            Event::MappingStart(..) => loop {
                let key = match self.next()? {
                    (Event::MappingEnd | Event::StreamEnd, _) => return Ok(()),
                    (Event::Scalar(key, ..), _) => key,
                    (_, span) => {
                        return Err(Wrong { line: span.start.line(), what: "a key is no plain text".into() });
                    }
                };
                let (event, span) = self.next()?;
                let inner = if path.is_empty() { key.into_owned() } else { format!("{path}.{key}") };
                if self.leaves.iter().any(|leaf| leaf.path == inner) {
                    return Err(Wrong { line: span.start.line(), what: format!("`{inner}` is there twice") });
                }
                self.value(event, span, inner, depth + 1)?;
            },
            Event::Alias(_) => {
                Err(Wrong { line, what: "an alias (`*name`) is not understood; write the value out".into() })
            }
            _ => Err(Wrong { line, what: "something is out of place".into() }),
        }
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
