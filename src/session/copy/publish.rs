//! Gives what is whole its final name, and the manifest its place beside it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::run::Run;
use super::{CopyError, meta, stage, target};
use crate::session::beneath::{self, Kind, Rights};
use crate::session::listing::{Listing, shown};
use crate::session::manifest::{Manifest, sizes_file, sums_file};
use crate::session::tree;
use crate::session::verify::{Outcome, words};
use crate::session::view::Level;

/// Makes the copy what was prepared.
pub(super) fn publish(run: &mut Run<'_>) -> Result<(), CopyError> {
    if run.sums.is_empty() && !run.failed.is_empty() {
        return Ok(());
    }
    let listing = Arc::clone(&run.listing);
    // Whatever was there before, it is looked at again.
    run.published = run.stage.is_some() || !run.touch.is_empty();
    let made = match run.target.clone() {
        None => {
            run.stage()?;
            new(run, &listing)
        }
        Some(target) => existing(run, &listing, &target),
    };
    made.map_err(|error| run.trouble("publish the copy", &error))?;
    if run.stage.take().is_some() {
        let cleaned = beneath::remove(&run.held.folder, &stage::path(run.order));
        cleaned.map_err(|error| run.trouble("clean the staging folder", &error))?;
    }
    Ok(())
}

fn new(run: &mut Run<'_>, listing: &Listing) -> io::Result<()> {
    write(run, true)?;
    let Some(stage) = &run.stage else { return Ok(()) };
    for path in &run.litter {
        beneath::remove(&stage.files, path)?;
    }
    // Also folders without files, which nothing was copied into.
    stage::folders(stage, listing.folders.iter().map(|(path, _, _)| path.as_path()))?;
    // The deepest first: what is done in a folder changes its time.
    for (path, mode, modified) in listing.folders.iter().rev() {
        meta::set(&stage.files, path, *mode, *modified)?;
    }
    stage.flush()?;
    let (above, name) = parent(run)?;
    let folder = Path::new("files");
    manifest_into_place(&stage.folder, &above, name)?;
    let published = again(|| rename_new(&stage.folder, folder, &above, name));
    published?;
    own_meta(run, &above, name)?;
    sync_upwards(run)
}

/// Without replacing, where the file system can: a folder that came there meanwhile stays.
fn rename_new(from: &OwnedFd, old: &Path, to: &OwnedFd, new: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(rustix::fs::renameat(from, old, to, new)?),
        result => Ok(result?),
    }
}

fn existing(run: &mut Run<'_>, listing: &Listing, target: &target::Target) -> io::Result<()> {
    let there: BTreeSet<&Path> = target.listing.folders.iter().map(|(path, _, _)| path.as_path()).collect();
    let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
    for (path, _, _) in &listing.folders {
        if !there.contains(path.as_path()) {
            drop(beneath::make(&target.folder, path, Rights::AsAbove, false)?);
            folders.extend([path.clone(), above(path)]);
        }
    }
    for path in std::mem::take(&mut run.staged) {
        let Some(stage) = &run.stage else { break };
        match again(|| replace(&stage.files, &target.folder, &path)) {
            Ok(()) => drop(folders.insert(above(&path))),
            Err(error) => {
                run.failed.insert(path.clone(), format!("it cannot be put in its place: {}", tree::plain(&error)));
                run.sums.remove(&path);
                run.proven.remove(&path);
            }
        }
    }
    for path in &run.touch {
        if let Some(file) = listing.files.iter().find(|file| file.path == *path) {
            meta::set(&target.folder, path, file.mode, file.modified)?;
        }
    }
    for (path, mode, modified) in listing.folders.iter().rev() {
        if folders.contains(path) {
            meta::set(&target.folder, path, *mode, *modified)?;
        }
    }
    let (above, name) = parent(run)?;
    if folders.contains(Path::new("")) {
        own_meta(run, &above, name)?;
    }
    if !folders.is_empty() || !run.touch.is_empty() {
        if run.kind == Kind::Other {
            for path in &folders {
                beneath::sync_folder(beneath::open(&target.folder, path, beneath::FOLDER, Mode::empty())?)?;
            }
        } else {
            rustix::fs::syncfs(&run.held.folder)?;
        }
    }
    if write(run, true)? {
        let Some(stage) = &run.stage else { return Ok(()) };
        manifest_into_place(&stage.folder, &above, name)?;
        sync_upwards(run)?;
    }
    Ok(())
}

/// Once more, should a share have stumbled.
fn again(act: impl Fn() -> io::Result<()>) -> io::Result<()> {
    act().or_else(|error| match Errno::from_io_error(&error) {
        Some(Errno::IO | Errno::STALE) => act(),
        _ => Err(error),
    })
}

fn replace(from: &OwnedFd, to: &OwnedFd, path: &Path) -> io::Result<()> {
    let (old, name) = beneath::parent(from, path)?;
    let (new, _) = beneath::parent(to, path)?;
    match rustix::fs::renameat(old, name, new, name) {
        // An earlier attempt did it, and its answer was lost.
        Err(Errno::NOENT) if beneath::stat(to, path)?.is_some() => Ok(()),
        result => Ok(result?),
    }
}

