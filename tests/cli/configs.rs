//! `config`, over a real sshd: files that change, come, go, may not be read, and are no text.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::far::Far;

const CONFIGS: &str = r#"
[configs.machines]
hosts = ["kv-1"]
files = ["HOME/*.conf", "~/named", "HOME/blob.bin"]
every = "24h"
"#;

/// Stands in every version of a file, and nowhere but where versions are kept.
const SECRET: &str = "hunter2";

async fn kept() -> Far {
    let far = Far::new(CONFIGS).await;
    far.write("a.conf", format!("listen 80\npassword {SECRET}\n"));
    far.write("shut.conf", format!("{SECRET}\n"));
    far.write("named", "x\n");
    far.write("blob.bin", [b"\0\xff".as_slice(), SECRET.as_bytes()].concat());
    let first = far.run(&["config", "now"]);
    assert_eq!((first.code, first.out.as_str()), (0, "4 files changed on 1 host\n"), "{}", first.err);
    far
}

/// One changed, one new, one gone, one that may not be read, one that is no text.
fn change(far: &Far) {
    far.write("a.conf", format!("listen 8080\npassword {SECRET}\n"));
    far.write("new.conf", format!("{SECRET} too\n"));
    std::fs::remove_file(far.home("named")).unwrap();
    far.allow("shut.conf", 0);
    far.write("blob.bin", [b"\0\xfe".as_slice(), SECRET.as_bytes()].concat());
}

