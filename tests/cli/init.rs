//! `hotspare init`.

use std::fs;

use crate::support::hotspare;

const FLAGS: [&str; 9] = [
    "init",
    "--name",
    "harbour",
    "--host",
    "studio-1=10.77.0.11",
    "--host",
    "studio-2=10.77.0.12",
    "--spare",
    "studio-2",
];

#[test]
fn what_it_writes_passes_check() {
    let folder = tempfile::tempdir().unwrap();
    let ended = hotspare(folder.path(), &FLAGS);
    assert_eq!(ended.code(), 0, "{}", ended.err());
    assert!(ended.err().contains("next: `hotspare doctor`"), "{}", ended.err());
    assert_eq!(hotspare(folder.path(), &[&FLAGS[..], &["--force", "-q"]].concat()).err(), "");
    let check = hotspare(folder.path(), &["check"]);
    assert_eq!((check.code(), check.out()), (0, "no errors in hotspare.toml\n".into()));
    let text = fs::read_to_string(folder.path().join("hotspare.toml")).unwrap();
    assert!(text.contains("[hosts.studio-1]\naddress = \"10.77.0.11\"") && text.contains("spares = [\"studio-2\"]"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_there_is_only_replaced_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hotspare.toml");
    fs::write(&path, "mine").unwrap();
    let refused = hotspare(folder.path(), &FLAGS);
    assert_eq!((refused.code(), fs::read_to_string(&path).unwrap()), (3, "mine".into()));
    assert!(refused.err().contains("--force replaces it"));
    let forced = hotspare(folder.path(), &[FLAGS.as_slice(), &["--force"]].concat());
    assert_eq!(forced.code(), 0);
    assert!(fs::read_to_string(&path).unwrap().contains("harbour"));
}

#[test]
fn answers_that_make_no_fleet_are_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["init", "--name", "a/b", "--host", "x=192.168.1.301", "--spare", "y"];
    let ended = hotspare(folder.path(), &flags);
    assert_eq!(ended.code(), 2);
    for part in ["\"a/b\"", "\"192.168.1.301\"", "\"y\""] {
        assert!(ended.err().contains(part), "{part}: {}", ended.err());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(hotspare(folder.path(), &["init", "--name", "f", "--host", "x"]).code(), 2);
    let alone = hotspare(folder.path(), &["init", "--name", "f", "--host", "x=10.0.0.1", "--spare", "x"]);
    assert_eq!(alone.code(), 2);
    assert!(alone.err().contains("every host is a spare, so there is nobody to protect"), "{}", alone.err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_a_terminal_it_does_not_wait_for_answers() {
    let folder = tempfile::tempdir().unwrap();
    let ended = hotspare(folder.path(), &["init"]);
    assert_eq!(ended.code(), 2);
    assert!(ended.err().contains("`--name` is missing"), "{}", ended.err());
}

#[test]
fn it_keeps_its_hands_off_when_told_and_writes_where_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(hotspare(folder.path(), &[FLAGS.as_slice(), &["--read-only"]].concat()).code(), 3);
    let ended = hotspare(folder.path(), &[FLAGS.as_slice(), &["--output", "sub/f.toml"]].concat());
    assert_eq!(ended.code(), 1);
    assert!(ended.err().contains("sub/f.toml cannot be written"), "{}", ended.err());
    let json = hotspare(folder.path(), &[FLAGS.as_slice(), &["--output", "f.toml", "--json"]].concat());
    assert_eq!((json.code(), &json.json()["file"]), (0, &"f.toml".into()));
}

#[test]
fn the_printed_sample_passes_check() {
    let folder = tempfile::tempdir().unwrap();
    let ended = hotspare(folder.path(), &["init", "--print"]);
    assert_eq!(ended.code(), 0);
    fs::write(folder.path().join("hotspare.toml"), ended.out()).unwrap();
    assert_eq!(hotspare(folder.path(), &["check"]).out(), "no errors in hotspare.toml\n");
}

#[test]
fn the_printed_schema_is_the_one_in_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let ended = hotspare(folder.path(), &["init", "--schema"]);
    assert_eq!(ended.code(), 0);
    assert_eq!(ended.out(), include_str!("../../docs/fleet-file.schema.json"));
}

#[test]
fn machines_that_answer_are_taken_from_the_ssh_client() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fs::create_dir(folder.path().join(".ssh")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = format!("Host here\n HostName 127.0.0.1\n Port {port}\nHost gone\n HostName 127.0.0.1\n Port 9\n");
    fs::write(folder.path().join(".ssh/config"), config).unwrap();
    let flags = ["init", "--name", "harbour", "--found", "--host", "nas=10.77.0.9"];
    let path = std::env::var("PATH").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hotspare"));
    command.args(flags).current_dir(folder.path()).env_clear().env("HOME", folder.path()).env("PATH", path);
    let ended = command.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("\n  1 here (127.0.0.1, answers)\n  2 gone (127.0.0.1, no answer)\n"), "{said}");
    let text = fs::read_to_string(folder.path().join("hotspare.toml")).unwrap();
    assert!(text.contains("[hosts.nas]") && text.contains("ssh = \"here\"\n"), "{text}");
    assert!(text.contains(&format!("port = {port}")) && !text.contains("gone"), "{text}");
}
