use proptest::prelude::*;

use super::*;

const WALK: &str = "walk_20250104_100100";
const JUMP: &str = "jump_20250104_100200";
const CAMERAS: [&str; 2] = ["17391304", "17391305"];

fn key(participant: &str) -> Key {
    Key::new(participant, "20250104").unwrap()
}

fn recording(id: i64, base: &str) -> Recording {
    Recording { id, base: Some(base.to_owned()), comment: String::new(), process: true }
}

/// Videos of these recordings by both cameras, each of this size.
fn files(bases: &[&str], size: u64) -> Vec<(String, u64)> {
    bases.iter().flat_map(|base| CAMERAS.map(|camera| (format!("{base}.{camera}.mp4"), size))).collect()
}

fn local(participant: &str, videos: Vec<(String, u64)>) -> Local {
    Local { key: key(participant), videos }
}

fn recorded(bases: &[&str], size: u64) -> Recorded {
    let videos = |base: &str| {
        CAMERAS.map(|camera| Video { file: format!("{base}.{camera}"), stored: Stored::Bytes(size) }).to_vec()
    };
    bases.iter().map(|&base| (base.to_owned(), videos(base))).collect()
}

fn pipeline(participant: &str, recorded: Recorded) -> Pipeline {
    let place = (participant.to_owned(), key("p").date);
    Pipeline { sessions: [(place, recorded)].into(), ..Pipeline::default() }
}

fn judged(recordings: Vec<Recording>, pipeline: &Pipeline, videos: Vec<(String, u64)>) -> Imported {
    let acquired = Acquired::from([(key("p001"), recordings)]);
    judge(&acquired, pipeline, &[local("p001", videos)]).remove(&key("p001")).unwrap()
}

fn no(short: &str, why: &[&str]) -> Imported {
    Imported::No { short: short.to_owned(), why: why.iter().map(|&why| why.to_owned()).collect() }
}

#[test]
fn a_session_is_imported_when_every_camera_of_every_recording_is_stored() {
    let both = || vec![recording(1, WALK), recording(2, JUMP)];
    let whole = pipeline("001", recorded(&[WALK, JUMP], 9));
    assert_eq!(judged(both(), &whole, files(&[WALK, JUMP], 9)), Imported::Yes);

    let one = pipeline("001", recorded(&[WALK], 9));
    assert_eq!(
        judged(both(), &one, files(&[WALK, JUMP], 9)),
        no("1 of 2", &["jump_20250104_100200 is not in recording"])
    );
    let raw = pipeline("p001", recorded(&[WALK, JUMP], 9));
    assert_eq!(judged(both(), &raw, files(&[], 9)).known(), Some(false), "the pipeline calls it 001");
    let why = ["the pipeline has no session 001 of 2025-01-04", "walk_20250104_100100 is not in recording"];
    assert_eq!(judged(vec![recording(1, WALK)], &Pipeline::default(), files(&[WALK], 9)), no("0 of 1", &why));
}

#[test]
fn each_camera_is_looked_for_in_each_table_and_its_size_compared() {
    let with = |stored: Option<Stored>| {
        let mut recorded = recorded(&[WALK], 9);
        let videos = recorded.get_mut(WALK).unwrap();
        match stored {
            Some(stored) => videos[0].stored = stored,
            None => drop(videos.remove(0)),
        }
        judged(vec![recording(1, WALK)], &pipeline("001", recorded), files(&[WALK], 9))
    };
    let camera = |what: &str| no("0 of 1", &[&format!("walk_20250104_100100: camera 17391304 {what}")]);
    assert_eq!(with(None), camera("is not in single_camera_video"));
    assert_eq!(with(Some(Stored::NotInVideo)), camera("is not in video"));
    assert_eq!(with(Some(Stored::NotRegistered)), camera("has no file in ~external_localattach"));
    assert_eq!(with(Some(Stored::Bytes(8))), camera("is stored with 8 bytes and has 9 on the disk"));
    let empty = pipeline("001", [(WALK.to_owned(), Vec::new())].into());
    let why = "walk_20250104_100100: no camera is in single_camera_video";
    assert_eq!(judged(vec![recording(1, WALK)], &empty, files(&[WALK], 9)), no("0 of 1", &[why]));
}

