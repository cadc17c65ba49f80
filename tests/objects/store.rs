//! A real S3 server on a free port: `s3s` in front of a folder. Whatever it holds can be reached behind its back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The key that it knows.
pub(crate) const KEY: &str = "hotspare";
pub(crate) const SECRET: &str = "Xa9-secret-of-the-key";
/// The bucket that it has.
pub(crate) const BUCKET: &str = "recordings";

/// A server and what it holds.
pub(crate) struct Store {
    folder: tempfile::TempDir,
    service: S3Service,
    address: SocketAddr,
    running: Option<Runtime>,
}

impl Store {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a file system"));
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let mut store = Self { folder, service, address: SocketAddr::from(([127, 0, 0, 1], 0)), running: None };
        store.start();
        store
    }

    /// Starts it, on the same port as before.
    pub(crate) fn start(&mut self) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(self.address)).expect("a port");
        self.address = listener.local_addr().expect("its address");
        let service = Arc::new(self.service.clone());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.as_ref().clone();
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        self.running = Some(runtime);
    }

    /// Stops it at once: whatever it was doing ends half done.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
        // Its port is free when its listener is gone.
        while std::net::TcpStream::connect(self.address).is_ok() {
            std::thread::yield_now();
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where an object lies.
    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(name)
    }

    /// Names of all objects whose names begin with this, sorted.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<String> {
        let bucket = self.folder.path().join(BUCKET);
        let mut found = Vec::new();
        let mut folders = vec![bucket.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                if entry.file_type().expect("a type").is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path().strip_prefix(&bucket).expect("below it").display().to_string());
                }
            }
        }
        found.retain(|name| name.starts_with(prefix));
        found.sort();
        found
    }

    /// Parts of files that are kept though the files were never ended.
    pub(crate) fn parts(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).expect("a folder").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(".upload")).collect()
    }

    /// Puts an object there behind everybody's back.
    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let path = self.object(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is at a path, as text.
pub(crate) fn text(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).expect("read")).expect("text")
}
