//! Files on their way into the staging folder, until they outlive a power cut.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::run::{GONE, Run};
use super::{CopyError, ReadBack, meta, stage};
use crate::session::beneath::{self, Kind};
use crate::session::listing::{File, Listing, shown};
use crate::session::manifest::Sum;
use crate::session::stream::{self, Flow, Sink, Trouble, lock, seen};
use crate::session::tree::plain;
use crate::session::verify;

impl Run<'_> {
    /// Copies files into the staging folder.
    pub(super) fn carry(&mut self, files: &[&File], listing: &Listing) -> Result<(), CopyError> {
        self.order.steer.note("copying");
        self.stage()?;
        let Some(stage) = &self.stage else { return Err(CopyError::Cancelled) };
        stage::folders(stage, listing.folders.iter().map(|(path, _, _)| path.as_path()))
            .map_err(|error| self.trouble("make folders in the staging folder", &error))?;
        let into = Sink { folder: stage.files.as_fd(), sync: self.each, umask: meta::umask() };
        let lanes = verify::lanes(self.order.parallel, self.kind);
        let flow = Flow { from: self.source.as_fd(), storage: None, into: Some(into), lanes };
        let full: Mutex<Option<(PathBuf, io::Error)>> = Mutex::default();
        let heard: Mutex<Vec<(usize, Result<stream::Whole, Trouble>)>> = Mutex::default();
        stream::run(&flow, files, &self.hand, &|at, result| {
            let file = files[at];
            let result = match result {
                Err(Trouble::Write(error)) if full_disk(&error) => {
                    self.hand.end();
                    lock(&full).get_or_insert((file.path.clone(), error));
                    return;
                }
                // The journal only saves work; that it cannot be written does not stop the copy.
                Ok(whole) => {
                    let _saved = stage.remember(&file.path, seen(file), whole.hash);
                    Ok(whole)
                }
                other => other,
            };
            lock(&heard).push((at, result));
        });
        if let Some((path, error)) = full.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let (file, why) = (shown(&path), plain(&error));
            return Err(CopyError::Full { path: self.order.root.path.clone(), file, why });
        }
        // Whatever is not whole in the end must not be published.
        self.litter.extend(files.iter().map(|file| file.path.clone()));
        let heard = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = gone(&heard) {
            return Err(self.trouble("write", error));
        }
        for (at, result) in heard {
            self.carried(files[at], result)?;
        }
        self.unless_cancelled()
    }

    pub(super) fn carried(&mut self, file: &File, result: Result<stream::Whole, Trouble>) -> Result<(), CopyError> {
        match result {
            Ok(whole) => {
                self.count(file, whole.hash);
                self.report.written_bytes += file.size;
                if self.order.read_back != ReadBack::Nothing {
                    self.unproven.insert(file.path.clone());
                }
            }
            Err(Trouble::Changed) => self.changed(&file.path)?,
            // The next listing tells.
            Err(Trouble::Vanished) => {}
            Err(Trouble::Read(error)) => self.wrong(&file.path, "it cannot be read", &error),
            Err(Trouble::Write(error)) => self.wrong(&file.path, "it cannot be written", &error),
        }
        Ok(())
    }

    pub(super) fn count(&mut self, file: &File, hash: blake3::Hash) {
        self.sums.insert(file.path.clone(), Sum { hash, seen: Some(seen(file)) });
        self.litter.remove(&file.path);
        self.staged.insert(file.path.clone());
        self.report.written += 1;
    }

    /// Gives files that are copied their other names.
    pub(super) fn link(&mut self, links: &[(&File, &File)]) {
        for (first, file) in links {
            // Its first name is not copied yet: the next round.
            let Some(hash) = self.sums.get(&first.path).map(|sum| sum.hash) else { continue };
            let from = if self.staged.contains(&first.path) {
                self.stage.as_ref().map(|stage| &stage.files)
            } else {
                self.target.as_ref().map(|target| &target.folder)
            };
            let (Some(from), Some(stage)) = (from, &self.stage) else { continue };
            match stage::link(from, &first.path, stage, file) {
                Ok(()) => {
                    self.count(file, hash);
                    if self.order.read_back != ReadBack::Nothing {
                        self.unproven.insert(file.path.clone());
                    }
                }
                Err(_no_links_here) => {
                    if !self.unlinked {
                        self.report.notes.push("hard links are not kept there: each name has a file of its own".into());
                    }
                    self.unlinked = true;
                }
            }
        }
    }

    /// What was copied outlives a power cut.
    pub(super) fn durable(&mut self, files: &[&File]) -> Result<(), CopyError> {
        let Some(stage) = &self.stage else { return Ok(()) };
        if self.kind == Kind::Other {
            let folders = self.listing.folders.iter().map(|(path, _, _)| path.as_path());
            for path in folders.chain([Path::new("")]) {
                let Ok(folder) = beneath::open(&stage.files, path, beneath::FOLDER, rustix::fs::Mode::empty()) else {
                    continue;
                };
                beneath::sync_folder(folder).map_err(|error| self.trouble("make folders durable", &error))?;
            }
            return Ok(());
        }
        if let Err(error) = rustix::fs::syncfs(&self.held.folder) {
            // Which file it was is not told: all are copied again, each made durable by itself.
            self.each = true;
            for file in files {
                if self.staged.contains(&file.path) {
                    self.wrong(&file.path, "it cannot be made durable", &error.into());
                }
            }
        }
        Ok(())
    }
}

/// What is said of every single file, where the share is gone.
fn gone(heard: &[(usize, Result<stream::Whole, Trouble>)]) -> Option<&io::Error> {
    let mut errors = heard.iter().map(|(_, result)| match result {
        Err(Trouble::Write(error)) if Errno::from_io_error(error).is_some_and(|errno| GONE.contains(&errno)) => {
            Some(error)
        }
        _ => None,
    });
    let first = errors.next()??;
    errors.all(|error| error.is_some()).then_some(first)
}

fn full_disk(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}