fn above(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// The folder in which the copy lies, made if need be, and the copy's name in it.
fn parent<'a>(run: &Run<'a>) -> io::Result<(OwnedFd, &'a Path)> {
    let name = run.order.relative.file_name().ok_or(Errno::INVAL)?;
    let above = run.order.relative.parent().unwrap_or(Path::new(""));
    let folder = beneath::make(&run.held.folder, above, Rights::AsAbove, false)?;
    Ok((folder, Path::new(name)))
}

/// Gives the session's own folder its mode and time. Only after it has its place: a folder that may not be written
/// cannot be moved.
fn own_meta(run: &Run<'_>, above: &OwnedFd, name: &Path) -> io::Result<()> {
    let stat = rustix::fs::fstat(&run.source)?;
    meta::set(above, name, stat.st_mode & 0o777, tree::modified(&stat))
}

/// Makes the copy's name durable, and those of all folders above it up to the destination.
fn sync_upwards(run: &Run<'_>) -> io::Result<()> {
    for above in run.order.relative.ancestors().skip(1) {
        beneath::sync_folder(beneath::open(&run.held.folder, above, beneath::FOLDER, Mode::empty())?)?;
    }
    Ok(())
}

/// What the manifest is to be: what is accounted for, and what was known of files that only the copy has.
fn manifest(run: &Run<'_>) -> Manifest {
    let mut sums = run.sums.clone();
    if let Some(target) = &run.target {
        for file in &target.listing.files {
            if let (false, Some(sum)) = (sums.contains_key(&file.path), run.manifest.sums.get(&file.path)) {
                sums.insert(file.path.clone(), sum.clone());
            }
        }
    }
    Manifest { sums }
}

/// Writes the manifest into the staging folder, so that it becomes durable together with the files.
pub(super) fn write_manifest(run: &mut Run<'_>, sync: bool) -> Result<(), CopyError> {
    write(run, sync).map(drop).map_err(|error| run.trouble("write the manifest", &error))
}

/// `false`: there is nothing to write.
fn write(run: &mut Run<'_>, sync: bool) -> io::Result<bool> {
    let manifest = manifest(run);
    if run.target.is_some() && manifest == *run.manifest {
        return Ok(false);
    }
    let name = shown(Path::new(run.order.relative.file_name().unwrap_or_default()));
    let rendered = manifest.render(&name);
    if run.rendered.as_ref() == Some(&rendered) {
        return Ok(true);
    }
    run.stage().map_err(io::Error::other)?;
    let Some(stage) = &run.stage else { return Ok(false) };
    for (name, bytes) in [("sums", &rendered.0), ("sizes", &rendered.1)] {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let file = beneath::open(&stage.folder, Path::new(name), flags, Mode::from_raw_mode(0o600))?;
        beneath::as_above(&run.held.folder, &file)?;
        let mut file = std::fs::File::from(file);
        io::Write::write_all(&mut file, bytes)?;
        if sync || run.kind == Kind::Other {
            file.sync_all()?;
        }
    }
    run.rendered = Some(rendered);
    Ok(true)
}

fn manifest_into_place(from: &OwnedFd, above: &OwnedFd, name: &Path) -> io::Result<()> {
    for (old, new) in [("sizes", sizes_file(name)), ("sums", sums_file(name))] {
        again(|| match rustix::fs::renameat(from, old, above, &new) {
            // An earlier attempt did it, and its answer was lost.
            Err(Errno::NOENT) if beneath::stat(above, &new)?.is_some() => Ok(()),
            result => Ok(result?),
        })?;
    }
    Ok(())
}

/// Looks at what was published: names what only the copy has and what could not be kept, and puts the proof together.
pub(super) fn look_again(run: &mut Run<'_>) -> Result<(), CopyError> {
    let held = &run.held;
    let (target, _) = if run.published || run.target.is_none() {
        target::look(run.order, held)?
    } else {
        (None, Manifest::default())
    };
    let listing = Arc::clone(&run.listing);
    let copy = match (&target, &run.target) {
        (Some(now), _) => &now.listing,
        (None, Some(before)) => &before.listing,
        (None, None) => return Ok(()),
    };
    let names: std::collections::HashMap<&Path, _> =
        listing.files.iter().map(|file| (file.path.as_path(), file)).collect();
    let only = copy.files.iter().filter(|file| !names.contains_key(file.path.as_path()));
    run.report.extra = only.map(|file| shown(&file.path)).chain(copy.odd.iter().map(|odd| odd.path.clone())).collect();
    let pairs = copy.files.iter().filter_map(|file| Some((*names.get(file.path.as_path())?, file)));
    let (mut modes, mut times, mut whole) = (true, true, 0);
    for (source, copy) in pairs {
        modes &= source.mode & 0o777 == copy.mode & 0o777;
        times &= source.modified == copy.modified;
        whole += usize::from(source.size == copy.size && run.proven.contains(&source.path));
    }
    if !modes {
        run.report.notes.push("permission bits are not kept there".into());
    }
    if !times {
        run.report.notes.push("times are not kept to the nanosecond there".into());
    }
    if whole == listing.files.len() && !run.order.dry_run {
        run.report.proof = Some(Outcome {
            level: Level::Content,
            missing: Vec::new(),
            different: Vec::new(),
            extra: run.report.extra.clone(),
            files: run.report.files,
            bytes: run.report.bytes,
            read: run.origin.map(|origin| words(origin).0),
            from_storage: run.origin.is_none_or(|origin| words(origin).1),
            source: Some(listing.facts(|_| false).state),
            copy: copy.facts(|_| false).state,
        });
    }
    Ok(())
}
