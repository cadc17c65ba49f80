//! A fleet file, and a secret file, on a share whose server is gone.
//!
//! The dead share is a FUSE file system whose requests nobody reads, mounted in a mount namespace of the engine alone.

use std::process::Stdio;

use hotspare::engine::client::Client;
use hotspare::engine::command::Command;

use crate::disk::{UNSHARE, apart};
use crate::place::{PATIENCE, Place, Running, join, text, until};

/// Mounts the dead share over `$1` as soon as `$1.dead` is there. The program itself holds the unread end.
const DIES: &str = r#"share="${1%/*}/share"; exec 3<>/dev/fuse
(while ! [ -e "$share.dead" ]; do sleep 0.05; done
 mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$share") &
shift; exec "$@""#;

const HOSTS: &str = "name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\nchecks = [{ kind = \"ping\" }]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_dies_under_the_fleet_file_does_not_hold_the_engine() {
    let place = Place::new("");
    let share = place.path().join("share");
    std::fs::create_dir(&share).unwrap();
    let fleet = share.join("hotspare.toml");
    std::fs::write(&fleet, HOSTS).unwrap();
    let errors = std::fs::File::create(place.path().join("engine.err")).unwrap();
    let mut command = apart(&place, &fleet, DIES, "engine");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    let _engine = Running::from(command.spawn().expect(UNSHARE));
    let client = join(&place.socket(), &|| place.engine_said()).await;
    let mut snapshots = client.snapshots();
    std::fs::write(place.path().join("share.dead"), b"").unwrap();
    let told = until(&mut snapshots, "the dead share", |now| !now.head.file.refused.is_empty()).await;
    assert!(told.head.file.refused[0].contains("does not answer"), "{:?}", told.head.file.refused);
    let reload = tokio::time::timeout(PATIENCE, client.command(Command::Reload)).await.unwrap().unwrap_err();
    assert!(reload.what.contains("does not answer"), "{reload}");
    client.command(Command::Note { text: "still here".into() }).await.unwrap();
    let now = client.snapshots().borrow().clone();
    assert_eq!(now.head.engine.frozen, None, "the engine's pulse was never late");
}

#[test]
fn a_secret_on_a_dead_share_is_a_warning_and_no_wait_without_end() {
    let place = Place::new("");
    std::fs::create_dir(place.path().join("share")).unwrap();
    std::fs::write(place.path().join("share.dead"), b"").unwrap();
    let secret = |number: u32| format!("password_file = \"share/{number}\"");
    let check = |number: u32| format!("{{ kind = \"mysql\", url = \"mysql://u@127.0.0.1/\", {} }}", secret(number));
    let checks: Vec<String> = (0..20).map(check).collect();
    let fleet =
        format!("name = \"harbour\"\n[hosts.studio-1]\naddress = \"127.0.0.1\"\nchecks = [{}]\n", checks.join(","));
    std::fs::write(place.file(), fleet).unwrap();
    let script = DIES.replace(") &", ")");
    let checked = apart(&place, &place.file(), &script, "check").output().expect(UNSHARE);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(0), "{said}{}", text(&checked.stderr));
    assert!(said.contains("its disk does not answer"), "{said}");
}
