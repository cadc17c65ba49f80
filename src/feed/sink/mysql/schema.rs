//! What the server says of a table.

use mysql_async::prelude::Queryable;

use super::error::tell;
use super::live::{Live, literal};
use crate::feed::sink::join::{TargetField, TargetTable, Unique};
use crate::feed::sink::{Kind, SinkError, TargetColumn};

type Column = (String, String, String, bool, bool, String, String);
type Index = (String, Option<String>, bool);

/// A table, or `None` where there is none of this name.
pub(super) async fn table(live: &mut Live, name: &str) -> Result<Option<TargetTable>, SinkError> {
    let of = format!("table_schema = DATABASE() AND table_name = {}", literal(name));
    let question = format!(
        "SELECT column_name, data_type, column_type, is_nullable = 'YES', column_default IS NOT NULL, extra, \
         COALESCE(collation_name, '') FROM information_schema.columns WHERE {of} ORDER BY ordinal_position"
    );
    let columns: Vec<Column> = live.conn.query(question).await.map_err(|error| tell(&error))?;
    if columns.is_empty() {
        return Ok(None);
    }
    let question = format!(
        "SELECT index_name, column_name, sub_part IS NULL FROM information_schema.statistics \
         WHERE non_unique = 0 AND {of} ORDER BY index_name, seq_in_index"
    );
    // Without a column's name it is over an expression.
    let indexes: Vec<Index> = live.conn.query(question).await.map_err(|error| tell(&error))?;
    let mut uniques: Vec<Unique> = Vec::new();
    for (name, column, whole) in indexes {
        let whole = whole && column.is_some();
        match uniques.last_mut() {
            Some(last) if last.name == name => {
                last.whole &= whole;
                last.columns.extend(column);
            }
            _ => uniques.push(Unique { name, columns: column.into_iter().collect(), whole }),
        }
    }
    Ok(Some(TargetTable { columns: columns.into_iter().map(field).collect(), uniques }))
}

fn field((name, kind, declared, nullable, default, extra, collation): Column) -> TargetField {
    let extra = extra.to_uppercase();
    let numbers = extra.contains("AUTO_INCREMENT");
    let computed = extra.contains("VIRTUAL GENERATED") || extra.contains("STORED GENERATED");
    TargetField {
        optional: nullable || default,
        numbers,
        computed,
        caseless: collation.to_lowercase().split('_').any(|part| part == "ci"),
        column: TargetColumn { name, declared, kind: self::kind(&kind) },
    }
}

fn kind(data_type: &str) -> Kind {
    match data_type.to_lowercase().as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" => Kind::Integer,
        "decimal" | "numeric" | "float" | "double" | "real" => Kind::Number,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
        "datetime" => Kind::Naive,
        "timestamp" => Kind::Moment,
        _ => Kind::Other,
    }
}
