//! What is read back from the destination's storage, and what it is compared with.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::Path;

use super::CopyError;
use super::run::Run;
use crate::session::listing::{File, Listing};
use crate::session::stream::{self, Flow, Origin, Trouble};
use crate::session::verify;

impl Run<'_> {
    /// Reads back what was written; what is wrong is no longer accounted for.
    pub(super) fn read_back(&mut self, listing: &Listing) -> Result<(), CopyError> {
        if self.unproven.is_empty() {
            return Ok(());
        }
        self.order.steer.note("reading back");
        let Some(stage) = &self.stage else { return Ok(()) };
        let wanted: Vec<(&File, blake3::Hash)> = listing
            .files
            .iter()
            .filter(|file| self.unproven.contains(&file.path))
            .filter_map(|file| Some((file, self.sums.get(&file.path)?.hash)))
            .collect();
        let lanes = verify::lanes(self.order.parallel, self.kind);
        let (origin, wrong) = verify::compare(stage.files.as_fd(), &wanted, lanes, &self.hand);
        self.unless_cancelled()?;
        self.proved(origin, &wanted, wrong);
        Ok(())
    }

    pub(super) fn proved(
        &mut self,
        origin: Option<Origin>,
        wanted: &[(&File, blake3::Hash)],
        wrong: Vec<(usize, String)>,
    ) {
        self.origin = self.origin.max(origin);
        for (file, _) in wanted {
            self.unproven.remove(&file.path);
            self.proven.insert(file.path.clone());
        }
        for (at, what) in wrong {
            self.corrupt(&wanted[at].0.path, &what);
        }
    }

    /// Reads back files that were there before; `true`: some are wrong.
    pub(super) fn prove_there(&mut self, listing: &Listing) -> Result<bool, CopyError> {
        let Some(target) = self.target.clone() else { return Ok(false) };
        let there: HashMap<&Path, &File> =
            target.listing.files.iter().map(|file| (file.path.as_path(), file)).collect();
        let old = |file: &&File| !self.staged.contains(&file.path) && !self.proven.contains(&file.path);
        let wanted: Vec<(&File, blake3::Hash)> = listing
            .files
            .iter()
            .filter(old)
            .filter_map(|file| Some((*there.get(file.path.as_path())?, self.sums.get(&file.path)?.hash)))
            .collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        self.order.steer.note("reading back");
        self.expect(wanted.iter().map(|(file, _)| file.size).sum());
        let lanes = verify::lanes(self.order.parallel, self.kind);
        let (origin, wrong) = verify::compare(target.folder.as_fd(), &wanted, lanes, &self.hand);
        self.unless_cancelled()?;
        let any = !wrong.is_empty();
        self.proved(origin, &wanted, wrong);
        Ok(any)
    }

    pub(super) fn read_source(&self, files: &[&File]) -> Vec<Option<Result<stream::Whole, Trouble>>> {
        let lanes = verify::lanes(self.order.parallel, verify::kind(&self.source));
        verify::heard(&Flow { from: self.source.as_fd(), storage: None, into: None, lanes }, files, &self.hand)
    }

    pub(super) fn read_target(&self, wanted: &[(&File, blake3::Hash)]) -> (Option<Origin>, Vec<(usize, String)>) {
        let Some(target) = &self.target else { return (None, Vec::new()) };
        verify::compare(target.folder.as_fd(), wanted, verify::lanes(self.order.parallel, self.kind), &self.hand)
    }
}
