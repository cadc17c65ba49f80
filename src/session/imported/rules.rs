//! When a session counts as imported by the tables of the `DataJoint` pipeline. Pure.
//!
//! What must be there is what the acquisition recorded for processing, together with the videos on the disk; what is there
//! is what the pipeline's tables hold, down to the size of each stored video. In doubt a session is not imported.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::Local;
use super::name::{self, Purpose};
use crate::session::key::Key;
use crate::session::view::Imported;

/// The most reasons that are spelt out for one session.
const MOST_REASONS: usize = 20;

/// What the acquisition's database knows, by session.
pub(super) type Acquired = HashMap<Key, Vec<Recording>>;

/// One recording as the acquisition knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recording {
    /// Its number in the acquisition's database.
    pub(super) id: i64,
    /// Name without folder, serial and extension; `None`: the database holds no usable one.
    pub(super) base: Option<String>,
    /// What the person wrote.
    pub(super) comment: String,
    /// Whether it is to be imported.
    pub(super) process: bool,
}

/// A session as the pipeline names it: normalised participant and day.
pub(super) type Place = (String, Date);

/// What the pipeline's tables hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Its sessions.
    pub(super) sessions: HashMap<Place, Recorded>,
    /// Base names of its calibrations.
    pub(super) calibrations: BTreeSet<String>,
}

/// One session in the pipeline: its recordings by base name.
pub(super) type Recorded = HashMap<String, Vec<Video>>;

/// One row of `single_camera_video` with what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Video {
    /// Base name, a dot, the camera.
    pub(super) file: String,
    /// How far it came.
    pub(super) stored: Stored,
}

/// How far a video came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// Not even its row in `video` is there.
    NotInVideo,
    /// The row is there, the file is not registered.
    NotRegistered,
    /// The store holds so many bytes.
    Bytes(u64),
}

/// What is to be asked of the pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Normalised participants.
    pub(super) participants: BTreeSet<String>,
    /// First and last day; `None`: there are no sessions.
    pub(super) days: Option<(Date, Date)>,
}

/// What has to be asked to judge all these sessions.
pub(super) fn wanted(acquired: &Acquired, local: &[Local]) -> Wanted {
    let mut wanted = Wanted::default();
    for key in acquired.keys().chain(local.iter().map(|local| &local.key)) {
        wanted.participants.insert(name::normalised(&key.participant).to_owned());
        let (first, last) = wanted.days.unwrap_or((key.date, key.date));
        wanted.days = Some((first.min(key.date), last.max(key.date)));
    }
    wanted
}

/// Judges every session on the disk or in the acquisition's database.
pub(super) fn judge(acquired: &Acquired, pipeline: &Pipeline, local: &[Local]) -> HashMap<Key, Imported> {
    let here: HashMap<&Key, &Local> = local.iter().map(|local| (&local.key, local)).collect();
    let merged = merged(acquired, &here);
    let keys: BTreeSet<&Key> = acquired.keys().chain(here.keys().copied()).collect();
    let judged = keys.into_iter().map(|key| {
        let others = merged.get(&place(key)).map(Vec::as_slice).unwrap_or_default();
        let others: Vec<&Key> = others.iter().copied().filter(|other| *other != key).collect();
        let case = Case {
            key,
            recordings: acquired.get(key).map(Vec::as_slice),
            videos: here.get(key).map(|local| local.videos.as_slice()).unwrap_or_default(),
            pipeline,
        };
        let verdict = match case.shared(&others, acquired, &here) {
            Some(why) => Imported::Unknown { why },
            None => case.judge(),
        };
        (key.clone(), verdict)
    });
    judged.collect()
}

fn place(key: &Key) -> Place {
    (name::normalised(&key.participant).to_owned(), key.date)
}

