use super::*;

/// A document of texts, truths and numbers, as BSON.
fn bson(fields: &[(&str, Value)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let (kind, bytes) = match value {
            Value::Text(text) => {
                let length = u32::try_from(text.len() + 1).unwrap().to_le_bytes();
                (0x02, [&length[..], text.as_bytes(), &[0]].concat())
            }
            Value::Bool(truth) => (0x08, vec![u8::from(*truth)]),
            Value::Number(number) => (0x12, number.to_le_bytes().to_vec()),
        };
        body.push(kind);
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(&bytes);
    }
    let length = u32::try_from(body.len() + 5).unwrap().to_le_bytes();
    [&length[..], &body, &[0]].concat()
}

fn words(text: &str) -> Value {
    Value::Text(text.into())
}

fn document(number: i64) -> Vec<u8> {
    bson(&[("_id", Value::Number(number)), ("name", words(&format!("camera {number}")))])
}

fn header(name: &str, last: bool, crc: u64) -> Vec<u8> {
    let crc = Value::Number(crc.cast_signed());
    bson(&[("db", words("cupola")), ("collection", words(name)), ("EOF", Value::Bool(last)), ("CRC", crc)])
}

fn listed(name: &str, kind: &str, metadata: &str) -> Vec<u8> {
    let size = Value::Number(0);
    let (db, kind, metadata) = (words("cupola"), words(kind), words(metadata));
    bson(&[("db", db), ("collection", words(name)), ("metadata", metadata), ("size", size), ("type", kind)])
}

const END: [u8; 4] = [0xff; 4];

fn crc(documents: &[Vec<u8>]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, &documents.concat())
}

/// Two collections whose blocks take turns, a view, a time series. The order of documents is as it comes.
fn archive(cameras: &[i64], metadata: &str) -> Vec<u8> {
    let cameras: Vec<Vec<u8>> = cameras.iter().map(|number| document(*number)).collect();
    let (early, late) = cameras.split_at(cameras.len() / 2);
    let events = vec![document(100), document(101)];
    let head = bson(&[
        ("concurrent_collections", Value::Number(4)),
        ("version", words("0.1")),
        ("server_version", words("7.0.5")),
        ("tool_version", words("100.9.4")),
    ]);
    let parts: Vec<Vec<u8>> = vec![
        MAGIC.to_vec(),
        head,
        listed("cameras", "collection", metadata),
        listed("events", "", "{}"),
        listed("alive", "view", "{}"),
        listed("old view", "", "{\"options\":{\"viewOn\":\"cameras\"}}"),
        listed("load", "timeseries", "{}"),
        END.to_vec(),
        header("cameras", false, 0),
        early.concat(),
        END.to_vec(),
        header("events", false, 0),
        events.concat(),
        END.to_vec(),
        header("cameras", false, 0),
        late.concat(),
        END.to_vec(),
        header("cameras", true, crc(&cameras)),
        END.to_vec(),
        header("system.buckets.load", true, crc(&[])),
        END.to_vec(),
        header("events", true, crc(&events)),
        END.to_vec(),
    ];
    parts.concat()
}

fn read(bytes: &[u8], piece: usize) -> (Shape, Option<String>) {
    let version = Arc::new(OnceLock::new());
    let mut reader = Reader::telling(&version);
    bytes.chunks(piece).for_each(|piece| reader.read(piece));
    (reader.end(), version.get().cloned())
}

#[test]
fn an_archive_is_read_however_it_comes() {
    let bytes = archive(&[1, 2, 3, 4, 5], "{}");
    let (shape, version) = read(&bytes, bytes.len());
    assert!(shape.ended, "{shape:?}");
    assert_eq!((version.as_deref(), shape.plain), (Some("7.0.5"), bytes.len() as u64));
    let rows: Vec<_> = shape.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
    let noted = [("alive", None), ("cameras", Some(5)), ("events", Some(2)), ("load", Some(0)), ("old view", None)];
    assert_eq!(rows[..5], noted);
    for piece in [1, 2, 3, 5, 7, 64] {
        assert_eq!(read(&bytes, piece).0, shape, "in pieces of {piece}");
    }
}

#[test]
fn what_is_cut_off_or_changed_anywhere_is_not_whole() {
    let bytes = archive(&[1, 2, 3, 4, 5], "{}");
    for end in 0..bytes.len() {
        assert!(!read(&bytes[..end], 64).0.ended, "cut off after {end} of {}", bytes.len());
    }
    assert!(!read(&[&bytes[..], &[0]].concat(), 64).0.ended, "with something behind it");
    let at = bytes.windows(8).position(|part| part == b"camera 3").unwrap();
    let mut changed = bytes.clone();
    changed[at] ^= 0x20;
    assert!(!read(&changed, 64).0.ended, "a document is not as it was summed");
    assert!(!read(b"-- MySQL dump 10.13\n", 64).0.ended);
}

#[test]
fn the_same_documents_in_another_order_are_the_same_content_and_others_are_not() {
    let content = |cameras: &[i64], metadata: &str| read(&archive(cameras, metadata), 64).0.content;
    let first = content(&[1, 2, 3, 4, 5], "{}");
    assert_eq!(content(&[5, 3, 1, 2, 4], "{}"), first);
    assert_ne!(content(&[1, 2, 3, 4, 6], "{}"), first);
    assert_ne!(content(&[1, 2, 3, 4], "{}"), first);
    assert_ne!(content(&[1, 2, 3, 4, 5], "{\"indexes\":[]}"), first, "an index more");
}

#[test]
fn the_sum_of_documents_is_the_one_that_the_tools_make() {
    // CRC-64/XZ of `123456789`, by which the kind is known.
    assert_eq!(crc(&[b"123456789".to_vec()]), 0x995d_c9bb_df19_39fa);
}
