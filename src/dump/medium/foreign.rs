//! What lies in files of a medium.

use super::marker::Marker;
use super::shelf;
use crate::dump::name;
use crate::dump::record::Kit;

/// A marker; one that is read is read again as it was written.
pub(in crate::dump) fn marker(bytes: &[u8]) {
    if let Ok(marker) = serde_json::from_slice::<Marker>(bytes) {
        let again = serde_json::to_vec_pretty(&marker).ok().and_then(|text| serde_json::from_slice(&text).ok());
        assert_eq!(again, Some(marker));
    }
}

/// A kit, in a folder that is called as it says.
pub(in crate::dump) fn kit(text: &[u8]) -> Result<Kit, String> {
    let kit = shelf::kit(text)?;
    if name::is_kit(&kit.name) { Ok(kit) } else { Err("no folder is called so".into()) }
}
