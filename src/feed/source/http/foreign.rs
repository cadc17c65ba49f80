//! What a people-count server says.

use serde_json::Value as Json;

use super::read::{self, Known};
use crate::feed::value::Value;

/// Each object is a row or none; a time is read again as SQLite has it.
pub(in crate::feed::source) fn rows(said: &Json) {
    let objects = said.as_array().map_or(std::slice::from_ref(said), Vec::as_slice).iter().filter_map(Json::as_object);
    for known in objects.filter_map(Known::read) {
        assert_eq!(read::time(&read::text(known.time)), Some(known.time));
        let columns: Vec<String> = known.columns().into_iter().map(|(name, _)| name).collect();
        let row = known.row(&columns);
        assert_eq!(row.values.len(), columns.len());
        assert!(known.value(read::TIME) != Value::Null);
    }
}
