//! Quoting for a POSIX shell: what goes in comes out as one word, whatever it holds.

mod fill;

pub use fill::fill;

/// `word` as one word of a POSIX shell: in single quotes, each single quote of it written `'\''`.
///
/// Inside single quotes a POSIX shell gives no character a meaning (POSIX.1-2024, Shell Command Language, 2.2.2), so
/// nothing can break out. A NUL byte cannot be part of any argument and is left out.
pub fn quote(word: &str) -> String {
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for symbol in word.chars() {
        match symbol {
            '\'' => quoted.push_str("'\\''"),
            '\0' => {}
            _ => quoted.push(symbol),
        }
    }
    quoted.push('\'');
    quoted
}

/// A path for a place where an option could stand: one that begins with `-` gets `./` in front, then it is quoted.
pub fn path(path: &str) -> String {
    if path.starts_with('-') { quote(&format!("./{path}")) } else { quote(path) }
}

/// The words, quoted, with a space between each two.
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn through_a_shell(words: &[String]) -> Vec<String> {
        let script = format!("printf '%s\\0' {}", join(words.iter().map(String::as_str)));
        let printed = Command::new("sh").arg("-c").arg(&script).output().expect("sh runs");
        assert!(printed.status.success(), "{script}");
        let text = String::from_utf8(printed.stdout).expect("what went in was UTF-8");
        text.strip_suffix('\0').expect("each word ends").split('\0').map(str::to_owned).collect()
    }

    #[test]
    fn nothing_breaks_out() {
        let hard =
            ["$(touch x)", "`id`", "a'b", "'", "''", "\\", "\\'", "", "; rm -rf /", "\n", "a\nb", "!!", "*", "~", "-n"];
        let words: Vec<String> = hard.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(through_a_shell(&words), words);
    }

    #[test]
    fn a_path_is_never_an_option() {
        assert_eq!(path("-rf"), "'./-rf'");
        assert_eq!(path("/data"), "'/data'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_word_comes_out_as_it_went_in(words in prop::collection::vec("[^\0]*", 1..8)) {
            prop_assert_eq!(through_a_shell(&words), words);
        }
    }
}
