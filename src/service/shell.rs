//! What the operator's own ssh is told to run on the host of a service: a login shell, or a command. Pure.

use crate::clock::Timestamp;
use crate::reach::quote::{join, quote};

/// What is begun on the host instead of a shell.
const WORK: &str = include_str!("work.sh");

/// The arguments of an ssh client. Without a command it is the operator's login shell there; a command of one word is text
/// for that shell, as ssh has it, and of several words each is one argument whatever it holds. A command runs under a shell
/// of ours in a process group that the holder of the locks knows by `since`, the beginning of the hold.
pub fn arguments(
    destination: &str,
    service: &str,
    since: Timestamp,
    command: &[String],
    terminal: bool,
) -> Vec<String> {
    let under = |text: &str| {
        let (script, eval, since) = (quote(WORK), quote("eval \"$HOTSPARE_WORK\""), quote(&since.to_string()));
        format!("exec env HOTSPARE_WORK={script} sh -c {eval} {NAME} {since} {}", quote(text))
    };
    let there = match command {
        // A variable that prompts and scripts can look at, set so that any login shell understands it.
        [] => format!("exec env HOTSPARE_SERVICE={} sh -c {}", quote(service), quote("exec \"${SHELL:-sh}\" -l")),
        [text] => under(text),
        words => under(&join(words.iter().map(String::as_str))),
    };
    let options: &[&str] = if terminal { &["-t", "--"] } else { &["--"] };
    options.iter().map(|option| (*option).to_owned()).chain([destination.to_owned(), there]).collect()
}

/// The word before the beginning of the hold in the command line of its work.
const NAME: &str = "hotspare-work";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &[&str]) -> Vec<String> {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        arguments("ops@kv-1", "judicator", Timestamp::UNIX_EPOCH, &command, false)
    }

    #[test]
    fn words_stay_words_and_one_word_is_text_for_the_shell() {
        let several = words(&["rm", "a b"]);
        assert_eq!(several[..2], ["--", "ops@kv-1"]);
        let end = |text: &str| {
            format!(" sh -c 'eval \"$HOTSPARE_WORK\"' hotspare-work '1970-01-01T00:00:00Z' {}", quote(text))
        };
        assert!(several[2].ends_with(&end("'rm' 'a b'")), "{}", several[2]);
        let one = words(&["cd KV2 && ./boot"]);
        assert!(one[2].ends_with(&end("cd KV2 && ./boot")), "{}", one[2]);
        let shell = arguments("-oProxyCommand=x", "it's", Timestamp::UNIX_EPOCH, &[], true);
        assert_eq!(&shell[..3], ["-t", "--", "-oProxyCommand=x"]);
        assert!(shell[3].contains("HOTSPARE_SERVICE='it'\\''s'"), "{}", shell[3]);
    }

    #[test]
    fn the_work_hears_its_input_ends_as_it_ends_and_begins_only_under_its_locks() {
        let folder = tempfile::tempdir().unwrap();
        let ran = |holder: &str, text: &str| {
            // What `ps` shows of this host.
            crate::program::script(&folder.path().join("ps"), &format!("#!/bin/sh\necho '{holder}'\n"));
            let path = format!("{}:/usr/bin:/bin", folder.path().display());
            let mut command = std::process::Command::new("/bin/sh");
            command.args(["-c", &words(&[text])[2]]).env("PATH", path).env("SHELL", "/bin/sh");
            command.stdin(std::fs::File::open("/etc/passwd").unwrap()).output().unwrap()
        };
        let holder = r#"sh -c eval "$HOTSPARE_HOLD" hotspare-hold {"since":"1970-01-01T00:00:00Z"}"#;
        let ended = ran(holder, "head -c 4; echo \"$HOTSPARE_WORK\"; exit 7");
        assert_eq!((ended.status.code(), &*ended.stdout), (Some(7), &b"root\n"[..]));
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
        assert_eq!(
            ran(holder, "kill -TERM $$").status.code(),
            Some(143),
            "a signal has a number, and ssh does not say 255"
        );
        let late = ran("sh -c eval hotspare-hold {}", "echo begun");
        assert_eq!((late.status.code(), &*late.stdout), (Some(75), &b""[..]));
    }
}