#[test]
fn a_file_under_two_projects_counts_where_it_fits() {
    let mut recorded = recorded(&[WALK], 9);
    recorded.get_mut(WALK).unwrap().push(Video { file: format!("{WALK}.17391304"), stored: Stored::Bytes(1) });
    assert_eq!(judged(vec![recording(1, WALK)], &pipeline("001", recorded), files(&[WALK], 9)), Imported::Yes);
}

#[test]
fn what_the_acquisition_does_not_know_is_never_imported() {
    let whole = pipeline("001", recorded(&[WALK, JUMP], 9));
    let stranger = "jump_20250104_100200.17391304.mp4 is on the disk, and recordings.db does not know its recording";
    let mut videos = files(&[WALK], 9);
    videos.push(("jump_20250104_100200.17391304.mp4".into(), 9));
    assert_eq!(judged(vec![recording(1, WALK)], &whole, videos.clone()), no("1 video unknown", &[stranger]));
    videos.extend([("x.MP4".to_owned(), 1), ("walk_20250104_100100.json".to_owned(), 1)]);
    let odd = "x.MP4 is on the disk, and is not called like a video of a recording";
    assert_eq!(judged(vec![recording(1, WALK)], &whole, videos), no("2 videos unknown", &[stranger, odd]));
    let nobody = judge(&Acquired::new(), &whole, &[local("p001", files(&[WALK], 9))]);
    assert_eq!(nobody[&key("p001")], no("unknown session", &["recordings.db does not know this session"]));
}

#[test]
fn calibrations_and_what_is_not_to_be_processed_are_not_expected() {
    let with = |comment: &str, process: bool, calibrations: &[&str]| {
        let other = Recording { comment: comment.to_owned(), process, ..recording(2, JUMP) };
        let mut pipeline = pipeline("001", recorded(&[WALK], 9));
        pipeline.calibrations = calibrations.iter().map(|&base| base.to_owned()).collect();
        judged(vec![recording(1, WALK), other], &pipeline, files(&[WALK, JUMP], 9))
    };
    assert_eq!(with("calibration", true, &[]), Imported::Yes);
    assert_eq!(with("", false, &[]), Imported::Yes);
    let why = "jump_20250104_100200 is neither in recording nor in multi_camera_calibration";
    assert_eq!(with("jump after Calibration", true, &[]), no("1 of 2", &[why]));
    assert_eq!(with("Charuco 2", true, &[JUMP]), Imported::Yes);
    assert_eq!(with("jump", true, &[JUMP]).known(), Some(false), "a trial is no calibration");
}

#[test]
fn nothing_to_import_is_never_imported() {
    let whole = pipeline("001", recorded(&[WALK], 9));
    let left = || Recording { process: false, ..recording(1, WALK) };
    let only = "its only recording is a calibration, or not to be processed";
    assert_eq!(judged(vec![left()], &whole, files(&[WALK], 9)), no("nothing to import", &[only]));
    assert_eq!(judged(vec![], &whole, vec![]), no("nothing to import", &["recordings.db has no recording of it"]));
}

#[test]
fn rows_that_come_twice_or_without_a_name_are_handled() {
    let whole = pipeline("001", recorded(&[WALK], 9));
    let calibration = Recording { comment: "calibration 1".into(), ..recording(2, WALK) };
    assert_eq!(judged(vec![recording(1, WALK), recording(3, WALK)], &whole, files(&[WALK], 9)), Imported::Yes);
    let absent = judged(vec![calibration, recording(1, WALK)], &pipeline("001", Recorded::new()), vec![]);
    assert_eq!(absent, no("0 of 1", &["walk_20250104_100100 is not in recording"]), "the stricter row counts");
    let nameless = Recording { base: None, ..recording(7, WALK) };
    let why = "recording 7 of recordings.db has no file name";
    assert_eq!(judged(vec![recording(1, WALK), nameless], &whole, files(&[WALK], 9)), no("1 of 2", &[why]));
}

