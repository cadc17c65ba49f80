//! Reads the files of a log: over a connection that breaks, it goes on exactly where it was.

use std::sync::Arc;

use super::frames::{Frame, Frames, Place, Word};
use super::intake::Intake;
use super::program::{Heard, Way};
use super::stream::Stream;
use crate::reach::plain;

/// What runs on the host.
const SCRIPT: &str = include_str!("follow_files.sh");
/// Bytes of the ends of all files together that are read at first.
const BACK: usize = 4 * 1024 * 1024;

/// Files of one host.
pub(super) struct Files {
    stream: Arc<Stream>,
    all: Vec<File>,
    /// Said once the host is heard again.
    owed: Option<String>,
}

struct File {
    /// Position among the sources of the stream.
    source: usize,
    path: String,
    /// How far it was read; `None`: it was not.
    place: Option<Place>,
}

impl Files {
    /// These sources of the stream, each with its path.
    pub(super) fn new(stream: Arc<Stream>, files: Vec<(usize, String)>) -> Self {
        let files = files.into_iter().map(|(source, path)| File { source, path, place: None }).collect();
        Self { stream, all: files, owed: None }
    }

    /// Reads until the host is not heard any more; says why.
    pub(super) async fn read(&mut self, way: &Way) -> String {
        let mut program = match way.start(SCRIPT, &self.arguments()).await {
            Ok(program) => program,
            Err(why) => return why,
        };
        let mut frames = Frames::default();
        loop {
            match program.next().await {
                Heard::Out(bytes) => {
                    let stream = Arc::clone(&self.stream);
                    let mut garbled = None;
                    stream.with(|inner| {
                        if let Some(owed) = self.owed.take() {
                            inner.say(&owed);
                        }
                        garbled = frames.feed(bytes, &mut |frame| self.take(inner, frame)).err();
                    });
                    if let Some(garbled) = garbled {
                        return garbled.to_string();
                    }
                }
                Heard::Err(_) => {}
                Heard::Over(why) => return why,
            }
        }
    }

    /// The host was not heard for so long, for this reason.
    pub(super) fn lost(&mut self, why: &str) {
        let host = self.stream.target.host.clone();
        self.stream.with(|inner| {
            let before = self.all.iter().any(|file| file.place.is_some());
            if before && self.owed.is_none() {
                inner.say(&format!("{host}: not heard any more: {why}"));
                self.owed =
                    Some(format!("{host}: heard again; each file is read on from where it was, and nothing is missing unless it is said here"));
            }
            for file in &self.all {
                inner.trouble(file.source, Some(why.to_owned()));
            }
        });
    }

    fn arguments(&self) -> Vec<String> {
        let back = (BACK / self.all.len().max(1)).to_string();
        let positions = self.all.iter().flat_map(|file| {
            // A path that begins with `-` is not an option of whatever reads it.
            let path = if file.path.starts_with('-') { format!("./{}", file.path) } else { file.path.clone() };
            match &file.place {
                Some(place) => [path, place.id.clone(), place.at.to_string()],
                None => [path, "-".into(), "0".into()],
            }
        });
        std::iter::once(back).chain(positions).collect()
    }

    fn take(&mut self, inner: &mut Intake, frame: Frame<'_>) {
        match frame {
            Frame::Zone(ahead) => inner.zone(ahead),
            Frame::Beat => {}
            Frame::Begin(number, place) => {
                let Some(file) = self.all.get_mut(number) else { return };
                match &file.place {
                    None if place.at > 0 => inner.begin_in_the_middle(file.source),
                    // Another file, or the same from its beginning: what had begun there does not go on here.
                    Some(before) if *before != place => inner.end_line(file.source),
                    None | Some(_) => {}
                }
                file.place = Some(place);
                inner.trouble(file.source, None);
                inner.behind(file.source, true);
            }
            Frame::Bytes(number, bytes) => {
                let Some(file) = self.all.get_mut(number) else { return };
                if let Some(place) = &mut file.place {
                    forward(&mut place.at, bytes.len());
                }
                inner.bytes(file.source, bytes);
            }
            Frame::End(number, place) => {
                let Some(file) = self.all.get_mut(number) else { return };
                file.place = Some(place);
                inner.trouble(file.source, None);
                inner.behind(file.source, false);
            }
            Frame::Word(number, word) => {
                let Some(file) = self.all.get(number) else { return };
                let path = &file.path;
                match word {
                    Word::Missing => {
                        if file.place.is_none() && inner.troubled(file.source).is_none() {
                            inner.say(&format!("{path}: no such file yet; it is read as soon as it is there"));
                        }
                        inner.trouble(file.source, Some("no such file".into()));
                    }
                    Word::Unreadable => {
                        inner.trouble(file.source, Some("may not be read by the user that logs in".into()));
                    }
                    Word::Truncated => inner.say(&format!(
                        "{path}: shorter than it was, and read from its beginning: what was written just before may be missing"
                    )),
                    Word::Lost => inner.say(&format!(
                        "{path}: another file took its place, and the old one is gone: its last lines may be missing"
                    )),
                    Word::Folder(names) => {
                        let host = &self.stream.target.host;
                        let folder = path.trim_end_matches('/');
                        let first = names.first().map(|name| format!("; ask for {host}:{folder}/{name}"));
                        let there = if names.is_empty() { "no file".into() } else { names.join(", ") };
                        let why = format!("is a folder, with {there} in it{}", first.unwrap_or_default());
                        inner.trouble(file.source, Some(plain::line(&why, 400)));
                    }
                    Word::Rotated => {}
                }
            }
        }
    }
}

/// A place after so many more bytes.
pub(super) fn forward(at: &mut u64, bytes: usize) {
    // The host says where it is, and may say anything.
    *at = at.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_host_that_lies_about_its_place_overflows_nothing() {
        let mut at = u64::MAX - 1;
        super::forward(&mut at, 5);
        assert_eq!(at, u64::MAX);
    }
}
