//! What the fleet file is to an operator: mistakes and what is said of them, and inputs that are no fleet file at all.

use std::path::Path;

use proptest::prelude::*;

use super::load;
use super::runbook::{Place, StepKind};
use super::secret::SecretSource;

const PATH: &str = "/no/such/folder/hotspare.toml";
const GALLERY: &str = include_str!("tests/gallery.txt");
const TWELVE: &str = include_str!("tests/twelve.toml");
const FULL: &str = include_str!("tests/full.toml");

fn told(text: &str) -> String {
    let loaded = load(text.as_bytes(), Path::new(PATH));
    loaded.diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect::<Vec<_>>().join("\n")
}

/// One mistake a section, headed by `=== what it is`; sections without a pool or a host of their own say so.
#[test]
fn the_gallery_of_mistakes() {
    let mut out = String::new();
    for section in GALLERY.split("=== ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap();
        let told = told(body);
        assert!(!told.is_empty(), "{title} is no mistake");
        out.push_str(&format!("=== {title}\n{told}\n").replace("/no/such/folder/", ""));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn twelve_mistakes_are_twelve_errors_each_with_its_line() {
    let loaded = load(TWELVE.as_bytes(), Path::new(PATH));
    let expected: Vec<usize> =
        TWELVE.lines().enumerate().filter(|(_, line)| line.contains("# wrong")).map(|(at, _)| at + 1).collect();
    let lines: Vec<usize> = loaded.errors().map(|error| error.line).collect();
    assert_eq!(expected.len(), 12);
    assert_eq!(lines, expected, "{}", told(TWELVE));
    assert_eq!(loaded.fleet, None);
}

#[test]
fn every_table_and_key_is_read() {
    let loaded = load(FULL.as_bytes(), Path::new(PATH));
    assert_eq!(loaded.errors().count(), 0, "{}", told(FULL));
    insta::assert_debug_snapshot!(loaded.fleet.unwrap());
}

#[test]
fn steps_that_wait_have_their_own_time() {
    let text = r#"
        name = "f"
        [runbooks.r]
        steps = [
          { kind = "wait", check = { kind = "tcp", port = 22 }, within = "90s" },
          { kind = "ask", text = "sure?" },
          { kind = "scale", on = "console", service = "s", to = 5 },
          { kind = "command", on = "spare", run = "true" },
          { kind = "command", on = "spare", run = "true" },
        ]
    "#;
    let fleet = load(text.as_bytes(), Path::new(PATH)).fleet.unwrap();
    let steps = &fleet.runbooks[0].steps;
    let timeouts: Vec<u64> = steps.iter().map(|step| step.timeout.as_secs()).collect();
    assert_eq!(timeouts, [90, 3600, 86_400, 30, 30]);
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["wait", "ask", "scale", "command", "command-2"]);
    assert!(matches!(&steps[0].kind, StepKind::Wait { check_on: Some(Place::Spare), .. }));
}

#[test]
fn a_password_is_nowhere_to_be_seen() {
    let text = r#"
        name = "f"
        [hosts.a]
        address = "10.0.0.1"
        checks = [
          { kind = "mysql", url = "mysql://u:hunter2@{address}/", prot = 1 },
          { kind = "mysql", url = "mysql://u:hunter2@{adress}/" },
          { kind = "mysql", url = "mysql://u@h/", pasword = "hunter2" },
          { kind = "mysql", url = "mysql://u@h/", password = "hunter2", query = 1 },
          { kind = "mysql", url = "mysqli://u:hunter2@h/", name = "x x" },
          { kind = "mysql", url = "mysql://u:hunter2@300.1.1.1/", name = "y" },
          { kind = "mysql", url = "mysql://u:hun@ter2/hunter2@h/", name = "z" },
        ]
        [sessions.s]
        source = "/data"
        layout = "{participant}/{date}"
        destinations = [
          { name = "a", path = "s3://abc", key_id = "k", secret = "hunter2", colour = 1 },
          { name = "b", path = "s3://k:hunter2@abc", key_id = "k", secert = "hunter2" },
          { name = "c", path = "/mnt/c", secret = "hunter2" },
        ]
        [lease]
        user = "root"
        password = """
hunter2 """
        [runbooks.r]
        steps = [{ kind = "http", url = "http://h/", json = { token = "hunter2", x = "{foo}" } }]
    "#;
    let loaded = load(text.as_bytes(), Path::new(PATH));
    assert!(loaded.diagnostics.len() > 8, "{}", told(text));
    let json = serde_json::to_string(&loaded.diagnostics).unwrap();
    for told in [told(text), json, format!("{:?}", loaded.diagnostics)] {
        assert!(!told.contains("hunter2"), "{told}");
    }

    let text = "name = \"f\"\n[dumps.d]\nserver = \"mysql://u:hunter2@h/\"\nto = \"/media/usb\"\n";
    let fleet = load(text.as_bytes(), Path::new(PATH)).fleet.unwrap();
    assert_eq!(fleet.dumps[0].server.url, "mysql://u@h/");
    assert!(matches!(&fleet.dumps[0].server.password, SecretSource::Inline(clear) if clear.expose() == "hunter2"));
    assert!(!format!("{fleet:?}").contains("hunter2"));
}

#[cfg(unix)]
#[test]
fn a_secret_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("db.pass");
    std::fs::write(&secret, "x").unwrap();
    let text = "name = \"f\"\n[dumps.d]\nserver = \"mysql://u@h/\"\npassword_file = \"db.pass\"\nto = \"/media/usb\"\n";
    let path = folder.path().join("hotspare.toml");
    let mode = |mode| {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        load(text.as_bytes(), &path)
    };
    let open = mode(0o644);
    assert_eq!(open.errors().map(|error| error.line).collect::<Vec<_>>(), [4]);
    assert!(open.diagnostics[0].message.contains("others can read (mode 644)"));
    let kept = mode(0o600);
    assert_eq!(kept.diagnostics, Vec::new());
    assert_eq!(kept.fleet.unwrap().dumps[0].server.password, SecretSource::File(secret));
}