#[test]
fn what_is_gone_from_the_disk_is_judged_by_what_the_pipeline_has() {
    let acquired = Acquired::from([(key("p001"), vec![recording(1, WALK)])]);
    let verdict = |stored| {
        let videos = vec![Video { file: format!("{WALK}.17391304"), stored }];
        let pipeline = pipeline("001", [(WALK.to_owned(), videos)].into());
        judge(&acquired, &pipeline, &[]).remove(&key("p001")).unwrap()
    };
    assert_eq!(verdict(Stored::Bytes(9)), Imported::Yes);
    assert_eq!(verdict(Stored::Bytes(0)).known(), Some(false));
    assert_eq!(verdict(Stored::NotInVideo).known(), Some(false));
}

#[test]
fn sessions_that_the_pipeline_calls_the_same_are_told_apart_by_their_recordings() {
    let acquired = |theirs: &str| {
        Acquired::from([(key("p001"), vec![recording(1, WALK)]), (key("t001"), vec![recording(2, theirs)])])
    };
    let mine = [local("p001", files(&[WALK], 9)), local("t001", files(&[JUMP], 9))];
    let judged = judge(&acquired(JUMP), &pipeline("001", recorded(&[WALK], 9)), &mine);
    assert_eq!(judged[&key("p001")], Imported::Yes);
    assert_eq!(judged[&key("t001")], no("0 of 1", &["jump_20250104_100200 is not in recording"]));
    let same = [local("p001", files(&[WALK], 9)), local("t001", files(&[WALK], 9))];
    let judged = judge(&acquired(WALK), &pipeline("001", recorded(&[WALK], 9)), &same);
    let why = "p001 and t001 are both 001 in the pipeline, and both have walk_20250104_100100: which of them was \
               imported cannot be told";
    assert_eq!(judged[&key("p001")], Imported::Unknown { why: why.to_owned() });
    assert_eq!(judged[&key("t001")].known(), None);
}

#[test]
fn a_long_list_of_reasons_is_cut() {
    let recordings = (0..60).map(|id| recording(id, &format!("walk_{id:03}"))).collect();
    let Imported::No { why, .. } = judged(recordings, &pipeline("001", Recorded::new()), vec![]) else {
        unreachable!()
    };
    assert_eq!((why.len(), why.last().map(String::as_str)), (21, Some("and 40 more")));
}

proptest! {
    /// However few or many there are: taking one video of a whole session away, or changing its size, makes it a no.
    #[test]
    fn whole_is_yes_and_one_thing_less_is_no(
        recordings in 1_usize..5,
        cameras in 1_usize..5,
        at in 0_usize..100,
        damage in 0_usize..5,
    ) {
        let base = |recording: usize| format!("walk_20250104_10010{recording}");
        let every = || (0..recordings).flat_map(|recording| (0..cameras).map(move |camera| (recording, camera)));
        let videos: Vec<(String, u64)> =
            every().map(|(recording, camera)| (format!("{}.{camera}.mp4", base(recording)), 9)).collect();
        let mut rows = Recorded::new();
        for (recording, camera) in every() {
            let video = Video { file: format!("{}.{camera}", base(recording)), stored: Stored::Bytes(9) };
            rows.entry(base(recording)).or_default().push(video);
        }
        let known = || (0..).zip(0..recordings).map(|(id, number)| recording(id, &base(number))).collect::<Vec<_>>();
        prop_assert_eq!(judged(known(), &pipeline("001", rows.clone()), videos.clone()), Imported::Yes);
        let videos_of = rows.get_mut(&base(at % recordings)).unwrap();
        match damage {
            0 => drop(videos_of.remove(at % cameras)),
            1 => videos_of[at % cameras].stored = Stored::Bytes(8),
            2 => videos_of[at % cameras].stored = Stored::NotInVideo,
            3 => videos_of[at % cameras].stored = Stored::NotRegistered,
            _ => drop(rows.remove(&base(at % recordings))),
        }
        prop_assert_eq!(judged(known(), &pipeline("001", rows), videos).known(), Some(false));
    }
}
