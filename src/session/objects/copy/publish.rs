//! What came of a copy, and that it is said to be whole.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::{READ, Run, bytes};
use crate::session::copy::Copied;
use crate::session::listing::{Listing, shown};
use crate::session::manifest::{Manifest, sizes_file, sums_file};
use crate::session::objects::fault::Fault;
use crate::session::objects::list::{self, Copy};
use crate::session::objects::{LONG, names};
use crate::session::report::Different;
use crate::session::side::Undone;
use crate::session::verify::Outcome;
use crate::session::view::Level;

impl Run<'_> {
    pub(super) fn outcome(&mut self) -> Copied {
        let mut out = std::mem::take(&mut self.out);
        out.files = self.listing.files.len() as u64;
        out.bytes = bytes(&self.listing.files.iter().collect::<Vec<_>>());
        out.odd.clone_from(&self.listing.odd);
        let failed = |(path, reason): (&PathBuf, &String)| Different { path: shown(path), reason: reason.clone() };
        out.failed = self.failed.iter().map(failed).collect();
        out.repaired.retain(|path| !out.failed.iter().any(|failed| failed.path == *path));
        out
    }

    pub(super) fn outcome_with_proof(&mut self) -> Result<Copied, Undone> {
        let mut out = self.outcome();
        let exclude = |path: &Path| self.objects.filter.excluded(path);
        let copy = list::one(&self.objects.door, &self.relative, &exclude).map_err(Fault::undone)?;
        let Copy { listing: copy, .. } =
            copy.unwrap_or_else(|| Copy { listing: Listing::default(), tags: HashMap::new() });
        let there: HashMap<&Path, u64> = copy.files.iter().map(|file| (file.path.as_path(), file.size)).collect();
        for file in self.listing.files.iter().filter(|file| !self.failed.contains_key(&file.path)) {
            if there.get(file.path.as_path()) != Some(&file.size) {
                let reason = "it was read back, and is not listed there now".to_owned();
                out.failed.push(Different { path: shown(&file.path), reason });
            }
        }
        let ours: BTreeSet<&Path> = self.listing.files.iter().map(|file| file.path.as_path()).collect();
        let extra = copy.files.iter().filter(|file| !ours.contains(file.path.as_path()));
        out.extra = extra.map(|file| shown(&file.path)).collect();
        if !self.listing.folders.is_empty() && has_empty(&self.listing) {
            out.notes.push("empty folders are not kept there".into());
        }
        out.proof = Some(Outcome {
            level: Level::Content,
            missing: Vec::new(),
            different: Vec::new(),
            extra: out.extra.clone(),
            files: out.files,
            bytes: out.bytes,
            read: Some(READ),
            from_storage: true,
            source: Some(self.listing.facts(|_| false).state),
            copy: copy.facts(|_| false).state,
        });
        Ok(out)
    }

    /// Says that the copy is whole: the sizes first, since the sums are what makes it one.
    pub(super) fn publish(&self) -> Result<(), Fault> {
        self.objects.prove(self.wish.kept)?;
        let manifest = Manifest { sums: self.sums.clone() };
        let name = self.relative.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (sums, sizes) = manifest.render(&name);
        let (door, prefix) = (&self.objects.door, &self.objects.door.bucket.prefix);
        for (file, bytes) in [(sizes_file(&self.relative), sizes), (sums_file(&self.relative), sums)] {
            let key = names::key(prefix, &file).map_err(Fault::Other)?;
            if door.small(&key, LONG).ok().flatten().as_ref() == Some(&bytes) {
                continue;
            }
            door.put(&key, bytes.clone())?;
            if door.small(&key, LONG)? != Some(bytes) {
                let file = file.display();
                return Err(Fault::Other(format!("`{file}` is not what was written when it is read back; repeat")));
            }
        }
        Ok(())
    }
}

/// Whether a folder has no file below it.
fn has_empty(listing: &Listing) -> bool {
    let filled: BTreeSet<&Path> = listing.files.iter().flat_map(|file| file.path.ancestors().skip(1)).collect();
    listing.folders.iter().any(|(path, ..)| !filled.contains(path.as_path()))
}
