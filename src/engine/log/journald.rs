//! Lines for systemd's journal: one an event on standard error, with its priority in front, as `sd-daemon(3)` has it.

use std::io::Write;
use std::os::fd::AsFd;

use tracing::Level;
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Text;
use crate::reach::plain;

/// Whether this descriptor leads to systemd's journal: `$JOURNAL_STREAM` names the device and the inode of what systemd
/// connected, and a descriptor that was redirected since is another one.
pub(super) fn listens(stream: Option<&str>, descriptor: impl AsFd) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else { return false };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else { return false };
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "as wide as the system has it"
    )]
    rustix::fs::fstat(descriptor).is_ok_and(|stat| {
        u64::try_from(stat.st_dev).is_ok_and(|it| it == device)
            && u64::try_from(stat.st_ino).is_ok_and(|it| it == inode)
    })
}

/// Writes them. Times and the program's name are the journal's own.
pub(super) struct ToJournald(pub(super) NonBlocking);

impl<S: tracing::Subscriber> Layer<S> for ToJournald {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        // In one line, or the rest would be an entry of its own without a priority.
        let line = format!("<{}>{}\n", priority(*event.metadata().level()), plain::one_line(&text.0));
        // A journal that hangs must not hang the engine: what does not fit into the queue is dropped.
        let _dropped = self.0.clone().write_all(line.as_bytes());
    }
}

/// After `syslog(3)`.
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_systemd_connected_is_its_journal() {
        let file = tempfile::tempfile().unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let named = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(listens(Some(&named), &file));
        assert!(!listens(Some(&named), tempfile::tempfile().unwrap()), "redirected since");
        for wrong in [None, Some(""), Some("8"), Some("a:b"), Some(":")] {
            assert!(!listens(wrong, &file), "{wrong:?}");
        }
    }

    #[test]
    fn levels_are_priorities() {
        let of = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE].map(priority);
        assert_eq!(of, [3, 4, 6, 7, 7]);
    }
}
