//! What the operator's own ssh is told to run on the host of a service: a login shell, or a command. Pure.

use crate::reach::quote::{join, quote};

/// The arguments of an ssh client. Without a command it is the operator's login shell there; a command of one word is text
/// for that shell, as ssh has it, and of several words each is one argument whatever it holds.
pub fn arguments(destination: &str, service: &str, command: &[String], terminal: bool) -> Vec<String> {
    let there = match command {
        // A variable that prompts and scripts can look at, set so that any login shell understands it.
        [] => format!("exec env HOTSPARE_SERVICE={} sh -c {}", quote(service), quote("exec \"${SHELL:-sh}\" -l")),
        [text] => text.clone(),
        words => join(words.iter().map(String::as_str)),
    };
    let options: &[&str] = if terminal { &["-t", "--"] } else { &["--"] };
    options.iter().map(|option| (*option).to_owned()).chain([destination.to_owned(), there]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_and_one_word_is_text_for_the_shell() {
        let words = |command: &[&str]| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            arguments("ops@kv-1", "judicator", &command, false)
        };
        assert_eq!(words(&["rm", "a b"]), ["--", "ops@kv-1", "'rm' 'a b'"]);
        assert_eq!(words(&["cd KV2 && ./boot"]), ["--", "ops@kv-1", "cd KV2 && ./boot"]);
        let shell = arguments("-oProxyCommand=x", "it's", &[], true);
        assert_eq!(&shell[..3], ["-t", "--", "-oProxyCommand=x"]);
        assert!(shell[3].contains("HOTSPARE_SERVICE='it'\\''s'"), "{}", shell[3]);
    }
}
