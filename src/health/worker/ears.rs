//! Hearing of some hosts only: in a large fleet something changes all the time, and hardly ever what one pool looks at.

use futures_util::future::select_all;
use tokio::sync::watch;

/// Hears when the view of one of some hosts has changed.
#[derive(Debug)]
pub struct Ears(Vec<watch::Receiver<u64>>);

impl Ears {
    pub(super) const fn new(hosts: Vec<watch::Receiver<u64>>) -> Self {
        Self(hosts)
    }

    /// Waits for the next change since it was last told of one; for ever where there is no host. May be dropped and asked
    /// again.
    pub async fn changed(&mut self) {
        while !self.0.is_empty() {
            let waiting = self.0.iter_mut().map(|host| Box::pin(host.changed()));
            let (heard, at, rest) = select_all(waiting).await;
            drop(rest);
            if heard.is_ok() {
                // What changed in the same moment is one change.
                self.0.iter_mut().for_each(watch::Receiver::mark_unchanged);
                return;
            }
            // It is no longer watched.
            self.0.swap_remove(at);
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn several_changes_of_one_moment_are_one_and_who_is_gone_is_not_heard() {
        let hosts = [watch::Sender::new(0), watch::Sender::new(0)];
        let mut ears = Ears::new(hosts.iter().map(watch::Sender::subscribe).collect());
        assert_eq!(ears.changed().now_or_never(), None);
        for host in &hosts {
            host.send_modify(|count| *count += 1);
        }
        assert_eq!(ears.changed().now_or_never(), Some(()));
        assert_eq!(ears.changed().now_or_never(), None, "both were heard");
        let [gone, stays] = hosts;
        drop(gone);
        assert_eq!(ears.changed().now_or_never(), None);
        stays.send_modify(|count| *count += 1);
        assert_eq!(ears.changed().now_or_never(), Some(()));
        drop(stays);
        assert_eq!(ears.changed().now_or_never(), None, "it waits for ever");
    }
}
