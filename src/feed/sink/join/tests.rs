use super::*;
use crate::feed::sink::Kind;
use crate::feed::source::Column;

fn table() -> FeedTable {
    FeedTable {
        name: "traffic".into(),
        key: vec!["camera_name".into(), "timestamp".into()],
        cursor: None,
        columns: Vec::new(),
        into: None,
        changes: None,
        lag_by: None,
    }
}

fn shape(names: &[&str]) -> Shape {
    let column = |name: &&str| Column { name: (*name).into(), declared: String::new(), not_null: false };
    Shape { columns: names.iter().map(column).collect(), unique: true }
}

fn field(name: &str) -> TargetField {
    TargetField {
        column: TargetColumn { name: name.into(), declared: "int".into(), kind: Kind::Integer },
        optional: true,
        numbers: name == "id",
        computed: false,
        caseless: false,
    }
}

fn unique(columns: &[&str]) -> Unique {
    Unique { name: columns.join("_"), columns: columns.iter().map(|name| (*name).into()).collect(), whole: true }
}

/// The people-count table, with the index that `prepare` makes.
fn target(names: &[&str]) -> TargetTable {
    TargetTable {
        columns: names.iter().map(|name| field(name)).collect(),
        uniques: vec![unique(&["id"]), unique(&["timestamp", "Camera_Name"])],
    }
}

const SOURCE: [&str; 4] = ["id", "timestamp", "in_count", "camera_name"];

#[test]
fn columns_that_both_ends_have_are_carried_and_the_targets_own_number_is_not() {
    let there = target(&["id", "Timestamp", "camera_name", "in_count", "more"]);
    let carry = join(&table(), &shape(&["id", "timestamp", "in_count", "camera_name", "ip"]), &there, "f").unwrap();
    assert_eq!(carry.columns, ["timestamp", "in_count", "camera_name"]);
    assert_eq!(
        carry.target.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
        ["Timestamp", "in_count", "camera_name"]
    );
    assert_eq!((carry.key, carry.left_out), (vec![2, 0], vec!["id".to_owned(), "ip".to_owned()]));
}

#[test]
fn what_would_lose_rows_is_refused_with_words() {
    let names = ["id", "timestamp", "camera_name", "in_count"];
    let why = |table: &FeedTable, shape: &Shape, target: &TargetTable| {
        join(table, shape, target, "counts").unwrap_err().to_string()
    };
    let mut unready = target(&names);
    unready.uniques.pop();
    assert!(matches!(join(&table(), &shape(&SOURCE), &unready, "counts"), Err(SinkError::Unprepared(why))
        if why.ends_with("run `hotspare feed prepare counts`")));
    // An index over the first letters of a text is none.
    unready.uniques.push(Unique { whole: false, ..unique(&["camera_name", "timestamp"]) });
    assert!(matches!(join(&table(), &shape(&SOURCE), &unready, "counts"), Err(SinkError::Unprepared(_))));

    // The source's number, carried on request, is unique there too: two machines have the same ones.
    let all = FeedTable { columns: SOURCE.map(String::from).to_vec(), ..table() };
    assert!(why(&all, &shape(&SOURCE), &target(&names)).contains("another unique index, `id` over id"));
    let mut rival = target(&names);
    rival.uniques.push(unique(&["in_count"]));
    assert!(why(&table(), &shape(&SOURCE), &rival).contains("`in_count` over in_count"));
    let mut wider = target(&names);
    wider.uniques.push(unique(&["camera_name", "timestamp", "in_count"]));
    assert!(join(&table(), &shape(&SOURCE), &wider, "counts").is_ok());

    let mut needs = target(&[&names[..], &["site"]].concat());
    needs.columns[4].optional = false;
    assert!(why(&table(), &shape(&SOURCE), &needs).contains("the column `site` of `traffic` has to have a value"));
    let some = FeedTable { columns: vec!["camera_name".into(), "timestamp".into(), "ip".into()], ..table() };
    assert!(why(&some, &shape(&SOURCE), &target(&names)).contains("of the source has no column `ip`"));
    assert!(
        why(&some, &shape(&["timestamp", "camera_name", "ip"]), &target(&names)).contains("target has no column `ip`")
    );
    assert!(why(&table(), &shape(&["id", "timestamp"]), &target(&names)).contains("no column `camera_name`"));
}
