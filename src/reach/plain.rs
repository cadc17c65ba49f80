//! Text of other machines, made fit to be shown: one line, bounded, without control characters.

/// The first line of `text` that holds anything, without control characters and cut after `longest` characters.
///
/// What a remote machine prints may carry escape sequences that would take over the terminal, or a gigabyte of it.
pub fn line(text: &str, longest: usize) -> String {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    clean(first, longest)
}

/// The last line of `text` that holds anything, as [`line()`] would show it: where programs say why they end.
pub fn last_line(text: &str, longest: usize) -> String {
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    clean(last, longest)
}

fn clean(line: &str, longest: usize) -> String {
    let mut kept = String::new();
    for (count, symbol) in line.chars().filter(|symbol| is_plain(*symbol)).enumerate() {
        if count == longest {
            kept.push('…');
            break;
        }
        kept.push(symbol);
    }
    kept
}

/// Neither a control character nor one of those that turn the direction of writing around.
fn is_plain(symbol: char) -> bool {
    !symbol.is_control()
        && !matches!(symbol, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_do_not_reach_the_screen() {
        assert_eq!(line("\n \x1b[31mred\x07\u{202e}\r\nsecond", 20), "[31mred");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("", 3), "");
        assert_eq!(last_line("one\ntwo\n\n", 9), "two");
    }

    proptest::proptest! {
        #[test]
        fn never_longer_and_never_a_control_character(text in "\\PC*|.*", longest in 0_usize..40) {
            let shown = line(&text, longest);
            assert!(shown.chars().count() <= longest + 1);
            assert!(!shown.chars().any(char::is_control));
        }
    }
}
