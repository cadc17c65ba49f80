//! Copies one session to another machine: carried by rsync, read back there from the disk, and only then given its name.
//!
//! A new session grows below `.hotspare/staging/` of the destination and appears by one rename; in one that is there
//! already rsync replaces file by file. Nothing is ever deleted from a copy. A run that was interrupted is taken up again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::hold::Hold;
use super::rsync::Load;
use super::sums::{self, Algorithm, Both, Hand, Sum};
use super::verify::{DROPPED, MAY_BE_CACHED};
use super::{LOOK, OWN, PATIENCE, Remote, RemoteError, TAKEN, found, within};
use crate::reach::quote::quote;
use crate::session::copy::Copied;
use crate::session::key::Key;
use crate::session::listing::{File, Listing, shown};
use crate::session::lock::{self, Who};
use crate::session::manifest::{Manifest, Seen as Stamp, Sum as Line, sizes_file, sums_file};
use crate::session::report::Different;
use crate::session::verify::Outcome;
use crate::session::view::Level;
use crate::session::{stream, tree};
use crate::work::progress::Event;
use crate::work::steer::Steer;
use crate::work::throttle::Throttle;

/// A source that is not the same after so many rounds is still being written.
const ROUNDS: u32 = 4;
/// How often a file that is not right when it is read back is carried again.
const REPAIRS: u32 = 2;

/// What is to be copied, and how.
pub struct Order<'a> {
    /// Which session; names its staging folder.
    pub key: &'a Key,
    /// Its folder on this computer.
    pub source: &'a Path,
    /// Folder of the copy below the destination's.
    pub relative: &'a Path,
    /// Identity that the destination's marker must hold.
    pub marker: &'a str,
    /// Who copies, for another computer that wants to copy the same session there.
    pub who: &'a Who,
    /// Which paths below the session's folder do not belong to it.
    pub exclude: &'a dyn Fn(&Path) -> bool,
    /// How many bytes a second it may take.
    pub throttle: Option<&'a Throttle>,
    /// Who steers it.
    pub steer: &'a dyn Steer,
    /// Nothing is written: only say what would be.
    pub dry_run: bool,
}

/// One copy under way.
struct Run<'a> {
    remote: &'a Remote,
    order: &'a Order<'a>,
    hold: Hold<'a>,
    folder: OwnedFd,
    algorithm: Algorithm,
    /// Folder of this session below the destination's own.
    stage: PathBuf,
    /// Where its files go: the copy itself, or the staging folder.
    target: PathBuf,
    /// Whether the copy appears by a rename.
    staged: bool,
    out: Copied,
    /// Files that are counted as written.
    written: HashSet<PathBuf>,
    said: Option<String>,
}

impl Remote {
    /// Copies a session, reads all of it back and leaves its manifest beside it.
    pub fn copy(&self, order: &Order<'_>) -> Result<Copied, RemoteError> {
        let folder = tree::open(order.source)?;
        let listing = tree::list_in(&folder, order.source, order.exclude)?;
        let seen = self.look(LOOK)?;
        if !order.dry_run && !seen.writable {
            let why = format!("nothing can be written to {}", self.place());
            return Err(RemoteError::trouble("read-only", why, "give the user rights there, or mount it rw"));
        }
        // Whoever has it changes what is there: only then it is looked what has to be done.
        let hold =
            if order.dry_run { None } else { Some(Hold::take(self, order.marker, order.key, order.who, order.steer)?) };
        let there = self.list(order.relative)?;
        let stage = Path::new(OWN).join("staging").join(lock::name(order.key));
        let staged = there.is_none();
        let target = if staged { stage.join("new") } else { order.relative.to_owned() };
        let begun = if staged && !order.dry_run { self.list(&target)? } else { there };
        let begun = begun.unwrap_or_default().without(order.exclude);
        let mut out = Copied { odd: listing.odd.clone(), ..Copied::default() };
        let missing = missing(&listing, &begun);
        out.files = listing.files.len() as u64;
        out.bytes = listing.files.iter().map(|file| file.size).sum();
        out.written = missing.len() as u64;
        out.written_bytes = missing.iter().map(|file| file.size).sum();
        out.resumed = if staged { out.files - out.written } else { 0 };
        let written = missing.iter().map(|file| file.path.clone()).collect();
        let Some(hold) = hold else { return Ok(out) };
        if let Some(free) = seen.free.filter(|free| *free < out.written_bytes) {
            return Err(RemoteError::Room { place: self.place(), need: out.written_bytes, free });
        }
        let algorithm = seen.algorithm();
        let run = Run { remote: self, order, hold, folder, algorithm, stage, target, staged, out, written, said: None };
        run.prepare()?;
        run.complete(listing)
    }
}

