//! Drift: a spare that is not what it is to stand in for. Pure.

use crate::reach::plain;
use crate::reach::ssh::Output;

/// So much of what a machine printed is shown, characters.
const SHOWN: usize = 40;

/// What speaks against a spare, by what a command printed on it and on the hosts it protects; the spare comes first. A host
/// that cannot be asked says nothing against it.
pub fn judge(command: &str, said: &[(String, Result<Output, String>)]) -> Vec<String> {
    let Some(((_, spare), hosts)) = said.split_first() else { return Vec::new() };
    let own = match spare {
        Ok(output) if output.status == 0 => printed(output),
        Ok(output) => return vec![format!("`{command}` ends with status {} on it", output.status)],
        Err(why) => return vec![format!("`{command}` cannot be run on it: {why}")],
    };
    let differs = |(host, said): &(String, Result<Output, String>)| match said {
        Ok(output) if output.status == 0 && printed(output) != own => {
            let (ours, theirs) = (shown(&own), shown(&printed(output)));
            Some(format!("drift: `{command}` prints {ours} on it and {theirs} on {host}"))
        }
        _ => None,
    };
    hosts.iter().filter_map(differs).collect()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn shown(text: &str) -> String {
    let line = plain::one_line(text);
    let short: String = line.chars().take(SHOWN).collect();
    if short.is_empty() { "nothing".into() } else { format!("\"{short}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(machine: &str, text: &str, status: i32) -> (String, Result<Output, String>) {
        (machine.into(), Ok(Output { status, stdout: text.into(), stderr: Vec::new() }))
    }

    #[test]
    fn only_what_was_printed_elsewhere_speaks_against_a_spare() {
        let same = [said("spare", "1.2\n", 0), said("a", "1.2", 0), ("b".into(), Err("no route".into()))];
        assert_eq!(judge("cat V", &same), Vec::<String>::new());
        let other = [said("spare", "1.1", 0), said("a", "1.2", 0), said("b", "", 1)];
        assert_eq!(judge("cat V", &other), [r#"drift: `cat V` prints "1.1" on it and "1.2" on a"#]);
        assert_eq!(judge("cat V", &[said("spare", "", 1)]), ["`cat V` ends with status 1 on it"]);
    }
}
