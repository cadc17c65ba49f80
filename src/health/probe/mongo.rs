//! mongo-replica: the member is primary, or a secondary close behind it, by `mongosh` or the older `mongo`.
//!
//! The script, and with it the password, travels on the standard input: an argument list can be read by every user.

use std::time::Duration;

use serde::Deserialize;

use super::cluster::{Roll, majority, named};
use super::{Answer, QUOTED, Shell, command};
use crate::fleet::secret::{DatabaseUrl, Secret};
use crate::reach::secret::Secrets;
use crate::reach::ssh::{Output, Remote};
use crate::reach::{plain, program};

/// `cat` makes a pipe of whatever standard input is: a socket, which sshd may hand out, cannot be opened as a file.
const CLIENT: &str = "if command -v mongosh >/dev/null 2>&1; then cat | mongosh --quiet --norc --nodb --file /dev/stdin; \
    elif command -v mongo >/dev/null 2>&1; then cat | mongo --quiet --norc --nodb /dev/stdin; \
    else echo 'neither mongosh nor mongo is installed' >&2; exit 127; fi";
/// Begins the one line that is read; the shells print greetings and warnings of their own.
const MARK: &str = "hotspare-status ";
/// Longest output, bytes.
const LIMIT: usize = 256 * 1024;

/// What passes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The largest lag.
    pub(super) max_lag: Duration,
    /// So many more members must be able to fail.
    pub(super) margin: u32,
}

pub(super) async fn ask(
    secrets: &Secrets,
    url: &DatabaseUrl,
    wanted: Wanted,
    host: Option<Shell<'_>>,
    timeout: Duration,
) -> Answer {
    let password = match secrets.resolve(&url.password).await {
        Ok(password) => password,
        Err(error) => return Answer::unknown(error.what),
    };
    let Some(script) = script(&url.url, password.as_ref()) else {
        return Answer::unknown(format!("{} is not a mongodb url", url.url));
    };
    let ran = match host {
        Some(shell) => shell.send(Remote::new(CLIENT, timeout).with_stdin(script)).await,
        None => match tokio::time::timeout(timeout, here(&script)).await {
            Ok(ran) => ran.map_err(|error| Answer::unknown(format!("no shell for mongosh here: {error}"))),
            Err(_late) => Err(Answer::late(timeout)),
        },
    };
    match ran {
        Ok(output) if output.status == 127 => Answer::unknown(command::said(&output)),
        Ok(output) => match read(&output.text()) {
            Some(status) => judge(&status, wanted),
            None => Answer::wrong(format!("no status: {}", command::said(&output))),
        },
        Err(answer) => answer,
    }
}

/// Runs the client beside the engine.
async fn here(script: &Secret) -> std::io::Result<Output> {
    let mut command = program::command("sh");
    command.args(["-c", CLIENT]);
    let ended = program::run(command, script.expose().as_bytes(), LIMIT).await?;
    Ok(Output { status: ended.status.code().unwrap_or(-1), stdout: ended.stdout, stderr: ended.stderr })
}

/// What the client runs. Both texts go in as JSON, which is JavaScript: nothing in them can break out.
fn script(url: &str, password: Option<&Secret>) -> Option<Secret> {
    let scheme = url.split_once("://").map(|(scheme, _rest)| scheme)?;
    if !matches!(scheme, "mongodb" | "mongodb+srv") {
        return None;
    }
    let address = match password {
        Some(password) => with_password(url, password)?,
        None => url.to_owned(),
    };
    let address = serde_json::to_string(&address).ok()?;
    let mark = serde_json::to_string(MARK).ok()?;
    Some(Secret::new(format!(
        "var answer; try {{ \
           var s = connect({address}).getSiblingDB('admin').runCommand({{ replSetGetStatus: 1 }}); \
           answer = s.ok ? {{ votes: Number(s.votingMembersCount || 0), needed: Number(s.majorityVoteCount || 0), \
             members: s.members.map(function (m) {{ return {{ \
             name: m.name, state: Number(m.state), word: m.stateStr, self: !!m.self, well: Number(m.health) === 1, \
             optime: m.optimeDate ? m.optimeDate.getTime() : null }}; }}) }} : {{ error: String(s.errmsg) }}; \
         }} catch (e) {{ answer = {{ error: String(e.message || e) }}; }} \
         print({mark} + JSON.stringify(answer));\n"
    )))
}

