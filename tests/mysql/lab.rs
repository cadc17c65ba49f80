//! An acquisition and its pipeline: the `SQLite` file and the MySQL databases that real ones have, and what lies on the disk.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::data::Imported as How;
use hotspare::fleet::secret::{DatabaseUrl, Secret, SecretSource};
use hotspare::reach::secret::Secrets;
use hotspare::session::imported::{self, Answer, Local};
use hotspare::session::key::Key;
use hotspare::session::view::Imported;

use crate::server::Server;

/// Serials of the cameras of the lab.
pub(crate) const CAMERAS: [&str; 3] = ["17391304", "17391305", "17391306"];
pub(crate) const DAY: &str = "20250104";
pub(crate) const PASSWORD: &str = "pw-of-reader";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) sqlite: PathBuf,
    /// Database of the stored files.
    pub(crate) pose: String,
    folder: tempfile::TempDir,
    disk: BTreeMap<Key, Vec<(String, u64)>>,
}

impl Lab {
    pub(crate) async fn start(prefix: &str) -> Self {
        Self::with(prefix, "utf8mb4").await
    }

    /// With a prefix before the database of the stored files, and tables of this character set.
    pub(crate) async fn with(prefix: &str, charset: &str) -> Self {
        let server = Server::start(1, false).await;
        let pose = format!("{prefix}pose_pipeline");
        server.sql(&include_str!("pipeline.sql").replace("{pose}", &pose).replace("{charset}", charset));
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = folder.path().join("recordings.db");
        let lab = Self { server, sqlite, pose, folder, disk: BTreeMap::new() };
        lab.acquisition().execute_batch(include_str!("recordings.sql")).expect("the tables");
        lab
    }

