//! A dump to a place, and rounds made by hand: what the server would say is made up here, what the medium does is real.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hotspare::clock::Timestamp;
use hotspare::dump::kit::Staging;
use hotspare::dump::medium::{Medium, MediumTrouble};
use hotspare::dump::record::{Database, Held, Kit, Table};
use hotspare::fleet::data::{Dump, Keep, Scratch};
use hotspare::fleet::secret::{DatabaseUrl, SecretSource};

/// A dump to a medium that must be mounted there.
pub(crate) fn dump(to: &Path) -> Dump {
    Dump {
        name: "meos".into(),
        server: DatabaseUrl { url: "mysql://meos@127.0.0.1:3306/".into(), password: SecretSource::None },
        databases: Vec::new(),
        every: Duration::from_secs(60),
        to: to.to_owned(),
        mount: true,
        keep: Keep { last: 3, hourly: 0, daily: 0 },
        scratch: Scratch::Auto,
    }
}

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

pub(crate) fn open(to: &Path, known: &[String]) -> Result<Medium, MediumTrouble> {
    Medium::open(&dump(to), known, time(0))
}

/// A dump that hardly gets smaller, of about so many bytes.
pub(crate) fn sql(bytes: usize) -> Vec<u8> {
    let mut text = b"CREATE DATABASE IF NOT EXISTS `d`;\nUSE `d`;\n".to_vec();
    let mut row = [0; 48];
    while text.len() < bytes {
        row.fill_with(|| fastrand::alphanumeric() as u8);
        text.extend_from_slice(b"INSERT INTO t VALUES ('");
        text.extend_from_slice(&row);
        text.extend_from_slice(b"');\n");
    }
    text.extend_from_slice(b"-- Dump completed on 2026-11-20 14:02:11\n");
    text
}

/// Writes one database.
pub(crate) fn write(staging: &mut Staging, name: &str, plain: &[u8]) -> Result<Database, String> {
    let mut writer = staging.writer(name).map_err(|trouble| trouble.to_string())?;
    // In pieces, as a tool's output comes.
    for piece in zstd::encode_all(plain, 1).unwrap().chunks(64 << 10) {
        writer.write_all(piece).map_err(|error| error.to_string())?;
    }
    let files = writer.finish().map_err(|trouble| trouble.to_string())?;
    Ok(database(
        name,
        Held {
            kit: String::new(),
            at: time(0),
            files,
            content: blake3::hash(plain).to_hex().to_string(),
            plain: plain.len() as u64,
            locked: None,
            tables: vec![Table { name: "t".into(), rows: Some(3), checksum: None }],
            mark: String::new(),
        },
    ))
}

pub(crate) fn database(name: &str, held: Held) -> Database {
    Database { name: name.into(), label: None, held: Some(held), error: None }
}

pub(crate) fn kit(second: i64, databases: Vec<Database>) -> Kit {
    Kit {
        name: String::new(),
        dump: String::new(),
        number: 0,
        at: time(second),
        server: "mysql://meos@127.0.0.1:3306/".into(),
        version: "10.11.14-MariaDB".into(),
        databases,
    }
}

/// A round that writes two databases.
pub(crate) fn round(medium: &Medium, second: i64) -> Result<Kit, String> {
    let mut staging = medium.begin(time(second), 0).map_err(|trouble| trouble.to_string())?;
    let databases = vec![write(&mut staging, "meosmain", &sql(20_000))?, write(&mut staging, "race", &sql(200_000))?];
    staging.publish(kit(second, databases)).map_err(|trouble| trouble.to_string())
}

/// Everything on the medium that says that it is whole is whole; returns the names of the kits, newest first.
pub(crate) fn whole(medium: &Medium) -> Vec<String> {
    let shelf = medium.shelf().unwrap();
    assert!(shelf.broken.is_empty(), "{:?}", shelf.broken);
    for kit in &shelf.kits {
        let verified = medium.verify(kit, &AtomicBool::new(false));
        assert!(verified.ok, "{}: {:?}", kit.name, verified.problems);
    }
    shelf.kits.into_iter().map(|kit| kit.name).collect()
}

/// `RECOVERY.txt` is whole, and every file that it names is there as it says. Returns the kit that it calls the newest.
pub(crate) fn recovery(at: &Path) -> String {
    let text = std::fs::read_to_string(at.join("RECOVERY.txt")).unwrap();
    assert!(text.starts_with("HOW TO GET THE DATABASES BACK") && text.ends_with('\n'), "{text}");
    let mut checked = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(path) = line.trim().strip_prefix("check:   sha256sum ") {
            let sum = lines.next().unwrap().trim().strip_prefix("must say ").unwrap();
            let there = std::fs::read(at.join(path.trim_matches('\''))).unwrap();
            let output = sha256(&there);
            assert_eq!(output, sum, "{path}");
            checked += 1;
        }
    }
    assert!(checked > 0, "{text}");
    for script in ["restore.sh", "restore.ps1"] {
        assert!(std::fs::read_to_string(at.join(script)).unwrap().contains("All is well"), "{script}");
    }
    text.lines().find_map(|line| line.strip_prefix("Newest kit:")).unwrap().trim().to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