/// The url with the password behind its user, percent-encoded. By hand, because a replica set's url names several hosts,
/// which no ordinary url does.
fn with_password(url: &str, password: &Secret) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let hosts_end = rest.find('/').unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(hosts_end)?;
    let (user, hosts) = authority.rsplit_once('@')?;
    let user = user.split(':').next().unwrap_or_default();
    let encoded: String = url::form_urlencoded::byte_serialize(password.expose().as_bytes()).collect();
    // A form writes a space as a plus, a url does not.
    Some(format!("{scheme}://{user}:{}@{hosts}{tail}", encoded.replace('+', "%20")))
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    members: Vec<Member>,
    /// Members with a vote; 0: a server before 4.4 does not say, and each counts.
    #[serde(default)]
    votes: usize,
    /// Votes that make a majority; 0 where a server does not say.
    #[serde(default)]
    needed: usize,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Member {
    #[serde(default)]
    name: String,
    /// Number of the member's state, of the server's documentation: 1 primary, 2 secondary, 7 arbiter.
    #[serde(default)]
    state: i64,
    #[serde(default)]
    word: String,
    #[serde(default, rename = "self")]
    this: bool,
    /// Whether the asked member hears of it.
    #[serde(default)]
    well: bool,
    /// Time of the last operation it has, milliseconds since 1970.
    optime: Option<i64>,
}

pub(super) fn read(text: &str) -> Option<Status> {
    let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(MARK))?;
    serde_json::from_str(line).ok()
}

pub(super) fn judge(status: &Status, wanted: Wanted) -> Answer {
    if let Some(error) = &status.error {
        let error = plain::line(error, QUOTED);
        let lower = error.to_ascii_lowercase();
        return if lower.contains("authentication failed") || lower.contains("not authorized") {
            Answer::unknown(error)
        } else if lower.contains("econnrefused") || lower.contains("connection refused") {
            Answer::silent("connection refused")
        } else {
            Answer::wrong(error)
        };
    }
    let Some(member) = status.members.iter().find(|member| member.this) else {
        return Answer::wrong("the server is in no replica set");
    };
    let primary = status.members.iter().find(|member| member.state == 1);
    match (member.state, primary) {
        (1 | 7, _) => roll(status, primary).judge(wanted.margin),
        (2, None) => Answer::wrong("the replica set has no primary"),
        (2, Some(primary)) => match (primary.optime, member.optime) {
            (Some(first), Some(own)) => {
                let late = Duration::from_millis(u64::try_from(first.saturating_sub(own)).unwrap_or(0));
                let answer = if late > wanted.max_lag {
                    let (behind, most) = (plain::time(late), plain::time(wanted.max_lag));
                    Answer::wrong(format!("{behind} behind {}, at most {most} wanted", named(&primary.name)))
                } else {
                    roll(status, Some(primary)).judge(wanted.margin)
                };
                answer.behind(Some(late))
            }
            _ => Answer::wrong("the lag is not known"),
        },
        _ => Answer::wrong(format!("the member is {}", named(&member.word))),
    }
}