    /// A connection that writes, as the acquisition's is.
    pub(crate) fn acquisition(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.sqlite).expect("the file opens")
    }

    /// Records with all cameras; each video has so many bytes. Returns the base name.
    pub(crate) fn record(&mut self, participant: &str, date: &str, trial: usize, comment: &str, size: u64) -> String {
        let base = base(participant, date, trial);
        let file = self.acquisition();
        let day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]);
        // As the acquisition does: neither names nor sessions are unique.
        let known: Option<i64> = file
            .query_row(
                "SELECT sessions.id FROM sessions JOIN participants ON participants.id = participant_id
                 WHERE name = ? AND session_date = ?",
                (participant, &day),
                |row| row.get(0),
            )
            .ok();
        let session = known.unwrap_or_else(|| {
            file.execute("INSERT INTO participants (name) VALUES (?)", [participant]).expect("a row");
            let path = format!("data/{participant}/{date}");
            let fin = file.last_insert_rowid();
            file.execute("INSERT INTO participant_fin (participant_id, fin) VALUES (?, 'S1234567D')", [fin])
                .expect("a row");
            file.execute(
                "INSERT INTO sessions (session_date, session_path, participant_id) VALUES (?, ?, ?)",
                (&day, path, fin),
            )
            .expect("a row");
            file.last_insert_rowid()
        });
        let path = format!("data/{participant}/{date}/{base}");
        file.execute(
            "INSERT INTO recordings (session_id, filename, recording_timestamp, comment, should_process, timestamp_spread)
             VALUES (?, ?, ?, ?, 1, 3)",
            (session, path, format!("{day} 10:01:00.000000"), comment),
        )
        .expect("a row");
        let videos = self.disk.entry(Key::new(participant, date).expect("a key")).or_default();
        videos.extend(CAMERAS.map(|camera| (format!("{base}.{camera}.mp4"), size)));
        videos.push((format!("{base}.json"), 100));
        base
    }

    /// Imports what was recorded, as the pipeline calls the participant.
    pub(crate) fn push(&self, known_as: &str, date: &str, bases: &[String], size: u64) {
        self.server.sql(&self.pushed(known_as, date, bases, size));
    }

    pub(crate) fn pushed(&self, known_as: &str, date: &str, bases: &[String], size: u64) -> String {
        let pose = &self.pose;
        let mut sql = format!(
            "INSERT IGNORE INTO mocap_sessions.subject VALUES ('{known_as}');
             INSERT IGNORE INTO mocap_sessions.session VALUES ('{known_as}', '{date}');\n"
        );
        for base in bases {
            let stamp = &base[base.len() - 15..].replace('_', "");
            let _a_string_takes_all = writeln!(
                sql,
                "INSERT INTO multicamera_tracking.multi_camera_recording VALUES ('{stamp}', 'c0ffee{known_as}', 'mocap', '{base}');
                 INSERT INTO mocap_sessions.recording VALUES ('{known_as}', '{date}', '{stamp}', 'c0ffee{known_as}', '');"
            );
            for camera in CAMERAS {
                let _a_string_takes_all = writeln!(
                    sql,
                    "SET @hash = UNHEX(MD5('{base}.{camera}'));
                     INSERT INTO `{pose}`.`~external_localattach` (`hash`, `size`) VALUES (@hash, {size});
                     INSERT INTO `{pose}`.video (video_project, filename, video) VALUES ('mocap', '{base}.{camera}', @hash);
                     INSERT INTO multicamera_tracking.single_camera_video
                     VALUES ('{stamp}', 'c0ffee{known_as}', 'mocap', '{base}.{camera}', '{camera}', REPEAT('t', 2000));"
                );
            }
        }
        sql
    }

    /// Forgets one camera of a recording in the pipeline.
    pub(crate) fn lose(&self, base: &str, camera: &str) {
        self.server.sql(&format!(
            "DELETE FROM multicamera_tracking.single_camera_video WHERE filename = '{base}.{camera}';
             DELETE FROM `{}`.video WHERE filename = '{base}.{camera}'",
            self.pose
        ));
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        url(self.server.port)
    }

    pub(crate) fn local(&self) -> Vec<Local> {
        self.disk.iter().map(|(key, videos)| Local { key: key.clone(), videos: videos.clone() }).collect()
    }

    /// Nothing of it is on the disk any more.
    pub(crate) fn delete(&mut self, participant: &str, date: &str) {
        self.disk.remove(&Key::new(participant, date).expect("a key"));
    }

    pub(crate) fn preset(&self) -> How {
        How::Datajoint { sqlite: self.sqlite.clone(), mysql: self.url() }
    }

    pub(crate) async fn ask(&self) -> Answer {
        ask(&self.preset(), &self.local(), PATIENCE).await
    }

    /// What is known of a session of [`DAY`].
    pub(crate) async fn of(&self, participant: &str) -> Imported {
        self.ask().await.of(&Key::new(participant, DAY).expect("a key"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn url(port: u16) -> DatabaseUrl {
    DatabaseUrl {
        url: format!("mysql://reader@127.0.0.1:{port}/"),
        password: SecretSource::Inline(Secret::new(PASSWORD)),
    }
}

pub(crate) async fn ask(how: &How, local: &[Local], patience: Duration) -> Answer {
    imported::ask(how, &Secrets::new(Clock::real()), local, patience).await
}

pub(crate) fn base(participant: &str, date: &str, trial: usize) -> String {
    format!("walk{participant}_{date}_10{:02}{:02}", trial / 60, trial % 60)
}

/// A no with these reasons.
pub(crate) fn no(short: &str, why: &[&str]) -> Imported {
    Imported::No { short: short.to_owned(), why: why.iter().map(|&why| why.to_owned()).collect() }
}

/// Why nothing is known: the word and the sentence. The password is in neither.
pub(crate) fn silence(answer: &Answer) -> (&'static str, String) {
    let Answer::Unknown(trouble) = answer else { panic!("something is known: {answer:?}") };
    assert!(!format!("{trouble:?}").contains(PASSWORD), "{trouble:?}");
    let key = Key::new("p001", DAY).expect("a key");
    assert_eq!(answer.of(&key).known(), None, "unknown is neither yes nor no");
    assert!(!trouble.remedy.is_empty());
    (trouble.word, trouble.why.clone())
}
