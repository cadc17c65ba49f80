use super::super::message::Watched;
use super::super::seal::Writing;
use super::*;
use crate::fleet::secret::Secret;

const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "fedcba9876543210fedcba9876543210";

fn kv(key: &str, value: &str, create: u64, modified: u64) -> KeyValue {
    let (key, value) = (key.into(), value.into());
    KeyValue { key, value, create_revision: create, mod_revision: modified, version: 1, session: 9 }
}

fn seal(keys: &str) -> Seal {
    Seal::new(Some(&Secret::new(keys)), false).unwrap()
}

/// As the first writing of a key that was made at `created`.
fn signed(seal: &Seal, key: &str, text: &str, created: u64) -> KeyValue {
    kv(key, &seal.close(Writing::after(key, None, 9), text), created, created)
}

fn found(revision: u64, kvs: Vec<KeyValue>) -> Found {
    let mut found = Found { kvs, ..Found::default() };
    found.header.revision = revision;
    found
}

fn seen_by(who: &str) -> Picture {
    let kvs = vec![
        kv("/p/lease", r#"{"engine":"a:1","since":"2026-01-01T00:00:00Z"}"#, 7, 7),
        kv("/p/book/mocap", "text", 8, 11),
        kv("/p/seen/a:1", r#"{"studio-1":{"health":"down","since":"2026-01-01T00:00:00Z"}}"#, 5, 12),
        kv("/p/seen/b:2", "newer words", 6, 6),
        kv("/p/whatever", "x", 1, 1),
    ];
    let mut picture = Picture::new("/p", who);
    picture.judge(Ok(Seal::default()), &Books::new());
    picture.find(found(12, kvs), &Books::new());
    picture
}

/// With two books and the word of another engine, all signed by `seal`.
fn signed_by(seal: &Seal) -> (Picture, Vec<KeyValue>) {
    let kvs = vec![
        signed(seal, "/p/book/audio", "a", 3),
        signed(seal, "/p/book/mocap", "m", 4),
        signed(seal, "/p/lease", r#"{"engine":"a:1","since":"2026-01-01T00:00:00Z"}"#, 5),
        signed(seal, "/p/seen/a:1", r#"{"studio-1":{"health":"down","since":"2026-01-01T00:00:00Z"}}"#, 6),
    ];
    let mut picture = Picture::new("/p", "b:2");
    picture.judge(Ok(seal.clone()), &Books::new());
    picture.find(found(6, kvs.clone()), &Books::new());
    assert_eq!(picture.wrong(), [""; 0]);
    (picture, kvs)
}

fn event(text: &str) -> Vec<Event> {
    vec![serde_json::from_str(text).unwrap()]
}

fn put(kv: &KeyValue) -> Vec<Event> {
    let text = serde_json::json!({"events": [{"kv": {
        "key": super::super::message::encoded(&kv.key), "value": super::super::message::encoded(&kv.value),
        "create_revision": kv.create_revision, "mod_revision": kv.mod_revision, "version": kv.version, "lease": kv.session,
    }}]});
    serde_json::from_value::<Watched>(text).unwrap().events
}

fn deleted(key: &str, revision: u64) -> Vec<Event> {
    let key = super::super::message::encoded(key);
    event(&format!(r#"{{"type":"DELETE","kv":{{"key":"{key}","mod_revision":"{revision}"}}}}"#))
}

fn text(picture: &Picture, pool: &str) -> String {
    picture.books()[pool].text.to_string()
}

#[test]
fn it_is_read_by_names() {
    let picture = seen_by("b:2");
    assert_eq!(picture.owner(), Owner { generation: 7, session: 9 });
    assert_eq!(picture.holder().as_deref(), Some("a:1"));
    assert_eq!(*picture.books(), Books::from([("mocap".into(), Book { text: "text".into(), version: 11 })]));
    let others = picture.others();
    assert_eq!(others.len(), 1);
    assert!(others["a:1"].contains_key("studio-1"));
    assert!(seen_by("a:1").others()["b:2"].is_empty(), "it lives, though nobody understands it");
}

#[test]
fn changes_are_followed_and_what_did_not_change_is_not_read_again() {
    let mut picture = seen_by("b:2");
    let none = Books::new();
    let (books, others) = (picture.books(), picture.others());
    // "/p/lease"
    picture.change(13, event(r#"{"type":"DELETE","kv":{"key":"L3AvbGVhc2U=","mod_revision":"13"}}"#), &none);
    assert!(picture.owner() == Owner::default() && picture.holder().is_none());
    assert!(Arc::ptr_eq(&picture.books(), &books) && Arc::ptr_eq(&picture.others(), &others));
    // "/p/seen/a:1", "/p/book/mocap"
    picture.change(14, event(r#"{"type":"DELETE","kv":{"key":"L3Avc2Vlbi9hOjE=","mod_revision":"14"}}"#), &none);
    picture.change(15, event(r#"{"kv":{"key":"L3AvYm9vay9tb2NhcA==","mod_revision":"15","value":"dGV4dA=="}}"#), &none);
    assert!(picture.others().is_empty(), "it is dead");
    assert_eq!(picture.books()["mocap"].version, 15);
    assert_eq!(picture.revision(), 15);
    picture.change(16, deleted("/p/book/mocap", 16), &none);
    assert!(picture.books().is_empty() && picture.wrong().is_empty(), "without a key that is nobody's business");
}

#[test]
fn a_lag_is_noticed() {
    let mark = seen_by("b:2").mark();
    assert!(mark.sees());
    assert!(!mark.lags(12, 12, 5), "the same");
    assert!(!mark.lags(40, 12, 5), "what changed elsewhere is not ours");
    assert!(mark.lags(13, 13, 5), "something was written");
    assert!(mark.lags(13, 12, 4), "something has vanished");
    assert!(!mark.lags(11, 11, 4), "an older answer says nothing");
}

#[test]
fn what_is_not_believed_is_told_until_it_is_mended_and_reads_nothing_else_again() {
    let seal = seal(OLD);
    let (mut picture, kvs) = signed_by(&seal);
    let (books, others) = (picture.books(), picture.others());
    let none = Books::new();
    let forged = |number: usize, value: &str, modified: u64| KeyValue {
        value: value.into(),
        mod_revision: modified,
        version: 2,
        ..kvs[number].clone()
    };
    picture.change(7, put(&forged(3, "{}", 7)), &none);
    assert!(picture.wrong()[0].contains("seen/a:1 in etcd is not signed"), "{:?}", picture.wrong());
    assert!(picture.others()["a:1"].is_empty(), "it lives, and says nothing");
    assert!(Arc::ptr_eq(&picture.books(), &books));
    let silent = picture.others();
    picture.change(8, put(&forged(1, "x", 8)), &none);
    assert_eq!(picture.wrong().len(), 2);
    assert_eq!(picture.books()["mocap"], Book { text: "m".into(), version: 8 }, "what was known stands");
    assert!(Arc::ptr_eq(&picture.books()["audio"].text, &books["audio"].text));
    assert!(Arc::ptr_eq(&picture.others(), &silent));
    picture.change(9, put(&forged(2, "x", 9)), &none);
    assert_eq!(picture.holder().as_deref(), Some(STRANGER));
    assert_eq!(picture.owner().generation, 5, "it is not ours all the same");
    assert_eq!(picture.wrong().len(), 3);

    let known = Books::from([("mocap".into(), Book { text: "newer".into(), version: 9 })]);
    picture.change(10, put(&forged(1, "y", 10)), &known);
    assert_eq!(text(&picture, "mocap"), "newer", "what this engine itself wrote meanwhile stands");

    // Each is signed as the writing that comes now.
    for (number, text) in [(1, "m2"), (2, r#"{"engine":"a:1","since":"2026-01-01T00:00:00Z"}"#), (3, "{}")] {
        let before = &picture.keys[&kvs[number].key];
        let value = seal.close(Writing::after(&before.key, Some(before), 9), text);
        let (mod_revision, version) = (20 + number as u64, before.version + 1);
        let mended = KeyValue { value, mod_revision, version, ..before.clone() };
        picture.change(mod_revision, put(&mended), &none);
    }
    assert_eq!(picture.wrong(), [""; 0]);
    assert_eq!((text(&picture, "mocap").as_str(), picture.holder().as_deref()), ("m2", Some("a:1")));
    picture.change(30, put(&forged(3, "{}", 30)), &none);
    picture.change(31, deleted("/p/seen/a:1", 31), &none);
    assert_eq!(picture.wrong(), [""; 0], "it is gone");
    assert!(others["a:1"].contains_key("studio-1") && picture.others().is_empty());
}

#[test]
fn a_book_that_was_deleted_is_not_believed_however_that_is_noticed() {
    let seal = seal(OLD);
    let none = Books::new();
    let again = signed(&seal, "/p/book/mocap", "m", 9);
    let refused = |picture: &Picture, version| {
        assert_eq!(picture.books()["mocap"], Book { text: "m".into(), version });
        assert_eq!(picture.wrong().len(), 1, "{:?}", picture.wrong());
        assert!(picture.wrong()[0].contains("book/mocap in etcd was deleted"));
        assert_eq!(picture.is_same(&seal, "/p/book/mocap", Some(&again)), Err(Remade));
        assert_eq!(picture.is_same(&seal, "/p/book/mocap", None), Err(Remade));
    };
    // The watch says so.
    let (mut watched, kvs) = signed_by(&seal);
    assert_eq!(watched.is_same(&seal, "/p/book/mocap", Some(&kvs[1])), Ok(()));
    assert_eq!(watched.is_same(&seal, "/p/book/mocap", Some(&again)), Err(Remade), "before the watch says so");
    watched.change(8, deleted("/p/book/mocap", 8), &none);
    refused(&watched, 8);
    watched.change(9, put(&again), &none);
    refused(&watched, 9);
    watched.find(found(10, vec![kvs[0].clone(), again.clone()]), &none);
    refused(&watched, 9);
    // It is seen when everything is asked for again.
    let (mut asked, _) = signed_by(&seal);
    asked.find(found(8, vec![kvs[0].clone()]), &none);
    refused(&asked, 8);
    let (mut asked, _) = signed_by(&seal);
    asked.find(found(9, vec![kvs[0].clone(), again.clone()]), &none);
    refused(&asked, 9);
    // Its new page was found before the watch told of the end of the old one.
    let mut paged = Picture::new("/p", "b:2");
    paged.judge(Ok(seal.clone()), &none);
    paged.find(found(6, vec![again.clone()]), &none);
    paged.change(7, put(&kvs[1]), &none);
    assert_eq!(paged.books()["mocap"].version, 9, "what is older than what was found is not taken over");
    paged.change(8, deleted("/p/book/mocap", 8), &none);
    refused(&paged, 9);
}

#[test]
fn with_other_keys_everything_is_judged_again_and_with_the_same_nothing() {
    let (mut picture, _) = signed_by(&seal(OLD));
    let (books, others, none) = (picture.books(), picture.others(), Books::new());
    picture.judge(Ok(seal(OLD)), &none);
    picture.judge(Ok(seal(&format!("{OLD} {NEW}"))), &none);
    assert!(Arc::ptr_eq(&picture.books(), &books) && Arc::ptr_eq(&picture.others(), &others), "nothing changed");
    assert!(picture.stale().is_empty());
    picture.judge(Ok(seal(&format!("{NEW} {OLD}"))), &none);
    assert_eq!(picture.stale(), [("audio".into(), books["audio"].clone()), ("mocap".into(), books["mocap"].clone())]);
    let before = picture.keys["/p/book/audio"].clone();
    let value = seal(NEW).close(Writing::after(&before.key, Some(&before), 9), "a");
    picture.change(7, put(&KeyValue { value, mod_revision: 7, version: 2, ..before }), &none);
    assert_eq!(picture.stale(), [("mocap".into(), books["mocap"].clone())], "the other one was signed anew");
    picture.judge(Ok(seal(NEW)), &none);
    assert_eq!(picture.wrong().len(), 3, "all but that one: {:?}", picture.wrong());
    assert!(picture.others()["a:1"].is_empty() && picture.stale().is_empty());
    assert_eq!((text(&picture, "mocap").as_str(), picture.holder().as_deref()), ("m", Some(STRANGER)));
    picture.judge(Ok(seal(&format!("{OLD} {NEW}"))), &none);
    assert_eq!(picture.wrong(), [""; 0]);
    assert!(picture.others() == others && picture.holder().as_deref() == Some("a:1"));
    picture.change(8, deleted("/p/book/mocap", 8), &none);
    picture.judge(Ok(seal(&format!("{NEW} {OLD}"))), &none);
    assert_eq!(
        (picture.wrong().len(), text(&picture, "mocap").as_str()),
        (1, "m"),
        "it was deleted, whatever the keys"
    );
}

#[test]
fn without_the_key_what_was_believed_stands() {
    let none = Books::new();
    let seal = seal(OLD);
    let (mut picture, kvs) = signed_by(&seal);
    let (books, others) = (picture.books(), picture.others());
    picture.judge(Err("no key".into()), &none);
    assert!(!picture.mark().sees(), "who has not read what the others see does not take the lease");
    assert_eq!((picture.wrong(), picture.holder().as_deref()), (vec!["no key".to_owned()], Some(STRANGER)));
    picture.change(7, put(&kv("/p/book/audio", "forged", 3, 7)), &none);
    picture.change(8, deleted("/p/lease", 8), &none);
    picture.change(9, deleted("/p/seen/a:1", 9), &none);
    picture.change(10, deleted("/p/book/mocap", 10), &none);
    assert_eq!((picture.owner(), picture.holder()), (Owner::default(), None));
    assert!(Arc::ptr_eq(&picture.books(), &books) && Arc::ptr_eq(&picture.others(), &others));
    picture.judge(Ok(seal), &none);
    assert!(picture.mark().sees() && picture.others().is_empty());
    assert_eq!(picture.wrong().len(), 2, "{:?}", picture.wrong());
    assert_eq!((text(&picture, "audio").as_str(), text(&picture, "mocap").as_str()), ("a", "m"));
    assert_eq!(kvs.len(), 4);
}
