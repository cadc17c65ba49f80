//! A source of a kind that is not read yet.

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};

use super::{Ask, Look, Shape, Source, SourceError};
use crate::feed::value::{Place, Value};

/// Refuses whatever it is asked.
pub(super) struct Absent;

fn refused<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, SourceError>> {
    let why = "only files of this machine are read so far; use `from = { sqlite = \"…\" }`";
    Box::pin(ready(Err(SourceError::Refused(why.into()))))
}

impl Source for Absent {
    fn shape<'a>(&'a mut self, _: &'a str, _: Option<&'a str>) -> BoxFuture<'a, Result<Arc<Shape>, SourceError>> {
        refused()
    }

    fn look<'a>(&'a mut self, _: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Look>, SourceError>> {
        refused()
    }

    fn before<'a>(
        &'a mut self,
        _: &'a Ask,
        _: &'a [(String, Value)],
        _: &'a Place,
    ) -> BoxFuture<'a, Result<u64, SourceError>> {
        refused()
    }
}
