//! Names below the prefix.

/// What a key is for.
pub(super) enum Place<'a> {
    Lease,
    Book(&'a str),
    Seen(&'a str),
    Other,
}

impl<'a> Place<'a> {
    pub(super) fn of(prefix: &str, key: &'a str) -> Self {
        let name = key.strip_prefix(prefix).unwrap_or_default();
        match name.split_once('/') {
            None if name == "lease" => Self::Lease,
            Some(("book", pool)) => Self::Book(pool),
            Some(("seen", engine)) => Self::Seen(engine),
            _ => Self::Other,
        }
    }
}