/// Sessions that are one session in the pipeline, such as `p001` and `t001` on one day.
fn merged<'a>(acquired: &'a Acquired, here: &HashMap<&'a Key, &'a Local>) -> HashMap<Place, Vec<&'a Key>> {
    let mut places: HashMap<Place, BTreeSet<&Key>> = HashMap::new();
    for key in acquired.keys().chain(here.keys().copied()) {
        places.entry(place(key)).or_default().insert(key);
    }
    places
        .into_iter()
        .filter(|(_, keys)| keys.len() > 1)
        .map(|(place, keys)| (place, keys.into_iter().collect()))
        .collect()
}

/// One session with everything that is known of it.
struct Case<'a> {
    key: &'a Key,
    recordings: Option<&'a [Recording]>,
    videos: &'a [(String, u64)],
    pipeline: &'a Pipeline,
}

/// A video on the disk: its camera, its bytes.
type Camera<'a> = (&'a str, u64);

impl<'a> Case<'a> {
    /// Why it cannot be told apart from another session that the pipeline calls the same.
    fn shared(&self, others: &[&Key], acquired: &Acquired, here: &HashMap<&Key, &Local>) -> Option<String> {
        let mine = bases(self.recordings.unwrap_or_default(), self.videos);
        others.iter().find_map(|other| {
            let recordings = acquired.get(*other).map(Vec::as_slice).unwrap_or_default();
            let videos = here.get(*other).map(|local| local.videos.as_slice()).unwrap_or_default();
            let theirs = bases(recordings, videos);
            let both = mine.intersection(&theirs).next()?;
            Some(format!(
                "{} and {} are both {} in the pipeline, and both have {both}: which of them was imported cannot be told",
                self.key.participant,
                other.participant,
                name::normalised(&self.key.participant),
            ))
        })
    }

    fn judge(&self) -> Imported {
        let Some(recordings) = self.recordings else {
            return no("unknown session", vec!["recordings.db does not know this session".into()]);
        };
        let (cameras, mut why) = self.on_disk(recordings);
        let strangers = why.len();
        let expected = expected(recordings);
        let nowhere = HashMap::new();
        let session = self.pipeline.sessions.get(&place(self.key));
        if session.is_none() && !expected.is_empty() {
            let participant = name::normalised(&self.key.participant);
            why.push(format!("the pipeline has no session {participant} of {}", self.key.date));
        }
        let recorded = session.unwrap_or(&nowhere);
        let mut whole = 0;
        for (what, purpose) in &expected {
            let missing = match what {
                Ok(base) => self.missing(base, *purpose, recorded, cameras.get(base).map_or(&[], Vec::as_slice)),
                Err(id) => vec![format!("recording {id} of recordings.db has no file name")],
            };
            whole += usize::from(missing.is_empty());
            why.extend(missing);
        }
        let total = expected.len();
        if total == 0 {
            why.push(nothing_expected(recordings));
            return no("nothing to import", why);
        }
        match (whole == total, strangers) {
            (true, 0) => Imported::Yes,
            (true, 1) => no("1 video unknown", why),
            (true, _) => no(&format!("{strangers} videos unknown"), why),
            (false, _) => no(&format!("{whole} of {total}"), why),
        }
    }

    /// Videos on the disk by recording, and what is wrong with those that belong to none.
    fn on_disk(&self, recordings: &'a [Recording]) -> (HashMap<&'a str, Vec<Camera<'a>>>, Vec<String>) {
        let known: BTreeSet<&str> = recordings.iter().filter_map(|recording| recording.base.as_deref()).collect();
        let mut cameras: HashMap<&str, Vec<Camera<'_>>> = HashMap::new();
        let mut why = Vec::new();
        for (file, size) in self.videos.iter().filter(|(file, _)| name::is_video(file)) {
            match name::video(file) {
                Some((base, camera)) if known.contains(base) => cameras.entry(base).or_default().push((camera, *size)),
                Some(_) => why.push(format!("{file} is on the disk, and recordings.db does not know its recording")),
                None => why.push(format!("{file} is on the disk, and is not called like a video of a recording")),
            }
        }
        (cameras, why)
    }