/// Files that are not there, or not with the same size and time.
fn missing<'a>(listing: &'a Listing, there: &Listing) -> Vec<&'a File> {
    let there: HashMap<&Path, &File> = there.files.iter().map(|file| (file.path.as_path(), file)).collect();
    let same =
        |file: &File, other: &File| file.size == other.size && file.modified.as_second() == other.modified.as_second();
    let lacks = |file: &&File| there.get(file.path.as_path()).is_none_or(|other| !same(file, other));
    listing.files.iter().filter(lacks).collect()
}

impl Run<'_> {
    fn part(&self, name: &str) -> PathBuf {
        self.stage.join(name)
    }

    /// A folder below the destination's, for rsync, which takes whole paths.
    fn whole(&self, relative: &Path) -> Result<String, RemoteError> {
        within(relative)?;
        Ok(format!("{}/{}", self.remote.folder.path, relative.display()))
    }

    /// A script in the destination's folder, if it still is the one that it was.
    fn script(&self, text: &str, input: Option<Vec<u8>>) -> Result<(), RemoteError> {
        self.hold.renew()?;
        let script = format!("{}set -e\n{text}", self.remote.enter_marked(self.order.marker));
        self.remote.run(&script, input, PATIENCE * 10, 64 << 10).map(drop)
    }

    fn prepare(&self) -> Result<(), RemoteError> {
        let (temporary, partial) = (within(&self.part("tmp"))?, within(&self.part("partial"))?);
        let target = within(&self.target)?;
        // What a killed rsync left is of no use, unlike what one that ended kept.
        let target = if self.staged { format!("mkdir -p {target}; ") } else { String::new() };
        self.script(&format!("rm -rf {temporary}; {target}mkdir -p {temporary} {partial}"), None)
    }

    fn complete(mut self, mut listing: Listing) -> Result<Copied, RemoteError> {
        let (total, hand) = (self.out.bytes, Hand { steer: self.order.steer, throttle: None });
        self.order.steer.event(Event::Total(total * 2));
        let mut known: BTreeMap<PathBuf, (Stamp, Both)> = BTreeMap::new();
        let mut rounds = 0;
        loop {
            let all: Vec<&Path> = listing
                .files
                .iter()
                .map(|file| file.path.as_path())
                .chain(listing.folders.iter().map(|(path, ..)| path.as_path()))
                .collect();
            self.said = self.carry(found::names(all), false)?;
            known.retain(|path, (seen, _)| {
                listing.files.iter().any(|file| file.path == *path && stream::seen(file) == *seen)
            });
            for file in &listing.files {
                if known.contains_key(&file.path) {
                    continue;
                }
                match sums::here(&self.folder, &file.path, self.algorithm, &hand) {
                    Ok(Some(both)) => drop(known.insert(file.path.clone(), (stream::seen(file), both))),
                    Ok(None) => return Err(RemoteError::Cancelled),
                    // Vanished, or not readable: the next listing, or the comparison, tells.
                    Err(_gone) => {}
                }
            }
            let again = tree::list_in(&self.folder, self.order.source, self.order.exclude)?;
            if again.files == listing.files {
                break;
            }
            rounds += 1;
            let changed = first_change(&listing, &again);
            self.out.vanished.extend(gone(&listing, &again));
            listing = again;
            if rounds == ROUNDS {
                return Err(RemoteError::StillWritten(changed));
            }
        }
        self.order.steer.event(Event::Reached(total));
        self.read_back(&listing, &known)?;
        if self.out.failed.is_empty() {
            self.publish(&known)?;
        }
        Ok(self.out)
    }

    fn carry(&self, names: Vec<u8>, again: bool) -> Result<Option<String>, RemoteError> {
        let mut from = self.order.source.as_os_str().to_owned();
        from.push("/");
        self.remote.carry(&Load {
            from,
            to: self.whole(&self.target)?,
            temporary: self.whole(&self.part("tmp"))?,
            partial: self.whole(&self.part("partial"))?,
            names,
            again,
            steer: self.order.steer,
            throttle: self.order.throttle,
            hold: &self.hold,
        })
    }

    /// Reads every file there and compares; what is wrong is carried again.
    fn read_back(&mut self, listing: &Listing, known: &BTreeMap<PathBuf, (Stamp, Both)>) -> Result<(), RemoteError> {
        let mut wrong: Vec<&File> = listing.files.iter().collect();
        let (mut read, mut repairs, mut dropped) = (BTreeMap::<PathBuf, Sum>::new(), 0, true);
        loop {
            let (sums, all_dropped) = self.remote.sums(&self.target, &wrong, self.algorithm, self.order.steer)?;
            dropped &= all_dropped;
            read.extend(sums);
            let right = |file: &File| {
                let here = known.get(&file.path).and_then(|(_, both)| both.of(self.algorithm));
                here.is_some() && here == read.get(&file.path).copied()
            };
            wrong.retain(|file| !right(file));
            if wrong.is_empty() || repairs == REPAIRS {
                break;
            }
            repairs += 1;
            for file in &wrong {
                read.remove(&file.path);
                if self.written.insert(file.path.clone()) {
                    self.out.written += 1;
                    self.out.written_bytes += file.size;
                }
                let path = shown(&file.path);
                if !self.out.repaired.contains(&path) {
                    self.out.repaired.push(path);
                }
            }
            self.said = self.carry(found::names(wrong.iter().map(|file| file.path.as_path())), true)?;
        }
        for file in wrong {
            let path = shown(&file.path);
            self.out.repaired.retain(|repaired| *repaired != path);
            let reason = match (known.contains_key(&file.path), read.contains_key(&file.path)) {
                (false, _) => "unreadable: it cannot be read here".to_owned(),
                (_, true) => "content".to_owned(),
                (_, false) => self
                    .said
                    .clone()
                    .map_or_else(|| "it did not arrive".to_owned(), |said| format!("unreadable: {said}")),
            };
            self.out.failed.push(Different { path, reason });
        }
        let there = self.remote.list(&self.target)?.unwrap_or_default().without(self.order.exclude);
        let ours = |file: &File| listing.files.binary_search_by(|mine| mine.path.cmp(&file.path)).is_ok();
        self.out.extra = there.files.iter().filter(|file| !ours(file)).map(|file| shown(&file.path)).collect();
        self.out.proof = Some(Outcome {
            level: Level::Content,
            missing: Vec::new(),
            different: self.out.failed.clone(),
            extra: self.out.extra.clone(),
            files: listing.files.len() as u64,
            bytes: self.out.bytes,
            read: Some(if dropped { DROPPED } else { MAY_BE_CACHED }),
            from_storage: dropped,
            source: Some(listing.facts(|_| false).state),
            copy: there.facts(|_| false).state,
        });
        Ok(())
    }

    /// Gives the copy its name and its manifest, durably.
    fn publish(&self, known: &BTreeMap<PathBuf, (Stamp, Both)>) -> Result<(), RemoteError> {
        let copy = self.order.relative;
        let sums = known
            .iter()
            .map(|(path, (seen, both))| (path.clone(), Line { hash: both.blake3, seen: Some(*seen) }))
            .collect();
        let name = copy.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (lines, sizes) = Manifest { sums }.render(&name);
        let above = copy.parent().unwrap_or(Path::new(""));
        let (there, above) = (within(copy)?, quote(&format!("./{}", above.display())));
        if self.staged {
            let new = within(&self.target)?;
            let text =
                format!("mkdir -p {above}; sync -f {new}\n[ ! -e {there} ] || exit {TAKEN}\nmv -T -- {new} {there}");
            self.script(&text, None).map_err(|error| match error {
                RemoteError::Trouble { word: "taken", why, .. } => RemoteError::trouble(
                    "error",
                    format!("{why}: the copy appeared there while it was made"),
                    "does another machine copy the same session? repeat when it has ended",
                ),
                error => error,
            })?;
        }
        for (file, bytes) in [(sums_file(copy), lines), (sizes_file(copy), sizes)] {
            let (fresh, file) = (within(&self.part("manifest"))?, within(&file)?);
            self.script(&format!("cat > {fresh}; sync {fresh}; mv -T -- {fresh} {file}"), Some(bytes))?;
        }
        let stage = within(&self.stage)?;
        self.script(&format!("sync -f {there}; sync {above}; rm -rf {stage}"), None)
    }
}

/// The first file that is not the same.
fn first_change(before: &Listing, after: &Listing) -> String {
    let old: HashMap<&Path, &File> = before.files.iter().map(|file| (file.path.as_path(), file)).collect();
    let changed = after.files.iter().find(|file| old.get(file.path.as_path()) != Some(file));
    changed.map(|file| shown(&file.path)).or_else(|| gone(before, after).next()).unwrap_or_default()
}

/// Files that are no longer there.
fn gone<'a>(before: &'a Listing, after: &'a Listing) -> impl Iterator<Item = String> + 'a {
    let still = |file: &File| after.files.binary_search_by(|other| other.path.cmp(&file.path)).is_ok();
    before.files.iter().filter(move |file| !still(file)).map(|file| shown(&file.path))
}
