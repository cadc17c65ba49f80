//! Who owns an address that a pool moves: each machine is asked what it holds. Pure.

use super::view::Owner;
use crate::clock::Timestamp;

/// Prints every address of a machine, one a line, on Linux and macOS.
pub const SCRIPT: &str = r#"if command -v ip >/dev/null 2>&1; then ip -o addr show | awk '{print $4}'
else ifconfig -a | awk '$1 == "inet" || $1 == "inet6" {print $2}'; fi"#;

/// An address without its prefix length.
pub fn bare(address: &str) -> String {
    address.split('/').next().unwrap_or(address).to_owned()
}

/// Who holds this address, by what each machine said; one that cannot be asked said nothing.
pub fn of(address: &str, answers: &[(String, Option<String>)], at: Timestamp) -> Owner {
    let holds = |said: &str| said.lines().any(|line| bare(line.trim()) == address);
    let held_by: Vec<String> = answers
        .iter()
        .filter(|(_, said)| said.as_deref().is_some_and(holds))
        .map(|(machine, _)| machine.clone())
        .collect();
    // With somebody silent, nobody's answer does not mean that nobody holds it.
    let known = !held_by.is_empty() || answers.iter().all(|(_, said)| said.is_some());
    Owner { address: address.to_owned(), held_by, seen: known.then_some(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_it_is_named_and_silence_is_not_nobody() {
        let said = |machine: &str, said: Option<&str>| (machine.to_owned(), said.map(str::to_owned));
        let answers = [
            said("a", Some("127.0.0.1/8\n10.0.0.1/24\n10.0.0.100/32\n")),
            said("b", Some("10.0.0.2/24\n10.0.0.10/32\n")),
        ];
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(of("10.0.0.100", &answers, at).held_by, ["a"]);
        let nobody = of("10.0.0.200", &answers, at);
        assert_eq!((nobody.held_by.len(), nobody.seen), (0, Some(at)));
        let silent = [answers[1].clone(), said("c", None)];
        assert_eq!(of("10.0.0.100", &silent, at).seen, None);
        let both = [answers[0].clone(), said("b", Some("10.0.0.100"))];
        assert_eq!(of("10.0.0.100", &both, at).held_by, ["a", "b"]);
    }

    #[test]
    fn this_machine_tells_what_it_holds() {
        let output = std::process::Command::new("sh").arg("-c").arg(SCRIPT).output().unwrap();
        let answers = [("here".to_owned(), Some(String::from_utf8_lossy(&output.stdout).into_owned()))];
        assert_eq!(of("127.0.0.1", &answers, Timestamp::UNIX_EPOCH).held_by, ["here"]);
    }
}
