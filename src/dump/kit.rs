//! A kit while it is made, and while it is read: what lies in its folder and how it comes there.

mod joined;
mod part;
mod staging;
mod storage;
pub(super) mod texts;
pub(super) mod verify;

pub use joined::Joined;
pub use part::PartWriter;
pub use staging::Staging;

pub(super) use staging::MAKING;

/// Makes the lists and descriptions of a kit, for the door of kits.
#[cfg(any(test, fuzzing))]
pub(super) fn foreign(kit: &super::record::Kit) {
    assert!(texts::all(kit).iter().all(|(_, bytes)| !bytes.is_empty()));
}
