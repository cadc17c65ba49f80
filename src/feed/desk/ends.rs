//! Both ends of a feed in words, without secrets.

use crate::fleet::data::{Feed, FeedSink, FeedSource};

/// Where its rows come from.
pub(super) fn origin(feed: &Feed) -> String {
    let (what, host) = match &feed.from {
        FeedSource::Sqlite { path, host } => (path.display().to_string(), host.clone()),
        FeedSource::Http { url, host, .. } => (url.clone(), Some(host.clone())),
    };
    match (host, &feed.follow) {
        (_, Some(pool)) => format!("{what} on whoever serves in {pool}"),
        (Some(host), None) => format!("{what} on {host}"),
        (None, None) => what,
    }
}

/// Where they go.
pub(super) fn target(feed: &Feed) -> String {
    match &feed.to {
        FeedSink::Mysql(url) => url.url.clone(),
        FeedSink::Sqlite(path) => path.display().to_string(),
    }
}
