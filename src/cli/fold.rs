//! Long lines on a terminal: broken between words, what follows set in below what it belongs to.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use textwrap::{Options, WordSeparator, WordSplitter};
use unicode_width::UnicodeWidthStr;

/// Narrower terminals break lines themselves.
const NARROW: usize = 24;

/// How many columns a stream has: `None` where it is no terminal, whose lines are another program's.
pub(super) fn columns(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(stream).ok()).flatten()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns >= NARROW)
}

/// The same text with no line longer than that, but where a word alone is. What is broken off a row of columns stands below the last
/// of those that begin in its left half, and of any other line two columns further in.
pub(super) fn fold(text: &str, columns: Option<usize>) -> Cow<'_, str> {
    let Some(columns) = columns.filter(|columns| text.lines().any(|line| line.width() > *columns)) else {
        return Cow::Borrowed(text);
    };
    let folded = text.split_inclusive('\n').map(|whole| {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        if line.width() <= columns {
            return whole.to_owned();
        }
        let below = " ".repeat(hang(line, columns));
        let options = Options::new(columns)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            // A path or a command that is broken cannot be copied: it is left to the terminal.
            .break_words(false)
            .subsequent_indent(&below);
        textwrap::fill(line, options) + whole.get(line.len()..).unwrap_or_default()
    });
    Cow::Owned(folded.collect())
}

/// Where what is broken off begins.
fn hang(line: &str, columns: usize) -> usize {
    let bytes = line.as_bytes();
    let begins = |at: &usize| *at >= 2 && bytes[*at] != b' ' && bytes[at - 2..*at] == *b"  ";
    let starts = (0..bytes.len()).filter(begins).filter_map(|at| line.get(..at)).map(UnicodeWidthStr::width);
    let leading = line.len() - line.trim_start_matches(' ').len();
    starts.take_while(|start| *start <= columns / 2).last().filter(|start| *start > leading).unwrap_or(leading + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_below_their_last_column() {
        let row = "● bad   db: mariadb does not answer → start it: systemctl start mariadb\n";
        assert_eq!(
            fold(row, Some(40)),
            "● bad   db: mariadb does not answer →\n        start it: systemctl start\n        mariadb\n"
        );
        let line = "hotspare: the fleet file cannot be read\n  hint: name another one\n";
        assert_eq!(fold(line, Some(24)), "hotspare: the fleet file\n  cannot be read\n  hint: name another one\n");
        assert_eq!(fold("  hint: write it anew, or not", Some(24)), "  hint: write it anew,\n    or not");
    }

    #[test]
    fn what_fits_and_what_no_terminal_shows_is_as_it_was() {
        let text = "a  b   c\n\n東京東京東京  so\n";
        assert!(matches!(fold(text, Some(24)), Cow::Borrowed(_)));
        let long = "word ".repeat(40);
        assert!(matches!(fold(&long, None), Cow::Borrowed(_)));
        let path = format!("see /{} there", "long/".repeat(20));
        assert!(fold(&path, Some(40)).contains(&"long/".repeat(20)));
        assert_eq!(columns(&std::fs::File::open("/dev/null").unwrap()), None);
    }

    #[test]
    fn no_word_is_lost() {
        proptest::proptest!(|(text in "[ a-zé東\n]{0,200}", columns in 24_usize..60)| {
            let folded = fold(&text, Some(columns));
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            proptest::prop_assert_eq!(words(&folded), words(&text));
            for line in folded.lines() {
                proptest::prop_assert!(line.width() <= columns || !line.trim().contains(' '), "{:?}", line);
            }
        });
    }
}