    /// What the pipeline lacks of one recording.
    fn missing(&self, base: &str, purpose: Purpose, recorded: &Recorded, cameras: &[Camera<'_>]) -> Vec<String> {
        let Some(videos) = recorded.get(base) else {
            return match purpose {
                Purpose::Either if self.pipeline.calibrations.contains(base) => Vec::new(),
                Purpose::Either => vec![format!("{base} is neither in recording nor in multi_camera_calibration")],
                Purpose::Trial | Purpose::Calibration => vec![format!("{base} is not in recording")],
            };
        };
        if videos.is_empty() {
            return vec![format!("{base}: no camera is in single_camera_video")];
        }
        if cameras.is_empty() {
            // Nothing of it is here any more, so what the pipeline has of it is all there is to ask for.
            let camera = |video: &'_ Video| video.file.rsplit('.').next().unwrap_or_default().to_owned();
            return videos.iter().filter_map(|video| lacking(base, &camera(video), Some(video.stored), None)).collect();
        }
        let stored = |camera: &str, size: u64| {
            let of_camera = videos
                .iter()
                .filter(|video| video.file.strip_prefix(base).and_then(|rest| rest.strip_prefix('.')) == Some(camera));
            // One file may be registered under several projects: the one that fits best counts.
            of_camera.map(|video| video.stored).max_by_key(|stored| match stored {
                Stored::NotInVideo => 0,
                Stored::NotRegistered => 1,
                Stored::Bytes(bytes) if *bytes != size => 2,
                Stored::Bytes(_) => 3,
            })
        };
        let lack = |(camera, size): &Camera<'_>| lacking(base, camera, stored(camera, *size), Some(*size));
        cameras.iter().filter_map(lack).collect()
    }
}

/// What is wrong with one video; `size`: that of the one on the disk, where there is one.
fn lacking(base: &str, camera: &str, stored: Option<Stored>, size: Option<u64>) -> Option<String> {
    let what = match (stored, size) {
        (None, _) => "is not in single_camera_video".to_owned(),
        (Some(Stored::NotInVideo), _) => "is not in video".to_owned(),
        (Some(Stored::NotRegistered), _) => "has no file in ~external_localattach".to_owned(),
        (Some(Stored::Bytes(bytes)), Some(size)) if bytes != size => {
            format!("is stored with {bytes} bytes and has {size} on the disk")
        }
        (Some(Stored::Bytes(0)), None) => "is stored empty".to_owned(),
        (Some(Stored::Bytes(_)), _) => return None,
    };
    Some(format!("{base}: camera {camera} {what}"))
}

/// The recordings that must be in the pipeline, each once: base name, or the number of one without a name.
fn expected(recordings: &[Recording]) -> BTreeMap<Result<&str, i64>, Purpose> {
    let mut expected = BTreeMap::new();
    for recording in recordings.iter().filter(|recording| recording.process) {
        let purpose = name::purpose(&recording.comment);
        if purpose == Purpose::Calibration {
            continue;
        }
        let what = recording.base.as_deref().ok_or(recording.id);
        // Of two rows for one recording the stricter counts.
        let kept = expected.entry(what).or_insert(purpose);
        if purpose == Purpose::Trial {
            *kept = purpose;
        }
    }
    expected
}

fn nothing_expected(recordings: &[Recording]) -> String {
    match recordings.len() {
        0 => "recordings.db has no recording of it".into(),
        1 => "its only recording is a calibration, or not to be processed".into(),
        count => format!("all its {count} recordings are calibrations, or not to be processed"),
    }
}

fn bases<'a>(recordings: &'a [Recording], videos: &'a [(String, u64)]) -> BTreeSet<&'a str> {
    let recorded = recordings.iter().filter_map(|recording| recording.base.as_deref());
    recorded.chain(videos.iter().filter_map(|(file, _)| name::video(file).map(|(base, _)| base))).collect()
}

fn no(short: &str, mut why: Vec<String>) -> Imported {
    let more = why.len().saturating_sub(MOST_REASONS);
    if more > 1 {
        why.truncate(MOST_REASONS);
        why.push(format!("and {more} more"));
    }
    Imported::No { short: short.to_owned(), why }
}

#[cfg(test)]
mod tests;
