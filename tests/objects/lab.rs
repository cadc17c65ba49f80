//! A recorded session, a store, and what is asked of the side between them.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hotspare::clock::{Clock, Timestamp};
use hotspare::fleet::bucket::Access;
use hotspare::fleet::data::{Destination, Store as Declared};
use hotspare::fleet::secret::{Secret, SecretSource};
use hotspare::reach::secret::Secrets;
use hotspare::session::copy::Copied;
use hotspare::session::filter::Filter;
use hotspare::session::key::Key;
use hotspare::session::objects::Objects;
use hotspare::session::side::{CopyWish, Depth, Look, Owner, Scan, Side, Standing, Undone, VerifyWish};
use hotspare::session::verify::Outcome;
use hotspare::session::view::{Level, SideState};
use hotspare::work::steer::{Alone, Steer};
use hotspare::work::throttle::Throttle;
use tokio::runtime::Runtime;

use crate::store::{BUCKET, KEY, SECRET};

/// Where the copy lies.
pub(crate) const COPY: &str = "mocap/20250104/p001";

/// A session on this computer, and the side that its copy goes to.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    pub(crate) side: Objects,
    pub(crate) kept: Option<String>,
    pub(crate) throttle: Throttle,
    _runtime: Runtime,
}

/// A destination in the store behind this address.
pub(crate) fn destination(address: SocketAddr, bucket: &str, key: &str, secret: &str) -> Destination {
    Destination {
        name: "cloud".into(),
        mount: None,
        path: format!("s3://{bucket}/mocap").into(),
        layout: "{date}/{participant}".into(),
        access: Access {
            endpoint: Some(format!("http://{address}")),
            region: None,
            key_id: Some(key.into()),
            secret: SecretSource::Inline(Secret::new(secret)),
        },
    }
}

impl Lab {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut lab = Self::with(&destination(address, BUCKET, KEY, SECRET));
        let standing = lab.prepare();
        assert_eq!(standing.state, SideState::Ready);
        lab.kept = standing.marker;
        lab
    }

    /// Nothing is prepared there.
    pub(crate) fn with(destination: &Destination) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("p001")).expect("a session");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let bucket = destination.bucket().expect("an object store's");
        let secrets = Secrets::new(Clock::real());
        let filter = Filter::new(&Declared {
            name: "mocap".into(),
            source: folder.path().into(),
            layout: "{participant}/{date}".into(),
            participants: Vec::new(),
            exclude: vec!["*.tmp".into()],
            count: "*.mp4".into(),
            settle: Duration::ZERO,
            destinations: Vec::new(),
            parallel: 0,
            limit: None,
            imported: None,
        });
        let side = Objects::new(bucket, &destination.layout, &filter, secrets, runtime.handle().clone());
        let throttle = Throttle::new(None, Clock::real());
        Self { folder, side, kept: None, throttle, _runtime: runtime }
    }

    pub(crate) fn prepare(&self) -> Standing {
        let owner = Owner { fleet: "f".into(), store: "mocap".into(), destination: "cloud".into() };
        self.side.prepare(self.kept.as_deref(), &owner, Timestamp::UNIX_EPOCH)
    }

    pub(crate) fn stand(&self) -> Standing {
        self.side.stand(self.kept.as_deref())
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("p001")
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        self.write_bytes(name.as_bytes(), content);
    }

    pub(crate) fn write_bytes(&self, name: &[u8], content: &[u8]) {
        let path = self.source().join(Path::new(std::ffi::OsStr::from_bytes(name)));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    }

    /// A file of noise.
    pub(crate) fn noise(&self, name: &str, bytes: usize) {
        self.write(name, &noise(name, bytes));
    }

    pub(crate) fn copy(&self) -> Result<Copied, Undone> {
        self.copy_steered(&Alone)
    }

    pub(crate) fn copy_steered(&self, steer: &dyn Steer) -> Result<Copied, Undone> {
        self.side.copy(&CopyWish {
            key: &key(),
            source: &self.source(),
            kept: self.kept.as_deref(),
            parallel: 0,
            throttle: &self.throttle,
            steer,
            dry_run: false,
        })
    }

    /// A copy that must be whole.
    pub(crate) fn copied(&self) -> Copied {
        let copied = self.copy().expect("a copy");
        assert!(copied.whole(), "{copied:?}");
        let proof = copied.proof.as_ref().expect("read back");
        assert!(proof.from_storage && proof.read == Some("from the object store"));
        copied
    }

    pub(crate) fn verify(&self, level: Option<Level>) -> Result<Outcome, Undone> {
        self.side.verify(&VerifyWish {
            key: &key(),
            source: &self.source(),
            kept: self.kept.as_deref(),
            level,
            parallel: 0,
            throttle: &self.throttle,
            steer: &Alone,
        })
    }

    pub(crate) fn verified(&self) -> Outcome {
        self.verify(None).expect("compared")
    }

    pub(crate) fn scan(&self) -> Scan {
        let look = Look { known: Arc::default(), depth: Depth::Full, now: Timestamp::UNIX_EPOCH };
        self.side.scan(&look, &|| true).expect("a scan")
    }
}

pub(crate) fn key() -> Key {
    Key::new("p001", "20250104").expect("a key")
}

/// Bytes that repeat nowhere.
pub(crate) fn noise(seed: &str, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut out);
    out
}

/// Which files differ, with the reasons.
pub(crate) fn different(outcome: &Outcome) -> Vec<(&str, &str)> {
    outcome.different.iter().map(|file| (file.path.as_str(), file.reason.as_str())).collect()
}
