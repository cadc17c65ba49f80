//! A store whose copies go to an object store, by the real program.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::lab::COPY;
use crate::place::Place;
use crate::store::{KEY, SECRET, Store};

const P001: [&str; 2] = ["p001", "20250104"];

/// What is recorded and declared, and the program on it.
struct Site {
    store: Store,
    place: Place,
}

impl Site {
    fn new() -> Self {
        let store = Store::new();
        let place = Place::new(&format!(
            "name = \"harbour\"\n[sessions.mocap]\nsource = \"data\"\nlayout = \"{{participant}}/{{date}}\"\n\
             settle = \"1s\"\ndestinations = [{{ name = \"Cloud\", path = \"s3://recordings/mocap\", layout = \
             \"{{date}}/{{participant}}\", endpoint = \"http://{}\", key_id = \"{KEY}\", secret_file = \"key\" }}]\n\
             imported = {{ sqlite = \"imported.db\", query = \"SELECT participant, date, done FROM imported\" }}\n",
            store.address()
        ));
        let secret = place.path().join("key");
        std::fs::write(&secret, format!("{SECRET}\n")).expect("written");
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("rights");
        let database = rusqlite::Connection::open(place.path().join("imported.db")).expect("a database");
        database.execute("CREATE TABLE imported (participant TEXT, date TEXT, done INTEGER)", []).expect("a table");
        database.execute("INSERT INTO imported VALUES ('p001', '20250104', 1)", []).expect("a row");
        for (name, size) in [("walk.1.mp4", 9 << 20), ("images/a.json", 30), ("half.tmp", 3)] {
            let path = place.path().join("data/p001/20250104").join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, vec![7; size]).expect("written");
        }
        Self { store, place }
    }

    /// The exit code and the JSON of a command.
    async fn json(&self, args: &[&str]) -> (i32, Value) {
        let mut command = self.place.program(&[args, &["--json"]].concat());
        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains(SECRET) && !errors.contains(SECRET), "{said}{errors}");
        let json = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}{errors}"));
        (output.status.code().unwrap_or(-1), json)
    }

    async fn session(&self, command: &str, more: &[&str]) -> (i32, Value) {
        self.json(&[&["session", command], &P001[..], more].concat()).await
    }
}

/// All files below a folder that hold these bytes.
fn holding(folder: &Path, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            found.extend(holding(&path, wanted));
        } else if kind.is_file() && String::from_utf8_lossy(&std::fs::read(&path).expect("read")).contains(wanted) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_there_is_found_out_when_it_rots_and_is_deleted_here() {
    let site = tokio::task::block_in_place(Site::new);
    let _engine = site.place.engine();
    drop(site.place.join().await);
    let (code, synced) = site.session("sync", &[]).await;
    assert_eq!((code, &synced["sessions"][0]["result"]), (0, &Value::from("copied")), "{synced}");
    let copy =
        [format!("{COPY}.b3"), format!("{COPY}.sizes"), format!("{COPY}/images/a.json"), format!("{COPY}/walk.1.mp4")];
    assert_eq!(site.store.objects("mocap/2025"), copy);
    let (_, again) = site.session("sync", &[]).await;
    assert_eq!(again["sessions"][0]["result"], "skipped", "{again}");

    let mut listed = Value::Null;
    for _try in 0..50 {
        (_, listed) = site.json(&["session", "list", "--refresh"]).await;
        if listed["sessions"][0]["safe"] == true {
            break;
        }
        // A second must pass since it was recorded.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let row = &listed["sessions"][0];
    assert!(row["backup"] == true && row["safe"] == true, "{listed}");
    let (_, shown) = site.session("show", &[]).await;
    assert!(shown.to_string().contains("s3://recordings/mocap/20250104/p001"), "{shown}");

    let (code, verified) = site.session("verify", &[]).await;
    assert_eq!((code, &verified["read"]), (0, &Value::from("from the object store")), "{verified}");
    let mut bytes = vec![7; 9 << 20];
    bytes[100] = 8;
    std::fs::write(site.store.object(&format!("{COPY}/walk.1.mp4")), bytes).expect("corrupted");
    let (code, verified) = site.session("verify", &[]).await;
    assert_eq!((code, &verified["different"][0]["path"]), (1, &Value::from("walk.1.mp4")), "{verified}");
    let (code, refused) = site.session("delete", &["--confirm", "DELETE"]).await;
    assert_eq!(code, 3, "{refused}");

    let (code, synced) = site.session("sync", &[]).await;
    assert_eq!((code, &synced["sessions"][0]["result"]), (0, &Value::from("copied")), "{synced}");
    let (sums, aside) = (site.store.object(&copy[0]), site.place.path().join("aside"));
    std::fs::rename(&sums, &aside).expect("moved");
    let (code, refused) = site.session("delete", &["--confirm", "DELETE"]).await;
    assert!(code == 3 && refused.to_string().contains("no manifest lies beside the copy"), "{refused}");
    std::fs::rename(&aside, &sums).expect("moved back");
    let (code, deleted) = site.session("delete", &["--confirm", "DELETE"]).await;
    assert_eq!(code, 0, "{deleted}");
    assert!(!site.place.path().join("data/p001/20250104").exists());
    let (code, verified) = site.session("verify", &[]).await;
    assert_eq!((code, &verified["ok"]), (0, &Value::from(true)), "by the manifest alone: {verified}");
    assert_eq!(holding(&site.place.state(), SECRET), Vec::<String>::new(), "in no log, journal or database");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_it_and_a_store_that_is_gone_is_unknown() {
    let mut site = tokio::task::block_in_place(Site::new);
    let _engine = site.place.engine();
    drop(site.place.join().await);
    assert_eq!(site.session("sync", &[]).await.0, 0);
    let found = async |site: &Site| {
        let (_, findings) = site.json(&["doctor"]).await;
        let all = findings.as_array().or(findings["findings"].as_array()).cloned().unwrap_or_default();
        let ours = all.into_iter().find(|finding| finding["subject"] == "destination s3://recordings/mocap");
        ours.unwrap_or_else(|| panic!("{findings}"))
    };
    assert!(found(&site).await.to_string().contains("our key is believed"));
    tokio::task::block_in_place(|| site.store.stop());
    let gone = found(&site).await.to_string();
    assert!(gone.contains("connection refused") && gone.contains("is `endpoint` right?"), "{gone}");
    let (_, listed) = site.json(&["session", "list", "--refresh"]).await;
    let row = &listed["sessions"][0];
    assert!(row["backup"] == Value::Null && row["safe"] == false, "{listed}");
    assert_eq!(site.session("delete", &["--confirm", "DELETE"]).await.0, 3);
    assert_eq!(site.session("sync", &[]).await.0, 1);
    assert!(site.place.path().join("data/p001/20250104").exists());
}
