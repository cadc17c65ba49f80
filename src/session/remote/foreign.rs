//! The door for what other machines say of folders of sessions: listings, what they have, sums, the progress of rsync.

use std::os::unix::ffi::OsStrExt;

use super::{found, rsync, sums};
use crate::foreign::kind;

/// No path of a listing leads out of its folder, and what it holds can be added up.
pub(crate) fn enter(bytes: &[u8]) {
    let (first, rest) = kind(bytes);
    match first % 3 {
        0 => {
            let Some(listing) = found::listing(rest) else { return };
            for path in listing.files.iter().map(|file| &file.path).chain(listing.folders.iter().map(|(path, ..)| path))
            {
                assert!(
                    path.is_relative()
                        && !path.as_os_str().as_bytes().split(|byte| *byte == b'/').any(|part| part == b"..")
                );
            }
            assert!(listing.files.is_sorted_by(|one, other| one.path <= other.path));
            let bytes: u64 = listing.files.iter().map(|file| file.size).sum();
            assert_eq!(listing.facts(|_| false).bytes, bytes);
            let names = found::names(listing.files.iter().map(|file| file.path.as_path()));
            assert_eq!(names.split(|byte| *byte == 0).count(), listing.files.len() + 1);
        }
        1 => {
            let seen = found::seen(rest);
            let _missing = (found::missing(&seen.tools), seen.has_b3sum());
            if let Some(marker) = seen.marker {
                let _either = crate::session::destination::Marker::parse(&marker);
            }
            String::from_utf8_lossy(rest).lines().filter_map(sums::parse).for_each(|sum| assert_eq!(sum.len(), 32));
        }
        _ => {
            let (tell, told) = std::sync::mpsc::channel();
            rsync::read_progress(Some(rest), &tell);
            drop(tell);
            assert!(told.iter().count() <= rest.len());
        }
    }
}
