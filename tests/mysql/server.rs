//! A private `MariaDB` server in a temporary folder, on a free port of the loopback, ended when it is dropped.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Server {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// Starts a server with this id, with or without TLS, and waits until it answers.
    pub(crate) async fn start(id: u32, tls: bool) -> Self {
        Self::start_with(id, tls, "").await
    }

    /// The same with more lines of configuration.
    pub(crate) async fn start_with(id: u32, tls: bool, more: &str) -> Self {
        // A socket's path holds about 100 bytes.
        let folder = tempfile::Builder::new().prefix("hsdb").tempdir_in("/tmp").expect("a folder");
        let at = folder.path().display().to_string();
        // One of its own: servers that are set up beside each other fall over each other's temporary tables.
        std::fs::create_dir(folder.path().join("tmp")).expect("a folder");
        run(
            "mariadb-install-db",
            &[
                "--no-defaults",
                "--user=root",
                &format!("--datadir={at}/data"),
                &format!("--tmpdir={at}/tmp"),
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
        );
        let mut config = format!(
            "[mariadbd]\ndatadir={at}/data\ntmpdir={at}/tmp\nsocket={at}/s\npid-file={at}/pid\nbind-address=127.0.0.1\nuser=root\n\
             server_id={id}\nlog_bin=binlog\nlog_slave_updates=1\nbinlog_format=ROW\ninnodb_buffer_pool_size=16M\n\
             innodb_flush_log_at_trx_commit=2\nskip-name-resolve\n{more}\n"
        );
        if tls {
            certificate(folder.path());
            config = format!("{config}ssl_cert={at}/cert.pem\nssl_key={at}/key.pem\n");
        }
        std::fs::write(folder.path().join("my.cnf"), config).expect("written");
        // The free port may be taken between asking for it and using it: then another one.
        for _try in 0..5 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
            let port = free.expect("a free port").port();
            let child = spawn(folder.path(), port);
            let mut starting = Starting { child, folder: folder.path() };
            if starting.answers().await {
                return Self { port, child: starting.child, folder };
            }
        }
        panic!("mariadbd did not start: {}", std::fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    }

    /// Ends it as a power cut would.
    #[allow(dead_code, reason = "not every bench ends its server")]
    pub(crate) fn stop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// Starts it again, on the port that it had.
    #[allow(dead_code, reason = "not every bench ends its server")]
    pub(crate) async fn again(&mut self) {
        let child = spawn(self.folder.path(), self.port);
        let mut starting = Starting { child, folder: self.folder.path() };
        assert!(starting.answers().await, "mariadbd did not start again");
        self.child = starting.child;
    }

    /// Where its files lie.
    #[allow(dead_code, reason = "not every bench looks at them")]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements as root.
    pub(crate) fn sql(&self, statements: &str) -> String {
        client(self.folder.path(), statements).unwrap_or_else(|said| panic!("{statements}: {said}"))
    }

    /// Connections that broke off before they were logged in, those aside that were refused.
    pub(crate) fn aborted(&self) -> u32 {
        let row = self.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'");
        let refused = self.sql("SHOW GLOBAL STATUS LIKE 'Access_denied_errors'");
        number(&row).saturating_sub(number(&refused))
    }
}

/// A server that does not answer yet.
struct Starting<'a> {
    child: Child,
    folder: &'a Path,
}

impl Starting<'_> {
    /// Waits until it answers, at most 30 s; `false` when it ended instead.
    async fn answers(&mut self) -> bool {
        for _try in 0..600 {
            if client(self.folder, "SELECT 1").is_ok() {
                return true;
            }
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        false
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    Command::new("mariadbd")
        .arg(format!("--defaults-file={}", folder.join("my.cnf").display()))
        .arg(format!("--port={port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).expect("a log"))
        .spawn()
        .expect("mariadbd cannot be started: sh tests/install-deps, as root")
}

fn client(folder: &Path, statements: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut client = Command::new("mariadb")
        .args(["--no-defaults", "-uroot", "-N", "-B", "-S"])
        .arg(folder.join("s"))
        .arg("--default-character-set=utf8mb4")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Over its input: an argument holds 128 KiB at most. A client that has ended already says why.
    let _ended = client.stdin.take().map(|mut input| input.write_all(statements.as_bytes()));
    let output = client.wait_with_output().map_err(failed)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it holds is of no value: no need to let it write it out.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn number(row: &str) -> u32 {
    row.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn certificate(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=lab",
            "-keyout",
            &file("key.pem"),
            "-out",
            &file("cert.pem"),
        ],
    );
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be started ({error}): sh tests/install-deps, as root"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
