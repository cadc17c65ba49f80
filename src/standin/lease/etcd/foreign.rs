//! What etcd's gateway answers.

use serde::de::DeserializeOwned;

use super::message::{Answer, Authenticated, Found, Granted, Refusal, Renewed, Told, Watched};
use super::picture::Picture;
use super::seal::Seal;
use crate::fleet::secret::Secret;
use crate::foreign::kind;
use crate::standin::lease::book::Books;

/// Answers are understood or refused, and a picture that followed changes is that which a question would have shown.
pub(crate) fn enter(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    match first % 3 {
        0 => {
            if let Some(answer) = read::<Answer>(rest) {
                let _first = answer.found(0);
            }
            read::<Granted>(rest);
            read::<Told<Renewed>>(rest);
            read::<Refusal>(rest);
            read::<Authenticated>(rest);
        }
        1 => picture(rest),
        _ => crate::standin::foreign::answers(&String::from_utf8_lossy(rest)),
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// The first line is what a question found, each other one what a watch told of it.
fn picture(bytes: &[u8]) {
    let (mut lines, none) = (bytes.split(|byte| *byte == b'\n'), Books::new());
    let Some(found) = lines.next().and_then(read::<Found>) else { return };
    let mut picture = Picture::new("hotspare/fleet", "me");
    picture.judge(Ok(Seal::default()), &none);
    picture.find(found, &none);
    for told in lines.filter_map(read::<Told<Watched>>) {
        if told.error.is_some() || told.result.canceled {
            return;
        }
        picture.change(told.result.header.revision, told.result.events, &none);
    }
    for seal in
        [Seal::default(), Seal::new(Some(&Secret::new("0123456789abcdef".repeat(2))), false).unwrap_or_default()]
    {
        picture.judge(Ok(seal), &none);
        let _whose = (picture.owner(), picture.holder(), picture.wrong(), picture.stale(), picture.mark());
        assert!(!picture.others().contains_key("me"));
        for book in picture.books().values() {
            crate::standin::foreign::book(&book.text);
        }
    }
}
