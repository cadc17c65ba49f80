//! What pools remember, and what witnesses, owners of addresses and spares answer.

use super::book::Book;
use super::room;
use super::witness::Inquiry;
use crate::clock::Timestamp;
use crate::fleet::Fleet;
use crate::foreign::assert_plain;
use crate::runbook::guard::Remembered;
use crate::runbook::kind::foreign as kinds;

/// The book of a pool, as another engine may have left it.
pub(crate) fn book(text: &str) {
    let Ok(mut book) = serde_json::from_str::<Book>(text) else { return };
    let again =
        |book: &Book| serde_json::to_string(book).ok().and_then(|text| serde_json::from_str::<Book>(&text).ok());
    assert_eq!(again(&book).as_ref(), Some(&book));
    let _who = (book.serving("a").map(|(spare, _)| spare.to_owned()), book.generation_of("a"));
    book.restore(Timestamp::from_second(1_795_000_000).unwrap_or_default());
    assert_eq!(again(&book).as_ref(), Some(&book));
}

/// What hosts print when they are asked who serves.
pub(crate) fn answers(text: &str) {
    let _how_it_ended = Remembered::read(text);
    let (free, unready) = room::judge(text);
    assert!(free.is_some() || unready.is_empty());
    for words in unready {
        assert_plain(&words);
    }
    let fleet =
        crate::fleet::load(Fleet::sample().as_bytes(), std::path::Path::new("/no/such/folder/hotspare.toml")).fleet;
    for word in fleet.iter().flat_map(|fleet| Inquiry::about(&fleet.hosts).read(text)) {
        assert_plain(&word.says);
    }
    kinds::answers(text);
}
