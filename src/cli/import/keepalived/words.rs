//! `keepalived.conf(5)` as statements: words, and a block behind some of them. What the words mean is not known here.

use super::Wrong;

/// Blocks in blocks; what is deeper is no configuration.
const DEEPEST: usize = 16;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Line, from 1.
    pub(super) line: usize,
    /// Its first word: `priority`.
    pub(super) name: String,
    /// The others.
    pub(super) words: Vec<String>,
    /// What stands in braces behind them.
    pub(super) block: Option<Vec<Statement>>,
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Vec<Statement>, Wrong> {
    let mut tokens = Vec::new();
    for (line, written) in (1..).zip(text.lines()) {
        tokens.extend(split(written).map_err(|what| Wrong { line, what })?.into_iter().map(|token| (line, token)));
        tokens.push((line, Token::End));
    }
    let mut tokens = tokens.into_iter().peekable();
    let read = block(&mut tokens, 0)?;
    match tokens.next() {
        None => Ok(read),
        Some((line, _)) => Err(Wrong { line, what: "a `}` closes nothing".into() }),
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<(usize, Token)>>;

/// Statements up to the `}` that closes them, which is left, or to the end.
fn block(tokens: &mut Tokens, depth: usize) -> Result<Vec<Statement>, Wrong> {
    let mut statements: Vec<Statement> = Vec::new();
    // Whether the statement before may still get words, or a block.
    let (mut words_go_on, mut block_may_come) = (false, false);
    while let Some((line, token)) = tokens.next_if(|(_line, token)| !matches!(token, Token::Close)) {
        match token {
            Token::Word(word) => {
                match statements.last_mut().filter(|_last| words_go_on) {
                    Some(last) => last.words.push(word),
                    None => statements.push(Statement { line, name: word, words: Vec::new(), block: None }),
                }
                (words_go_on, block_may_come) = (true, true);
            }
            // The brace may stand on the next line.
            Token::End => words_go_on = false,
            Token::Open => {
                let last = statements.last_mut().filter(|_last| block_may_come && depth < DEEPEST);
                let Some(last) = last else { return Err(Wrong { line, what: "a `{` stands behind nothing".into() }) };
                last.block = Some(block(tokens, depth + 1)?);
                if tokens.next().is_none() {
                    return Err(Wrong { line, what: "a `{` without its `}`".into() });
                }
                (words_go_on, block_may_come) = (false, false);
            }
            Token::Close => {}
        }
    }
    Ok(statements)
}

/// One line: quotes hold spaces and braces, `#` and `!` begin a comment.
fn split(line: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#' | '!') if word.is_none() => break,
            (None, '{' | '}') => {
                tokens.extend(word.take().map(Token::Word));
                tokens.push(if c == '{' { Token::Open } else { Token::Close });
            }
            (None, c) if c.is_whitespace() => tokens.extend(word.take().map(Token::Word)),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    tokens.extend(word.map(Token::Word));
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(statements: &[Statement]) -> String {
        let one = |statement: &Statement| {
            let words: Vec<String> = statement.words.iter().map(|word| format!(" {word}")).collect();
            let block = statement.block.as_ref().map_or_else(String::new, |block| format!(" {{{}}}", told(block)));
            format!("{}:{}{}{block};", statement.line, statement.name, words.concat())
        };
        statements.iter().map(one).collect()
    }

    #[test]
    fn statements_have_words_and_blocks() {
        let text = "! a comment\nvrrp_script x\n{\n  script \"a { b\" # c\n  weight -2\n}\n\nlist { a b }\nlast 1";
        assert_eq!(
            told(&read(text).unwrap()),
            "2:vrrp_script x {4:script a { b;5:weight -2;};8:list {8:a b;};9:last 1;"
        );
        assert_eq!(read("").unwrap(), Vec::new());
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let line = |text: &str| read(text).map_err(|wrong| wrong.line).unwrap_err();
        assert_eq!(line("a {\n  b\n"), 1);
        assert_eq!(line("a\n}\n"), 2);
        assert_eq!(line("a\n{\n}\n{ }\n"), 4);
        assert_eq!(line("a\nb \"c\n"), 2);
        assert!(read(&"a {".repeat(5_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(text in "[a-c{} \n\"'#!]{0,60}") {
            let _read = read(&text);
        }
    }
}
