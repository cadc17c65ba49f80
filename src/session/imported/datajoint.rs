//! What the tables of the `DataJoint` pipeline hold, in a few statements for all sessions together. Never touches the column
//! with the frames' times, which is larger than everything else together.

use std::time::Duration;

use mysql_async::{Row, Value};

use super::rules::{Pipeline, Stored, Video, Wanted};
use super::server::Server;
use super::{Trouble, flags};
use crate::fleet::secret::DatabaseUrl;
use crate::reach::secret::Secrets;

const SESSIONS: &str = "mocap_sessions";
const TRACKING: &str = "multicamera_tracking";
/// The database of the stored files ends so; the pipeline's settings may put a prefix before it.
const POSE: &str = "pose_pipeline";
const CALIBRATION: &str = "multi_camera_calibration";
/// More participants than this are not named in the question: everybody of those days is read.
const MOST_NAMED: usize = 1_000;

pub(super) async fn read(
    url: &DatabaseUrl,
    secrets: &Secrets,
    wanted: &Wanted,
    patience: Duration,
) -> Result<Pipeline, Trouble> {
    let mut server = Server::connect(url, secrets, patience).await?;
    let tables = Tables::find(&mut server, url).await?;
    let mut pipeline = Pipeline::default();
    if let Some(statement) = statement(&tables.pose, wanted) {
        server.rows("", &statement, |row| put(&mut pipeline, &row)).await?;
    }
    if tables.calibration {
        let statement = format!("SELECT video_base_filename FROM {TRACKING}.{CALIBRATION}");
        server.rows("", &statement, |row| pipeline.calibrations.extend(text(&row, 0))).await?;
    }
    server.end().await;
    Ok(pipeline)
}

/// Which tables there are.
struct Tables {
    /// Database of `video` and of the stored files.
    pose: String,
    /// Whether calibrations have a table of their own.
    calibration: bool,
}

impl Tables {
    async fn find(server: &mut Server<'_>, url: &DatabaseUrl) -> Result<Self, Trouble> {
        // A foreign key names the database for certain; an account that may not see the key may still see the tables.
        let statement = format!(
            "SELECT 'table', table_schema, table_name FROM information_schema.tables \
             WHERE table_schema IN ('{SESSIONS}', '{TRACKING}') OR RIGHT(table_schema, {}) = '{POSE}' \
             UNION ALL SELECT 'key', referenced_table_schema, referenced_table_name \
             FROM information_schema.key_column_usage WHERE table_schema = '{TRACKING}' \
             AND table_name = 'single_camera_video' AND referenced_table_name = 'video'",
            POSE.len()
        );
        let (mut seen, mut keys) = (Vec::new(), Vec::new());
        let note = |row: Row| {
            let (Some(kind), Some(database), Some(table)) = (text(&row, 0), text(&row, 1), text(&row, 2)) else {
                return;
            };
            if kind == "key" { keys.push(database) } else { seen.push((database, table)) }
        };
        server.rows("", &statement, note).await?;
        choose(&seen, keys.first().map(String::as_str)).map_err(|wrong| {
            let user =
                url.url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("the account", |it| it.0);
            let remedy = format!("is it the pipeline's server, and may {user} read {SESSIONS}, {TRACKING} and {POSE}?");
            Trouble::new("missing", format!("{}: {wrong}", url.url), remedy)
        })
    }
}

/// Finds the database of the stored files, and says what is not there.
fn choose(seen: &[(String, String)], key: Option<&str>) -> Result<Tables, String> {
    let has = |database: &str, table: &str| seen.iter().any(|(in_it, name)| in_it == database && name == table);
    let wanted = [
        (SESSIONS, "session"),
        (SESSIONS, "recording"),
        (TRACKING, "multi_camera_recording"),
        (TRACKING, "single_camera_video"),
    ];
    if let Some((database, table)) = wanted.iter().find(|(database, table)| !has(database, table)) {
        return Err(format!("the table {database}.{table} cannot be seen"));
    }
    let videos = |database: &str| has(database, "video") && has(database, "~external_localattach");
    let pose = match key {
        Some(named) if videos(named) => named,
        Some(named) => return Err(format!("the tables video and ~external_localattach of {named} cannot be seen")),
        None => {
            let mut fits: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).filter(|name| videos(name)).collect();
            fits.sort_unstable();
            fits.dedup();
            match fits.as_slice() {
                [] => return Err(format!("the tables video and ~external_localattach of {POSE} cannot be seen")),
                [one] => *one,
                [one, other, ..] => {
                    return Err(format!("which of {one} and {other} belongs to {TRACKING} cannot be seen"));
                }
            }
        }
    };
    Ok(Tables { pose: pose.to_owned(), calibration: has(TRACKING, CALIBRATION) })
}