/// Who of the set is there. Members without a vote are rare, and which they are is not told: where there are some, as many
/// of those that are there are taken to have none, so that the set never looks better than it is.
fn roll(status: &Status, primary: Option<&Member>) -> Roll {
    // Primary, secondary and arbiter vote; one that recovers is not counted upon.
    let there = |member: &&Member| (member.well || member.this) && matches!(member.state, 1 | 2 | 7);
    let members = if status.votes == 0 { status.members.len() } else { status.votes };
    let voteless = status.members.len().saturating_sub(members);
    let missing = status.members.iter().filter(|member| !there(member));
    Roll {
        members,
        alive: status.members.iter().filter(there).count().saturating_sub(voteless),
        needed: if status.needed == 0 { majority(members) } else { status.needed },
        lead: primary.map(|primary| format!("{} leads", named(&primary.name))),
        missing: missing.map(|member| format!("{} is {}", named(&member.name), named(&member.word))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::io::AsyncWriteExt;
    use tokio::process::Command;

    use super::*;

    fn judged(text: &str) -> Answer {
        let wanted = Wanted { max_lag: Duration::from_secs(30), margin: 1 };
        judge(&read(text).expect("a status"), wanted)
    }

    fn set(own: &str, optime: i64) -> Answer {
        judged(&format!(
            "Warning: something\n{MARK}{{\"members\":[{{\"name\":\"a:27017\",\"state\":1,\"word\":\"PRIMARY\",\"self\":false,\
             \"well\":true,\"optime\":1700000100000}},{{\"name\":\"b:27017\",{own},\"self\":true,\"optime\":{optime}}}]}}\n"
        ))
    }

    #[test]
    fn a_close_secondary_passes_and_a_late_one_does_not() {
        assert_eq!(
            set(r#""state":2,"word":"SECONDARY""#, 1_700_000_099_000),
            Answer::pass()
                .found("can lose none more: 2 of 2 members, a:27017 leads".into())
                .behind(Some(Duration::from_secs(1)))
        );
        assert_eq!(
            set(r#""state":2,"word":"SECONDARY""#, 1_700_000_000_000),
            Answer::wrong("100 s behind a:27017, at most 30 s wanted").behind(Some(Duration::from_secs(100)))
        );
        assert_eq!(set(r#""state":3,"word":"RECOVERING""#, 0), Answer::wrong("the member is RECOVERING"));
        let arbiter = set(r#""state":7,"word":"ARBITER""#, 0);
        assert_eq!(arbiter, Answer::pass().found("can lose none more: 2 of 2 members, a:27017 leads".into()));
    }

    #[test]
    fn what_a_set_can_lose_is_counted_by_votes() {
        let member = |name: &str, state: i64, word: &str, well: bool| {
            format!(
                "{{\"name\":\"{name}\",\"state\":{state},\"word\":\"{word}\",\"well\":{well},\"self\":{}}}",
                name == "a"
            )
        };
        let (first, second) = (member("a", 1, "PRIMARY", true), member("b", 2, "SECONDARY", true));
        let third = member("c", 8, "(not reachable/healthy)", false);
        let set =
            |rest: &str, third: &str| judged(&format!("{MARK}{{{rest}\"members\":[{first},{second},{third}]}}\n"));
        let whole = member("c", 2, "SECONDARY", true);
        assert_eq!(set("", &whole), Answer::pass().found("can lose 1 more: 3 of 3 members, a leads".into()));
        let gone = "can lose none more: 2 of 3 members, a leads; c is (not reachable/healthy)";
        assert_eq!(set("\"votes\":3,\"needed\":2,", &third), Answer::wrong(gone));
        assert_eq!(set("", &member("c", 3, "RECOVERING", true)).outcome, crate::health::observation::Outcome::Fail);
        // With a member that has no vote, two have to agree, and both are here.
        let voteless = set("\"votes\":2,\"needed\":2,", &whole);
        assert_eq!(voteless, Answer::pass().found("can lose none more: 2 of 2 members, a leads".into()));
    }

    #[test]
    fn errors_are_told_apart() {
        let error = |text: &str| judged(&format!("{MARK}{{\"error\":\"{text}\"}}"));
        assert_eq!(error("Authentication failed."), Answer::unknown("Authentication failed."));
        assert_eq!(error("connect ECONNREFUSED 10.0.0.1:27017"), Answer::silent("connection refused"));
        assert_eq!(error("no replset config has been received"), Answer::wrong("no replset config has been received"));
        assert!(read("no such line").is_none());
    }

    #[test]
    fn the_password_is_encoded_and_the_hosts_stay() {
        let url = "mongodb://ops@a:1,b:2/?replicaSet=rs";
        let full = with_password(url, &Secret::new("p@:/ w")).expect("a user to give it to");
        assert_eq!(full, "mongodb://ops:p%40%3A%2F%20w@a:1,b:2/?replicaSet=rs");
        assert_eq!(with_password("mongodb://a:1/", &Secret::new("x")), None, "nobody to give it to");
        assert!(script("mysql://a/", None).is_none());
        let text = script("mongodb://a/\"+evil+\"", None).expect("a script");
        assert!(text.expose().contains(r#"connect("mongodb://a/\"+evil+\"")"#));
    }

    #[tokio::test]
    async fn the_script_reaches_the_client_on_its_standard_input() {
        // A client of the same calling convention, found first on the PATH of a shell of its own.
        let folder = tempfile::tempdir().expect("a folder");
        let client = folder.path().join("mongosh");
        let stand_in =
            format!("#!/bin/sh\ntest \"$5\" = /dev/stdin && grep -c replSetGetStatus $5 && echo '{MARK}{{}}'\n");
        crate::program::script(&client, &stand_in);
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("a path"));
        let mut child = Command::new("sh")
            .args(["-c", CLIENT])
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let script = script("mongodb://a/", None).expect("a script");
        child.stdin.take().expect("its input").write_all(script.expose().as_bytes()).await.expect("written");
        let output = child.wait_with_output().await.expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.starts_with("1\n") && read(&text).is_some(), "{text}");
    }
}
