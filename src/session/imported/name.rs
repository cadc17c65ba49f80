//! How the acquisition and the pipeline call participants, recordings and videos. Pure.

/// The participant as the pipeline knows it: `p001` and `t001` are `001` there, every other name is as it is.
pub(super) fn normalised(participant: &str) -> &str {
    match participant.strip_prefix(['p', 't']) {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => digits,
        _ => participant,
    }
}

/// The base name of a recording, from its path without serial and extension: `data/p001/20250104/walk_20250104_100100`.
pub(super) fn base(path: &str) -> Option<&str> {
    path.rsplit('/').next().filter(|base| !base.is_empty())
}

/// Whether a file is a video, by its name alone.
pub(super) fn is_video(file: &str) -> bool {
    file.len() > 4 && file.get(file.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case(".mp4"))
}

/// Recording and camera of a video such as `walk_20250104_100100.17391304.mp4`; `None`: it is called otherwise.
pub(super) fn video(file: &str) -> Option<(&str, &str)> {
    let (base, camera) = file.strip_suffix(".mp4")?.rsplit_once('.')?;
    let plain = !base.is_empty() && !camera.is_empty() && !base.contains(['/', '.']);
    plain.then_some((base, camera))
}

/// What the comment of a recording says of its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It belongs into the pipeline.
    Trial,
    /// A calibration, by every version of the acquisition.
    Calibration,
    /// A calibration only by those versions that look for the word anywhere in the comment; others import it as a trial.
    /// It must be found in one of the two places.
    Either,
}

/// Older versions take a recording for a calibration whose comment is exactly the word, newer ones each whose comment holds
/// it in any spelling.
pub(super) fn purpose(comment: &str) -> Purpose {
    const WORDS: [&str; 2] = ["calibration", "charuco"];
    if WORDS.contains(&comment) {
        return Purpose::Calibration;
    }
    let lower = comment.to_lowercase();
    if WORDS.iter().any(|word| lower.contains(word)) { Purpose::Either } else { Purpose::Trial }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_p_or_t_before_digits_is_dropped() {
        for (raw, known) in [
            ("p001", "001"),
            ("t12", "12"),
            ("TF47", "TF47"),
            ("P001", "P001"),
            ("p", "p"),
            ("p00a", "p00a"),
            ("pp01", "pp01"),
            ("001", "001"),
            ("p٣", "p٣"),
        ] {
            assert_eq!(normalised(raw), known);
        }
    }

    #[test]
    fn a_video_names_its_recording_and_its_camera() {
        assert_eq!(video("walk_20250104_100100.17391304.mp4"), Some(("walk_20250104_100100", "17391304")));
        for other in ["walk.mp4", "a.b.c.mp4", ".1.mp4", "a..mp4", "images/a.1.mp4", "a.1.MP4", "a.1.json", ".mp4", ""]
        {
            assert_eq!(video(other), None, "{other}");
        }
        assert!(is_video("a.MP4") && is_video("a.1.mp4") && !is_video(".mp4") && !is_video("é.json"));
        assert_eq!(base("data/p001/20250104/walk_20250104_100100"), Some("walk_20250104_100100"));
        assert_eq!((base("walk"), base("data/"), base("")), (Some("walk"), None, None));
    }

    #[test]
    fn what_versions_disagree_on_is_looked_for_in_both_places() {
        assert_eq!(purpose("calibration"), Purpose::Calibration);
        assert_eq!(purpose("charuco"), Purpose::Calibration);
        for either in ["Calibration", "second Charuco", "walk after calibration", "calibration "] {
            assert_eq!(purpose(either), Purpose::Either, "{either}");
        }
        assert_eq!(purpose("walk"), Purpose::Trial);
        assert_eq!(purpose(""), Purpose::Trial);
    }
}