/// One statement for all sessions, their recordings, cameras and stored sizes; `None`: there are no sessions.
fn statement(pose: &str, wanted: &Wanted) -> Option<String> {
    let (first, last) = wanted.days?;
    let pose = format!("`{}`", pose.replace('`', "``"));
    let participants = if wanted.participants.len() > MOST_NAMED {
        String::new()
    } else {
        // As hexadecimal, so that a name can hold anything in any mode of the server; compared as Unicode, because a table
        // of another character set cannot hold every name.
        let names: Vec<String> = wanted.participants.iter().map(|name| literal(name)).collect();
        format!(" AND CONVERT(sessions.participant_id USING utf8mb4) COLLATE utf8mb4_bin IN ({})", names.join(", "))
    };
    Some(format!(
        "SELECT sessions.participant_id, sessions.session_date, whole.video_base_filename, single.filename, \
         video.filename, stored.size \
         FROM {SESSIONS}.session AS sessions \
         LEFT JOIN {SESSIONS}.recording AS recording \
         ON recording.participant_id = sessions.participant_id AND recording.session_date = sessions.session_date \
         LEFT JOIN {TRACKING}.multi_camera_recording AS whole \
         ON whole.recording_timestamps = recording.recording_timestamps \
         AND whole.camera_config_hash = recording.camera_config_hash \
         LEFT JOIN {TRACKING}.single_camera_video AS single \
         ON single.recording_timestamps = whole.recording_timestamps \
         AND single.camera_config_hash = whole.camera_config_hash \
         LEFT JOIN {pose}.video AS video \
         ON video.video_project = single.video_project AND video.filename = single.filename \
         LEFT JOIN {pose}.`~external_localattach` AS stored ON stored.hash = video.video \
         WHERE sessions.session_date BETWEEN '{first}' AND '{last}'{participants}"
    ))
}

fn literal(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold("_utf8mb4 0x".to_owned(), |mut literal, byte| {
        let _a_string_takes_all = write!(literal, "{byte:02x}");
        literal
    })
}

fn put(pipeline: &mut Pipeline, row: &Row) {
    let day = text(row, 1).and_then(|text| flags::day(&text));
    let (Some(participant), Some(day)) = (text(row, 0), day) else { return };
    let recorded = pipeline.sessions.entry((participant, day)).or_default();
    let Some(base) = text(row, 2) else { return };
    let videos = recorded.entry(base).or_default();
    let Some(file) = text(row, 3) else { return };
    let stored = match (text(row, 4), text(row, 5).and_then(|size| size.parse().ok())) {
        (None, _) => Stored::NotInVideo,
        (Some(_), None) => Stored::NotRegistered,
        (Some(_), Some(bytes)) => Stored::Bytes(bytes),
    };
    videos.push(Video { file, stored });
}

fn text(row: &Row, at: usize) -> Option<String> {
    match row.as_ref(at)? {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(tables: &[&str]) -> Vec<(String, String)> {
        let common = ["mocap_sessions.session", "mocap_sessions.recording"];
        let tracking = ["multicamera_tracking.multi_camera_recording", "multicamera_tracking.single_camera_video"];
        let all = common.iter().chain(&tracking).chain(tables);
        all.filter_map(|table| table.split_once('.')).map(|(one, other)| (one.to_owned(), other.to_owned())).collect()
    }

    const PLAIN: [&str; 2] = ["pose_pipeline.video", "pose_pipeline.~external_localattach"];
    const LAB: [&str; 2] = ["lab_pose_pipeline.video", "lab_pose_pipeline.~external_localattach"];

    #[test]
    fn the_database_of_the_videos_is_found_by_its_key_or_because_it_is_the_only_one() {
        let pose = |tables: &[&str], key| choose(&seen(tables), key).map(|tables| tables.pose);
        assert_eq!(pose(&PLAIN, None).as_deref(), Ok("pose_pipeline"));
        assert_eq!(pose(&LAB, None).as_deref(), Ok("lab_pose_pipeline"));
        let both = [PLAIN, LAB].concat();
        assert_eq!(pose(&both, Some("lab_pose_pipeline")).as_deref(), Ok("lab_pose_pipeline"));
        let unclear = "which of lab_pose_pipeline and pose_pipeline belongs to multicamera_tracking cannot be seen";
        assert_eq!(pose(&both, None), Err(unclear.to_owned()));
        assert!(pose(&PLAIN, Some("lab_pose_pipeline")).is_err(), "another one than the key names is not taken");
        assert!(pose(&PLAIN[..1], None).is_err());
        let wrong = choose(&seen(&PLAIN)[1..], None).map(|tables| tables.pose);
        assert_eq!(wrong, Err("the table mocap_sessions.session cannot be seen".to_owned()));
    }

    #[test]
    fn names_cannot_break_out_of_the_statement() {
        let day = jiff::civil::date(2025, 1, 4);
        let wanted = Wanted { participants: ["x') OR 1=1 -- ".to_owned()].into(), days: Some((day, day)) };
        let made = statement("a`b", &wanted).unwrap_or_default();
        assert!(made.contains("IN (_utf8mb4 0x782729204f5220313d31202d2d20)"), "{made}");
        assert!(made.contains("`a``b`.video"), "{made}");
        assert!(made.contains("BETWEEN '2025-01-04' AND '2025-01-04'"), "{made}");
        assert_eq!(statement("p", &Wanted::default()), None);
    }
}
