//! What a holder says of itself in its command line, where every `ps` on the host shows it. Pure.
//!
//! The lock file itself cannot say it: Python's filelock empties it with each attempt to lock it.

use std::fmt::Write as _;

use super::view::Mark;

/// The word before the mark in the command line of a holder.
pub(super) const NAME: &str = "hotspare-hold";
/// Characters of a reason that the command line has.
const LONGEST: usize = 200;

/// The mark as one argument: JSON whose every letter is one of ASCII's, as `ps` writes others in a way of its own.
pub(super) fn written(mark: &Mark) -> String {
    let short = |text: &str| text.chars().take(LONGEST).collect();
    let mark = Mark { why: short(&mark.why), by: short(&mark.by), ..mark.clone() };
    let json = serde_json::to_string(&mark).unwrap_or_default();
    let mut plain = String::with_capacity(json.len());
    for symbol in json.chars() {
        if symbol.is_ascii() {
            plain.push(symbol);
        } else {
            for unit in symbol.encode_utf16(&mut [0; 2]) {
                let _a_string_takes_all = write!(plain, "\\u{unit:04x}");
            }
        }
    }
    plain
}

/// The mark in a command line, where there is one.
pub(super) fn read(command: &str) -> Option<Mark> {
    let (_, after) = command.split_once(NAME)?;
    serde_json::from_str(after.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn what_is_written_is_read_again_and_is_ascii() {
        let mark = Mark {
            service: "judicator".into(),
            by: "José (console)".into(),
            why: "ein \"Ölwechsel\" \u{1f980} {x}\n".into(),
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            token: "a1".into(),
        };
        let text = written(&mark);
        assert!(text.is_ascii() && !text.contains('\n'), "{text}");
        assert_eq!(read(&format!("sh -c eval \"$HOTSPARE_HOLD\" {NAME} {text} ")), Some(mark));
        assert_eq!(read("python3 boot.py"), None);
        assert_eq!(read(&format!("vi {NAME}")), None);
    }
}
