//! How far a picture is.

/// How far a picture is, to be compared with what etcd says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Mark {
    /// 0: nothing was seen yet.
    pub(super) revision: u64,
    pub(super) count: usize,
    /// What was read was judged by the keys of this fleet.
    pub(super) judged: bool,
}

impl Mark {
    /// Whether what the other engines see is known.
    pub(in super::super) const fn sees(self) -> bool {
        self.revision > 0 && self.judged
    }

    /// Whether something is missing here that etcd has: `count` keys, the newest of which was written at `newest`, when it was
    /// at `revision`.
    pub(in super::super) const fn lags(self, revision: u64, newest: u64, count: u64) -> bool {
        revision >= self.revision && (newest > self.revision || count != self.count as u64)
    }
}