#[test]
fn deep_and_long_files_end_soon() {
    let deep = format!("name = \"f\"\nx = {}", "[".repeat(100_000));
    let tables = format!("name = \"f\"\nx = {}", "{a=".repeat(100_000));
    let dotted = format!("{} = 1", vec!["a"; 100_000].join("."));
    let line = format!("name = \"f\"\nx = \"{}\" y y y", "=".repeat(1 << 20));
    let many = format!("name = \"f\"\n{}", "x\n".repeat(300_000));
    let keys: Vec<String> = (0..50_000).map(|at| format!("k{at} = {at}\n")).collect();
    let url = "\"://:@".repeat(100_000);
    let check = "{ kind = \"http\", url = \"{adress}\" }, ";
    let checks = format!("name = \"f\"\n[hosts.a]\naddress = \"a\"\nchecks = [{}]", check.repeat(30_000));
    for text in [deep, tables, dotted, line, many, keys.concat(), url, checks] {
        let loaded = load(text.as_bytes(), Path::new(PATH));
        assert!(loaded.fleet.is_none());
        assert!((1..=201).contains(&loaded.diagnostics.len()));
        for diagnostic in &loaded.diagnostics {
            assert!(diagnostic.to_string().len() < 2000, "{diagnostic}");
        }
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let loaded = load(&bytes, Path::new(PATH));
        prop_assert_eq!(loaded.fleet.is_some(), loaded.errors().count() == 0);
    }

    #[test]
    fn toml_like_garbage_never_panics(text in "([a-z]{1,4}|[\\[\\]{}=.,\"'\n# :/@0-9-]|\\{date\\}|url|kind|hosts|\u{fc}){0,200}") {
        let loaded = load(text.as_bytes(), Path::new(PATH));
        prop_assert_eq!(loaded.fleet.is_some(), loaded.errors().count() == 0);
        for diagnostic in &loaded.diagnostics {
            let _shown = diagnostic.to_string();
        }
    }

    /// A good file with one piece cut out, doubled or replaced.
    #[test]
    fn slips_of_the_hand_never_panic(from in 0..FULL.len(), length in 0..40usize, with in "[ -~\n\u{fc}]{0,12}") {
        let to = (from + length).min(FULL.len());
        let (Some(before), Some(after)) = (FULL.get(..from), FULL.get(to..)) else { return Ok(()) };
        let text = format!("{before}{with}{after}");
        let loaded = load(text.as_bytes(), Path::new(PATH));
        prop_assert_eq!(loaded.fleet.is_some(), loaded.errors().count() == 0);
        for diagnostic in &loaded.diagnostics {
            let _shown = diagnostic.to_string();
            prop_assert!(diagnostic.line <= text.lines().count() + 1);
        }
    }
}
