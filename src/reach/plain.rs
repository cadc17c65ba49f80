//! Text made fit to be shown: what other machines print, one line, bounded, without control characters; and times.

use std::borrow::Cow;
use std::time::Duration;

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

/// Neither a control character nor one that is not seen itself and changes how others are: marks that turn the direction
/// of writing around, blanks without width, tags.
pub fn is_plain(symbol: char) -> bool {
    !symbol.is_control()
        && !matches!(symbol,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The same text with everything that could do something to a terminal replaced by `\u{fffd}`; lines stay lines.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().all(|symbol| symbol == '\n' || is_plain(symbol)) {
        return Cow::Borrowed(text);
    }
    let shown = |symbol| match symbol {
        '\n' => '\n',
        '\t' => ' ',
        symbol if is_plain(symbol) => symbol,
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// The same text in one line: what others wrote must not look like lines of ours.
pub fn one_line(text: &str) -> String {
    harmless(text).trim_end().replace('\n', "; ")
}

/// A time in the unit a person would use: `800 ms`, `1.5 s`, `42 s`, `5 min`, `2 h`, `7 d`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds == 0 {
        format!("{} ms", time.as_millis())
    } else if seconds < 10 && time.subsec_millis() >= 100 {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds >= 172_800 && seconds.is_multiple_of(86_400) {
        format!("{} d", seconds / 86_400)
    } else if seconds >= 7_200 && seconds.is_multiple_of(3_600) {
        format!("{} h", seconds / 3_600)
    } else if seconds >= 120 && seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    }
}

/// A number of bytes: `14.2 GB`. At most seven columns.
pub fn size(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    bytes(count as f64)
}

/// As [`size`], of a number that may be a mean.
pub fn bytes(count: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = count.max(0.0);
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_to_three_digits() {
        for (count, text) in [(0, "0 B"), (999, "999 B"), (999_600, "1.0 MB"), (14_200_000_000, "14.2 GB")] {
            assert_eq!(size(count), text);
        }
    }

    #[test]
    fn times_read_well() {
        for (milliseconds, text) in [
            (800, "800 ms"),
            (1500, "1.5 s"),
            (4000, "4 s"),
            (42_000, "42 s"),
            (90_000, "90 s"),
            (300_000, "5 min"),
            (7_200_000, "2 h"),
            (604_800_000, "7 d"),
        ] {
            assert_eq!(time(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn escapes_do_not_reach_the_screen() {
        assert_eq!(line("\n \x1b[31mred\x07\u{202e}\r\nsecond", 20), "[31mred");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("", 3), "");
        assert_eq!(last_line("one\ntwo\n\n", 9), "two");
    }

    #[test]
    fn nothing_that_moves_a_terminal_is_left() {
        assert_eq!(harmless("two\nlines, ümläut, 東京"), "two\nlines, ümläut, 東京");
        let hostile = "a\u{1b}]52;c;aGk=\u{7}b\u{9b}31m\rc\u{202e}d\u{200b}e\u{e0041}f\tg";
        assert_eq!(harmless(hostile), "a\u{fffd}]52;c;aGk=\u{fffd}b\u{fffd}31m\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f g");
        assert_eq!(one_line("a\nb\r\n"), "a; b\u{fffd}");
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
