use super::*;

fn owner() -> Owner {
    Owner { fleet: "harbour".into(), store: "mocap".into(), destination: "NAS".into() }
}

fn place(path: &Path) -> Place {
    Place { path: path.to_owned(), mount: None, marked: true }
}

fn word(standing: &Standing) -> &str {
    match &standing.state {
        SideState::Ready => "ready",
        SideState::Unknown => "unknown",
        SideState::Trouble { word, .. } => word,
    }
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

#[test]
fn a_plain_folder_is_made_once_and_known_by_its_marker() {
    let folder = tempfile::tempdir().unwrap();
    let nas = place(&folder.path().join("a/nas"));
    let fresh = nas.stand(None);
    assert_eq!((word(&fresh), fresh.readable), ("no folder", false));
    assert!(!nas.path.exists(), "looking makes nothing");

    let made = nas.prepare(None, &owner(), now());
    assert_eq!(word(&made), "ready");
    let id = made.marker.unwrap();
    assert_eq!(id.len(), 32);
    let text = std::fs::read_to_string(nas.path.join(".hotspare/store.json")).unwrap();
    let marker: Marker = serde_json::from_str(&text).unwrap();
    assert_eq!((marker.id.as_str(), marker.store.as_str()), (id.as_str(), "mocap"));
    assert_eq!(std::fs::read_dir(nas.path.join(".hotspare")).unwrap().count(), 1, "no probe is left");

    let again = nas.prepare(None, &owner(), now());
    assert_eq!(again.marker.as_ref(), Some(&id), "whoever comes later adopts it");
    assert_eq!(word(&nas.stand(Some(&id))), "ready");
}

#[test]
fn a_folder_that_lost_its_marker_or_has_another_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let nas = place(&folder.path().join("nas"));
    let id = nas.prepare(None, &owner(), now()).marker.unwrap();
    let other = nas.stand(Some("00000000000000000000000000000000"));
    assert_eq!((word(&other), other.readable, &other.marker), ("replaced", false, &None));

    let marker = nas.path.join(".hotspare/store.json");
    let kept = std::fs::read(&marker).unwrap();
    std::fs::write(&marker, "{").unwrap();
    assert_eq!(word(&nas.stand(Some(&id))), "replaced");
    assert_eq!(word(&nas.stand(None)), "replaced", "a broken marker is nobody's");
    std::fs::remove_file(&marker).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &marker).unwrap();
    assert_eq!(word(&nas.stand(Some(&id))), "replaced", "no link is followed");
    std::fs::remove_file(&marker).unwrap();
    assert_eq!(word(&nas.stand(Some(&id))), "replaced");
    assert_eq!(word(&nas.prepare(Some(&id), &owner(), now())), "replaced");
    assert!(!marker.exists(), "a marker is never left where another one was expected");
    std::fs::write(&marker, kept).unwrap();
    assert_eq!(word(&nas.stand(Some(&id))), "ready", "it is back");

    std::fs::remove_dir_all(&nas.path).unwrap();
    assert_eq!(word(&nas.stand(Some(&id))), "replaced");
    assert_eq!(word(&nas.prepare(Some(&id), &owner(), now())), "replaced");
    assert!(!nas.path.exists(), "a folder that was used before is never made again");
}

#[test]
fn nothing_is_ever_made_below_an_unmounted_mount_point() {
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("mnt");
    std::fs::create_dir(&point).unwrap();
    let share = Place { path: point.join("data"), mount: Some(point.clone()), marked: true };
    for standing in [share.stand(None), share.prepare(None, &owner(), now()), share.stand(Some("x"))] {
        assert_eq!((word(&standing), standing.readable), ("not mounted", false));
    }
    assert_eq!(std::fs::read_dir(&point).unwrap().count(), 0);
    let SideState::Trouble { remedy, .. } = share.stand(None).state else { unreachable!() };
    assert_eq!(remedy, format!("mount {}", point.display()));
    // Also not where a folder of that name lies on the local disk below.
    std::fs::create_dir(&share.path).unwrap();
    assert_eq!(word(&share.prepare(None, &owner(), now())), "not mounted");
    assert_eq!(std::fs::read_dir(&share.path).unwrap().count(), 0);
}

#[test]
fn a_path_that_leads_off_its_mount_is_not_on_it() {
    // `/proc` is mounted wherever tests run; a link on it leads away.
    let share = Place { path: "/proc/self/root".into(), mount: Some("/proc".into()), marked: true };
    assert_eq!(word(&share.stand(None)), "not mounted");
}

#[test]
fn a_file_is_no_destination_and_a_source_needs_no_marker() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(word(&place(&file).stand(None)), "no folder");
    let source = Place { path: folder.path().to_owned(), mount: None, marked: false };
    let standing = source.stand(None);
    assert_eq!((word(&standing), standing.readable), ("ready", true));
    assert!(standing.free.unwrap() > 0 && standing.size >= standing.free);
    assert!(!folder.path().join(".hotspare").exists());
}

#[test]
fn what_a_killed_engine_left_is_tidied() {
    let folder = tempfile::tempdir().unwrap();
    let nas = place(folder.path());
    let id = nas.prepare(None, &owner(), now()).marker.unwrap();
    let left = folder.path().join(".hotspare/probe-0123456789abcdef");
    std::fs::write(&left, "x").unwrap();
    nas.prepare(Some(&id), &owner(), now());
    assert!(left.exists(), "it may be somebody's right now");
    nas.prepare(Some(&id), &owner(), Timestamp::from_second(4_000_000_000).unwrap());
    assert!(!left.exists());
}
