//! Placeholders in a shell command: each value stays one word, whatever it holds and wherever it stands.
//!
//! Outside quotes a value is put into single quotes. Between double quotes its `$`, `` ` ``, `"` and `\` are escaped (POSIX.1-2024, Shell
//! Command Language, 2.2.3). Between single quotes, in backquotes and in a here-document nothing can be quoted for whoever
//! reads the text next (`ssh b 'echo {pool}'`), so there only values of harmless characters are let through.

use super::quote;
use crate::fleet::template::placeholders;

/// How the shell reads the text at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Bare,
    /// Inside `$( … )`, which reads like a command of its own.
    Substitution,
    /// A `(` that is no substitution, so that its partner ends nothing.
    Group,
    Single,
    Double,
    Backquote,
}

/// The command with its placeholders filled; names for which there is no value stay as they are. The error says which
/// placeholder stands where its value cannot be quoted.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut reader = Reader { stack: vec![Context::Bare], heredoc: false, word_start: true };
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (span, name) in placeholders(text) {
        let Some(value) = value(name) else { continue };
        let before = text.get(from..span.start).unwrap_or_default();
        reader.read(before);
        out.push_str(before);
        from = span.end;
        out.push_str(&reader.quoted(&value).ok_or_else(|| {
            format!(
                "{{{name}}} stands between single quotes, in backquotes or in a here-document, where its value \
                 {value:?} cannot be quoted; move it out of there"
            )
        })?);
        reader.word_start = false;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Ok(out)
}

/// Follows the quotes of a command.
struct Reader {
    stack: Vec<Context>,
    /// A here-document was begun: from its line on, what is text and what is command is not followed.
    heredoc: bool,
    word_start: bool,
}

impl Reader {
    fn context(&self) -> Context {
        self.stack.last().copied().unwrap_or(Context::Bare)
    }

    fn quoted(&self, value: &str) -> Option<String> {
        let harmless = |symbol: char| symbol.is_ascii_alphanumeric() || "._:/@%+,-".contains(symbol);
        if self.heredoc || self.stack.contains(&Context::Backquote) || self.context() == Context::Single {
            return value.chars().all(harmless).then(|| value.to_owned());
        }
        Some(match self.context() {
            Context::Double => {
                let mut escaped = String::with_capacity(value.len());
                for symbol in value.chars().filter(|&symbol| symbol != '\0') {
                    if matches!(symbol, '$' | '`' | '"' | '\\') {
                        escaped.push('\\');
                    }
                    escaped.push(symbol);
                }
                escaped
            }
            _ => quote(value),
        })
    }

    fn read(&mut self, text: &str) {
        let mut symbols = text.chars().peekable();
        while let Some(symbol) = symbols.next() {
            let start = std::mem::replace(&mut self.word_start, symbol.is_whitespace() || ";&|()<>".contains(symbol));
            match (self.context(), symbol) {
                (Context::Single, '\'')
                | (Context::Double, '"')
                | (Context::Backquote, '`')
                | (Context::Substitution | Context::Group, ')') => {
                    self.stack.pop();
                }
                (Context::Single, _) => {}
                (_, '\\') => {
                    symbols.next();
                }
                (_, '`') => self.stack.push(Context::Backquote),
                (_, '$') if symbols.peek() == Some(&'(') => {
                    symbols.next();
                    self.word_start = true;
                    self.stack.push(Context::Substitution);
                }
                (Context::Double, _) => {}
                (_, '"') => self.stack.push(Context::Double),
                (_, '\'') => self.stack.push(Context::Single),
                (_, '(') => self.stack.push(Context::Group),
                (_, '<') if symbols.peek() == Some(&'<') => self.heredoc = true,
                (_, '#') if start => while symbols.next_if(|&symbol| symbol != '\n').is_some() {},
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn printed(shell: &[&str], script: &str) -> String {
        let output = Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(script).output().expect("a shell");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("what went in was UTF-8")
    }

    fn filled(template: &str, value: &str) -> String {
        fill(template, |name| (name == "v").then(|| value.to_owned())).expect("it can be quoted")
    }

    #[test]
    fn where_nothing_can_be_quoted_only_harmless_values_pass() {
        for template in ["ssh b 'echo {v}'", "echo `echo {v}`", "cat <<E\n{v}\nE", "cat <<'E'\nit's {v}\nE"] {
            let hard = fill(template, |_| Some("a b".into()));
            assert!(hard.is_err_and(|error| error.contains("move it out of there")), "{template}");
            assert!(fill(template, |_| Some("studio-1".into())).is_ok(), "{template}");
        }
    }

    #[test]
    fn braces_of_the_shell_stay() {
        assert_eq!(filled("awk '{print $1}' ${HOME} {v}", "x"), "awk '{print $1}' ${HOME} 'x'");
        assert_eq!(filled("echo ok # don't\necho {v}", "a b"), "echo ok # don't\necho 'a b'");
        assert_eq!(filled("echo \\' {v}", "a b"), "echo \\' 'a b'");
    }

    const TEMPLATES: &[&str] = &[
        "printf %s {v}",
        "printf %s \"{v}\"",
        "printf %s \"$(printf '%s.' {v})\" | sed '$s/\\.$//'",
        "printf %s \"$(printf '%s.' \"{v}\")\" | sed '$s/\\.$//'",
        "(printf %s {v})",
        "x=$(printf '%s.' {v}); printf %s \"${x%.}\"",
        "# it's \"odd\nprintf %s {v}",
        "printf %s ''{v}\"\"",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_value_stays_one_word(value in "[^\0]*", at in 0..TEMPLATES.len()) {
            let script = filled(TEMPLATES[at], &value);
            for shell in [&["dash"][..], &["bash", "--posix"]] {
                let seen = printed(shell, &script);
                // sed ends its last line where there was none.
                let seen = if TEMPLATES[at].contains("sed") { seen.trim_end_matches('\n').to_owned() } else { seen };
                let value = if TEMPLATES[at].contains("sed") { value.trim_end_matches('\n') } else { value.as_str() };
                prop_assert_eq!(seen, value, "{}", script);
            }
        }
    }
}