/// Files below this folder in which the secret can be read, but for those of one folder.
fn found(folder: &Path, except: &Path, secret: &[u8]) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if path == except {
            continue;
        }
        if kind.is_dir() {
            all.extend(found(&path, except, secret));
        } else if kind.is_file() && memchr::memmem::find(&std::fs::read(&path).unwrap(), secret).is_some() {
            all.push(path);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_fetched_counted_listed_and_what_cannot_be_had_is_said() {
    let far = kept().await;
    let again = far.run(&["config", "now", "machines"]);
    assert_eq!((again.code, again.out.as_str()), (0, "0 files changed on 1 host\n"));
    let nothing = far.run(&["config", "diff"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "nothing has changed yet: 0 files compared\n"));

    let mut engine = far.engine().await;
    change(&far);
    let now = far.run(&["config", "now"]);
    assert_eq!(now.code, 1, "{now:?}");
    assert!(now.out.starts_with("4 files changed on 1 host; kv-1: "), "{}", now.out);
    let (shut, named) = (far.home("shut.conf"), far.home("named"));
    let troubles = [format!("{} may not be read", shut.display()), format!("{} is not there", named.display())];
    assert!(troubles.iter().all(|trouble| now.out.contains(trouble)), "{}", now.out);
    let (code, document) = far.json(&["config", "now"]);
    assert_eq!((code, &document["ok"]), (1, &false.into()));
    assert!(document["said"].as_str().is_some_and(|said| said.starts_with("0 files changed")), "{document}");

    let list = far.run(&["config", "list"]);
    assert_eq!(list.code, 1);
    let row = list.lines()[1].split_whitespace().take(3).collect::<Vec<_>>();
    assert_eq!(row, ["machines", "kv-1", "4"], "what cannot be read is not gone: {}", list.out);
    assert!(troubles.iter().all(|trouble| list.out.contains(trouble)), "{}", list.out);
    let (code, document) = far.json(&["config", "list"]);
    let host = &document["configs"][0]["hosts"][0];
    assert_eq!((code, host["trouble"].as_array().map(Vec::len)), (1, Some(2)), "{document}");
    let files = host["files"].as_array().unwrap().iter();
    let files: Vec<(&str, u64)> =
        files.map(|file| (file["path"].as_str().unwrap(), file["versions"].as_u64().unwrap())).collect();
    let path = |name: &str| far.home(name).display().to_string();
    let wanted = [("a.conf", 2), ("blob.bin", 2), ("new.conf", 1), ("shut.conf", 1)].map(|(name, n)| (path(name), n));
    assert_eq!(files, wanted.iter().map(|(path, versions)| (path.as_str(), *versions)).collect::<Vec<_>>());

    // It is well again, and that is told too.
    far.allow("shut.conf", 0o644);
    far.write("named", "x\n");
    assert_eq!(far.run(&["config", "now"]).code, 0);
    assert_eq!(far.run(&["config", "list"]).code, 0);
    let journal = far.run(&["--json", "journal"]).out;
    for told in ["1 added: ", "changed: ", "1 removed: ", "is not whole", "is whole again", "a.conf", "may not be read"]
    {
        assert!(journal.contains(told), "{told}: {journal}");
    }
    assert_eq!(far.run(&["engine", "stop"]).code, 0);
    assert_eq!(engine.running.ended().await, Some(0));
    // What is in the files stands nowhere but where they are kept, for their owner alone.
    let kept = far.state().join("configs");
    assert_eq!(found(&far.state(), &kept, SECRET.as_bytes()), Vec::<std::path::PathBuf>::new());
    assert!(!engine.out().contains(SECRET) && !engine.err().contains(SECRET));
    for folder in [kept.clone(), kept.join("machines"), kept.join("machines/git")] {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077, 0, "{}", folder.display());
    }
    let index = kept.join("machines/versions.jsonl");
    assert_eq!(std::fs::metadata(index).unwrap().permissions().mode() & 0o077, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_shown_file_by_file() {
    let far = kept().await;
    change(&far);
    assert_eq!(far.run(&["config", "now"]).code, 1);
    // No engine runs, and what was wrong is still known.
    let list = far.run(&["config", "list"]);
    assert_eq!(list.code, 1, "{}", list.out);
    assert!(list.out.contains("may not be read") && list.out.contains("is not there"), "{}", list.out);
    let mistyped = far.run(&["config", "show", "kv-1", far.home("a.cnf").to_str().unwrap()]);
    assert_eq!(mistyped.code, 2, "{}", mistyped.err);
    let meant = format!("did you mean {}?", far.home("a.conf").display());
    assert!(mistyped.err.contains(&meant), "{}", mistyped.err);
    let path = |name: &str| far.home(name).display().to_string();
    let diff = far.run(&["config", "diff"]);
    assert_eq!(diff.code, 0, "{}", diff.err);
    let heads: Vec<&str> = diff.lines().into_iter().filter(|line| line.starts_with("kv-1 ")).collect();
    let begins = [("a.conf", "changed"), ("blob.bin", "changed"), ("named", "removed")];
    assert_eq!(heads.len(), begins.len(), "{}", diff.out);
    for (head, (name, word)) in heads.iter().zip(begins) {
        assert!(head.starts_with(&format!("kv-1 {} {word} ", path(name))), "{head}");
    }
    assert!(heads[0].ends_with(" +1 -1") && heads[1].ends_with(" not a text"), "{heads:?}");
    for line in ["-listen 80", "+listen 8080", &format!(" password {SECRET}"), "-x"] {
        assert!(diff.lines().contains(&line), "{line}: {}", diff.out);
    }
    assert!(!diff.out.contains('\0'));

    let one = far.run(&["config", "diff", "kv-1", "a.conf"]);
    assert_eq!(one.lines()[1..], ["@@ -1,2 +1,2 @@", "-listen 80", "+listen 8080", &format!(" password {SECRET}")]);
    // What was there then: nothing, so that all that is there now is new.
    let (code, document) = far.json(&["config", "diff", "--from", "1d"]);
    let files = document["files"].as_array().unwrap().iter();
    let words: Vec<(&str, &str)> =
        files.map(|file| (file["path"].as_str().unwrap(), file["change"].as_str().unwrap())).collect();
    let wanted = ["a.conf", "blob.bin", "new.conf", "shut.conf"].map(path);
    assert_eq!((code, words), (0, wanted.iter().map(|path| (path.as_str(), "added")).collect()));
    assert!(document["files"][1]["lines"].as_array().unwrap().is_empty(), "no lines of what is no text: {document}");

    let wrong = far.run(&["config", "diff", "kv-9"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("there is no host kv-9 in harbour"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_shown_as_it_is_kept_and_as_it_was() {
    let far = kept().await;
    let before = far.json(&["config", "list"]).1["configs"][0]["hosts"][0]["changed"].as_str().unwrap().to_owned();
    change(&far);
    assert_eq!(far.run(&["config", "now"]).code, 1);
    let path = |name: &str| far.home(name).display().to_string();
    let show = |name: &str, more: &[&str]| far.run(&[&["config", "show", "kv-1", &path(name)], more].concat());
    let now = show("a.conf", &[]);
    assert_eq!((now.code, now.out.as_str()), (0, format!("listen 8080\npassword {SECRET}\n").as_str()));
    let old = show("a.conf", &["--at", &before]);
    assert_eq!((old.code, old.out.as_str()), (0, format!("listen 80\npassword {SECRET}\n").as_str()));
    let shut = show("shut.conf", &[]);
    assert_eq!((shut.code, shut.out.as_str()), (0, format!("{SECRET}\n").as_str()), "as it was while it could be read");
    assert_eq!(show("named", &["--at", &before]).out, "x\n");
    let gone = show("named", &[]);
    assert_eq!((gone.code, gone.out.as_str()), (2, ""));
    assert!(gone.err.contains("named was gone from kv-1 at "), "{}", gone.err);
    let early = show("a.conf", &["--at", "1d"]);
    assert_eq!(early.code, 2);
    assert!(early.err.contains("of that time"), "{}", early.err);

    let blob = show("blob.bin", &[]);
    assert_eq!(blob.code, 0);
    assert!(!blob.out.contains('\0'), "{:?}", blob.out);
    let (code, document) = far.json(&["config", "show", "kv-1", &path("blob.bin")]);
    assert_eq!((code, &document["host"]), (0, &"kv-1".into()));
    assert!(document["text"].as_str().is_some_and(|text| text.ends_with(SECRET)), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_away_and_names_that_are_wrong_are_said() {
    let all = CONFIGS.replace("[\"kv-1\"]", "\"all\"");
    let far = Far::new(&all).await;
    for name in ["a.conf", "named", "blob.bin"] {
        far.write(name, "x\n");
    }
    let now = far.run(&["config", "now"]);
    assert_eq!(now.code, 1);
    assert!(now.out.starts_with("3 files changed on 2 hosts; kv-2: ") && now.out.contains("refused"), "{}", now.out);
    for arguments in [&["config", "now", "machine"][..], &["config", "diff", "--config", "machine"]] {
        let wrong = far.run(arguments);
        assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
        assert!(wrong.err.contains("there is no config backup machine in harbour"), "{}", wrong.err);
        assert!(wrong.err.contains("hint: `hotspare config list`"), "{}", wrong.err);
    }
}
