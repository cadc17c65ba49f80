//! Why ssh does not do what it was asked, in words for the person who has to mend it.

use std::time::Duration;

use crate::reach::plain;

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SshErrorKind {
    /// The host shows another key than the one that is known.
    HostKeyChanged,
    /// The host's key was never accepted.
    HostKeyUnknown,
    /// Login refused.
    Denied,
    /// The name has no address.
    NotResolved,
    /// Nothing listens on the ssh port.
    Refused,
    /// The network has no way there.
    NoRoute,
    /// No connection in time.
    NoConnection,
    /// The host hangs up before the login.
    Closed,
    /// This machine's ssh client is missing or its configuration is wrong.
    Client,
    /// Connected, but the command gave no answer in time.
    NoAnswer,
    /// The connection ended while the command ran: whether it did its work is not known.
    Lost,
    /// The connection was gone before the command began: nothing was done.
    NotBegun,
    /// The command printed more than was allowed.
    TooMuch,
    /// The command was ended by a signal.
    Killed,
    /// Something else.
    Other,
}

impl SshErrorKind {
    /// Whether the host itself gave no sign of life, as against refusing or misunderstanding us.
    pub const fn silent(self) -> bool {
        matches!(self, Self::Refused | Self::NoRoute | Self::NoConnection | Self::Closed | Self::Lost | Self::NotBegun)
    }

    /// Whether the command was surely never begun.
    pub const fn before_command(self) -> bool {
        !matches!(self, Self::NoAnswer | Self::Lost | Self::TooMuch | Self::Killed)
    }
}

/// Why a command over ssh has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SshError {
    /// What kind of trouble it is.
    pub kind: SshErrorKind,
    /// What and why, in one short line without the name of the host.
    pub what: String,
    /// What to do now.
    pub remedy: String,
}

impl SshError {
    pub(super) fn new(kind: SshErrorKind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn lost(destination: &str) -> Self {
        Self::new(SshErrorKind::Lost, "the ssh connection was lost", by_hand(destination))
    }

    pub(super) fn not_begun(destination: &str) -> Self {
        Self::new(SshErrorKind::NotBegun, "the ssh connection was gone", by_hand(destination))
    }

    pub(super) fn no_answer(destination: &str, within: Duration) -> Self {
        let what = format!("no answer in {}", plain::time(within));
        Self::new(SshErrorKind::NoAnswer, what, format!("run the command by hand: ssh {destination}"))
    }

    pub(super) fn busy(destination: &str, commands: usize) -> Self {
        let what = format!("{commands} commands before this one have not ended on the host yet");
        Self::new(SshErrorKind::NoAnswer, what, format!("see what keeps it: ssh {destination} 'uptime; ps aux'"))
    }

    pub(super) fn no_connection(destination: &str, within: Duration) -> Self {
        let what = format!("no ssh connection in {}", plain::time(within));
        Self::new(SshErrorKind::NoConnection, what, by_hand(destination))
    }

    pub(super) fn too_much(limit: usize) -> Self {
        let what = format!("the command printed more than {} KiB and was cut off", limit / 1024);
        Self::new(SshErrorKind::TooMuch, what, "let the command print less, for example through tail or grep -q")
    }

    /// Reads what the client said before it gave up. `said` are its lines without the debugging ones.
    ///
    /// The texts are those of OpenSSH 8 to 10 and of getaddrinfo; an unknown one is handed on as it is.
    pub(super) fn from_client(destination: &str, said: &str, within: Duration) -> Self {
        let has = |text: &str| said.contains(text);
        let by_hand = by_hand(destination);
        if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            Self::new(
                SshErrorKind::HostKeyChanged,
                "the ssh host key has changed",
                format!(
                    "another machine answers, or it was installed anew: find out, then ssh-keygen -R and ssh {destination}"
                ),
            )
        } else if has("Host key verification failed") || has("host key is known for") {
            Self::new(
                SshErrorKind::HostKeyUnknown,
                "the ssh host key is not known yet",
                format!("connect once by hand and compare the fingerprint: ssh {destination}"),
            )
        } else if has("Permission denied") || has("Too many authentication failures") {
            Self::new(
                SshErrorKind::Denied,
                "ssh login refused",
                format!("allow a key without a passphrase prompt: ssh -o BatchMode=yes {destination} true"),
            )
        } else if has("Could not resolve hostname") {
            Self::new(
                SshErrorKind::NotResolved,
                "the name is not known",
                "check the address in the fleet file, and DNS",
            )
        } else if has("Connection refused") {
            Self::new(SshErrorKind::Refused, "ssh connection refused", "is sshd running there, and on this port?")
        } else if has("No route to host") || has("Network is unreachable") {
            Self::new(SshErrorKind::NoRoute, "no route to host", "is the host on, and its network?")
        } else if has("timed out") {
            Self::new(SshErrorKind::NoConnection, format!("no ssh connection in {}", plain::time(within)), by_hand)
        } else if has("Connection closed") || has("Connection reset") || has("kex_exchange_identification") {
            Self::new(SshErrorKind::Closed, "the host hangs up before the ssh login", by_hand)
        } else if has("Bad configuration option") || has("terminating,") || has("Bad owner or permissions") {
            let what = format!("ssh refuses its configuration: {}", plain::line(said, 120));
            Self::new(SshErrorKind::Client, what, format!("ssh -G {destination}"))
        } else if said.trim().is_empty() {
            Self::new(SshErrorKind::Other, "ssh ended without a word", by_hand)
        } else {
            Self::new(SshErrorKind::Other, format!("ssh: {}", plain::last_line(said, 160)), by_hand)
        }
    }
}

fn by_hand(destination: &str) -> String {
    format!("try by hand: ssh -v {destination}")
}

/// For the door of the terminal: whatever the client says, what is made of it fits a line.
#[cfg(any(test, fuzzing))]
pub(crate) fn told_by_client(said: &str) {
    let error = SshError::from_client("ops@a", said, Duration::from_secs(5));
    crate::foreign::assert_plain(&error.what);
    crate::foreign::assert_plain(&error.remedy);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(
        "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
        SshErrorKind::HostKeyChanged
    )]
    #[case(
        "No ED25519 host key is known for a and you have requested strict checking.\nHost key verification failed.",
        SshErrorKind::HostKeyUnknown
    )]
    #[case("ops@a: Permission denied (publickey,password).", SshErrorKind::Denied)]
    #[case("ssh: Could not resolve hostname nowhere: Name or service not known", SshErrorKind::NotResolved)]
    #[case("ssh: connect to host a port 22: Connection refused", SshErrorKind::Refused)]
    #[case("ssh: connect to host a port 22: Connection timed out", SshErrorKind::NoConnection)]
    #[case("ssh: connect to host a port 22: No route to host", SshErrorKind::NoRoute)]
    #[case("kex_exchange_identification: Connection closed by remote host", SshErrorKind::Closed)]
    #[case(
        "/c: line 3: Bad configuration option: nonsense\n/c: terminating, 1 bad configuration options",
        SshErrorKind::Client
    )]
    #[case("something \x1b[2Jnew", SshErrorKind::Other)]
    fn what_the_client_says_is_understood(#[case] said: &str, #[case] kind: SshErrorKind) {
        let error = SshError::from_client("ops@a", said, Duration::from_secs(5));
        assert_eq!(error.kind, kind, "{error}");
        assert!(!error.what.contains(char::is_control) && !error.what.is_empty() && !error.remedy.is_empty());
    }
}
