//! Files on their way in parts. A store keeps the parts of what was never ended, unseen, and charges for them: so a note
//! is left for each such file before its first part goes out, and the next copy of the session gives up what it finds.

use object_store::multipart::MultipartStore;
use object_store::path::Path as Name;
use serde::{Deserialize, Serialize};

use super::door::Door;
use super::fault::Fault;
use super::{SHORT, list, names};
use crate::session::key::Key;

/// What a note says.
#[derive(Debug, Serialize, Deserialize)]
struct Text {
    /// Object that is to appear.
    object: String,
    /// What the store calls the upload.
    upload: String,
}

/// A note that was left.
pub(super) struct Note(Name);

/// Folder of a session's notes, below the prefix.
pub(super) fn folder(key: &Key) -> String {
    format!(".hotspare/uploads/{}_{}", key.participant, key.day())
}

/// Leaves a note.
pub(super) fn note(door: &Door, folder: &str, object: &Name, upload: &str) -> Result<Note, Fault> {
    let name = names::own(&door.bucket.prefix, &format!("{folder}/{:032x}", fastrand::u128(..)))?;
    let text = Text { object: object.to_string(), upload: upload.to_owned() };
    let text = serde_json::to_vec(&text).map_err(|error| Fault::Other(error.to_string()))?;
    door.put(&name, text)?;
    Ok(Note(name))
}

/// The file is there, or given up.
pub(super) fn ended(door: &Door, note: &Note) -> Result<(), Fault> {
    door.remove(&note.0)
}

/// Gives up an upload. One that is not there any more was ended or given up before.
pub(super) fn give_up(door: &Door, object: &Name, upload: &str) -> Result<(), Fault> {
    let store = door.quick()?;
    match door.ask(store.abort_multipart(object, &upload.to_owned())) {
        Err(Fault::Missing) => Ok(()),
        Err(Fault::Other(why)) if why.ends_with("NoSuchUpload") => Ok(()),
        done => done,
    }
}

/// Gives up what an interrupted copy of a session has begun.
pub(super) fn give_up_all(door: &Door, folder: &str) -> Result<(), Fault> {
    for name in list::own(door, folder)? {
        let text = door.small(&name, SHORT)?;
        if let Some(text) = text.and_then(|text| serde_json::from_slice::<Text>(&text).ok()) {
            let object = Name::parse(&text.object).map_err(|error| Fault::Other(error.to_string()))?;
            give_up(door, &object, &text.upload)?;
        }
        door.remove(&name)?;
    }
    Ok(())
}
