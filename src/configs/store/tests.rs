use super::*;
use crate::configs::fetch::File;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn fetched(files: &[(&str, &str, &str)]) -> Fetched {
    let file = |(path, mode, text): &(&str, &str, &str)| {
        ((*path).to_owned(), File { mode: (*mode).to_owned(), bytes: text.as_bytes().to_vec() })
    };
    Fetched { files: files.iter().map(file).collect(), ..Fetched::default() }
}

#[tokio::test]
async fn only_what_changed_is_kept_and_found_again_by_the_next_engine() {
    for git in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(folder.path().join("s"), git);
        let mut store = open().await.unwrap();
        let first = fetched(&[("/a", "644", "one\n"), ("/b", "600", "x\n")]);
        assert_eq!(words(&store.keep("h", &first, at(0)).await.unwrap()), "2 added: /a, /b");
        assert_eq!(store.keep("h", &first, at(10)).await.unwrap(), []);
        let second = fetched(&[("/a", "644", "two\n"), ("/b", "640", "x\n")]);
        assert_eq!(words(&store.keep("h", &second, at(20)).await.unwrap()), "2 changed: /a, /b");
        let third = fetched(&[("/a", "644", "two\n")]);
        assert_eq!(words(&store.keep("h", &third, at(30)).await.unwrap()), "1 removed: /b");
        assert_eq!(store.keep("other", &third, at(30)).await.unwrap().len(), 1);
        // Half a line of an engine that was killed.
        let index = folder.path().join("s").join(INDEX);
        let mut text = std::fs::read_to_string(&index).unwrap();
        text.push_str("{\"id\":\"git:");
        std::fs::write(&index, text).unwrap();

        let mut store = open().await.unwrap();
        assert_eq!((store.count(), store.looked("h"), store.changed("h")), (4, Some(at(30)), Some(at(30))));
        let names: Vec<String> = store.files("h").into_iter().map(|file| file.path).collect();
        assert_eq!(names, ["/a"]);
        let old = store.version("h", "/a", Some(at(15))).unwrap();
        assert_eq!(store.read(old, "/a").await.unwrap(), b"one\n");
        let now = store.version("h", "/a", None).unwrap();
        assert_eq!(store.read(now, "/a").await.unwrap(), b"two\n");
        let since = |from| store.pairs("h", from).into_iter().filter(|pair| !pair.same).count();
        assert_eq!((since(Some(at(0))), since(Some(at(30))), since(None)), (2, 0, 2));
        store.keep("h", &first, at(40)).await.unwrap();
        assert_eq!(open().await.unwrap().count(), 5, "the half line is no harm to the next");
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_not_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path().to_owned(), false).await.unwrap();
    store.keep("h", &fetched(&[("/a", "644", "x")]), at(0)).await.unwrap();
    let left = Fetched { left: vec![("/a".into(), "may not be read".into())], ..Fetched::default() };
    assert_eq!(store.keep("h", &left, at(1)).await.unwrap(), []);
    assert_eq!(store.files("h").len(), 1);
}

#[tokio::test]
async fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    for git in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("s"), git).await.unwrap();
        store.keep("h", &fetched(&[("/secret", "600", "x")]), at(0)).await.unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let all = below(&folder.path().join("s"));
        assert!(all.len() >= 4 && (!git || all.contains(&folder.path().join("s/git"))), "{all:?}");
        // What git writes inside its own folder is as it likes: nobody else comes that far.
        let inside = folder.path().join("s/git");
        for path in all.iter().filter(|path| **path == inside || !path.starts_with(&inside)) {
            assert_eq!(mode(path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        }
    }
}

/// A folder and everything in it.
fn below(path: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    std::iter::once(path.to_owned()).chain(inside.flat_map(|entry| below(&entry.path()))).collect()
}
