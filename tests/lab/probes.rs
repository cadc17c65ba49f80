//! Every check kind against the server it is for, whole, broken and absent.

use std::net::SocketAddr;
use std::time::Duration;

use hotspare::clock::Clock;
use hotspare::fleet::check::CheckKind;
use hotspare::fleet::units::Room;
use hotspare::health::ask::Ask;
use hotspare::health::observation::Outcome;
use hotspare::health::probe::Prober;
use hotspare::reach::http::HttpClient;
use hotspare::reach::ssh::{SshOptions, SshPool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::farm::{Host, Ssh, run, until};

const TIME: Duration = Duration::from_secs(2);

pub(crate) fn prober(ssh: Option<&Ssh>) -> Prober {
    prober_with(ssh, HttpClient::new())
}

fn prober_with(ssh: Option<&Ssh>, http: HttpClient) -> Prober {
    let options = ssh.map_or_else(SshOptions::default, Ssh::options);
    let clock = Clock::real();
    Prober::new(clock.clone(), SshPool::new(options, clock), http)
}

pub(crate) fn ask(address: impl std::fmt::Display, kind: CheckKind) -> Ask {
    let address = address.to_string();
    Ask { kind, ssh: address.clone(), address, vital: false }
}

/// How a check ended and why.
pub(crate) async fn probe(prober: &Prober, ask: &Ask) -> (Outcome, String) {
    let seen = prober.run(ask, TIME).await;
    assert_eq!(seen.reason.is_none(), seen.outcome == Outcome::Pass, "a reason unless it passed");
    (seen.outcome, seen.reason.unwrap_or_default())
}

fn passes() -> (Outcome, String) {
    (Outcome::Pass, String::new())
}

fn fails(reason: &str) -> (Outcome, String) {
    (Outcome::Fail, reason.to_owned())
}

fn http(url: impl Into<String>, contains: Option<&str>) -> CheckKind {
    CheckKind::Http { url: url.into(), status: 200, contains: contains.map(str::to_owned) }
}

/// A listener that does to each client what `talk` does, and then holds the connection.
async fn listener<F>(talk: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = Option<tokio::net::TcpStream>> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((client, _peer)) = listener.accept().await {
            held.extend(talk(client).await);
        }
    });
    address
}

/// nginx with pages, in clear and over TLS, and RTMP on the host.
pub(crate) async fn nginx(host: &mut Host) -> u32 {
    let folder = host.folder.path().display().to_string();
    let request = format!(
        "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = more\n[name]\nCN = lab\n[more]\n\
         subjectAltName = IP:{}\nbasicConstraints = critical,CA:FALSE\n",
        host.address
    );
    std::fs::write(host.folder.path().join("request"), request).expect("written");
    let (cert, key, request) = (format!("{folder}/cert.pem"), format!("{folder}/key.pem"), format!("{folder}/request"));
    let kind = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    run("openssl", &[&kind[..], &["-config", &request, "-keyout", &key, "-out", &cert]].concat());
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\nuser root;\nworker_processes 1;\nmaster_process off;\n\
         daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{ }}\n\
         rtmp {{ server {{ listen 1935; application live {{ live on; }} }} }}\n\
         http {{ access_log off; ssl_certificate {cert}; ssl_certificate_key {key}; server {{ listen 80; listen 443 ssl; location / {{ return 200 'People: 7'; }}\n\
         location /broken {{ return 503; }} location /moved {{ return 302 /; }} }} }}\n"
    );
    std::fs::write(host.folder.path().join("nginx.conf"), config).expect("written");
    let pid = host
        .start("nginx", &["-p", &folder, "-c", &format!("{folder}/nginx.conf"), "-e", &format!("{folder}/error.log")]);
    let address = host.address;
    until("nginx listens (is libnginx-mod-rtmp installed? sh tests/install-deps)", || {
        std::net::TcpStream::connect((address, 1935)).is_ok()
    })
    .await;
    pid
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_http_and_rtmp_against_nginx() {
    let mut host = Host::new();
    let pid = nginx(&mut host).await;
    let prober = prober(None);
    let address = host.address;
    let ask = |kind| ask(address, kind);
    assert_eq!(probe(&prober, &ask(CheckKind::Ping)).await, passes());
    assert_eq!(probe(&prober, &ask(CheckKind::Tcp { port: 80 })).await, passes());
    assert_eq!(probe(&prober, &ask(CheckKind::Tcp { port: 81 })).await, fails("connection refused"));
    assert_eq!(probe(&prober, &ask(http(format!("http://{address}/"), Some("People")))).await, passes());
    let missing = probe(&prober, &ask(http(format!("http://{address}/"), Some("Cars")))).await;
    assert_eq!(missing, fails("the answer does not hold \"Cars\""));
    let broken = probe(&prober, &ask(http(format!("http://{address}/broken"), None))).await;
    assert_eq!(broken, fails("status 503, expected 200"));
    let moved = probe(&prober, &ask(http(format!("http://{address}/moved"), None))).await;
    assert_eq!(moved, fails("status 302, expected 200"));
    assert_eq!(probe(&prober, &ask(CheckKind::Rtmp { port: 1935 })).await, passes());
    let other = probe(&prober, &ask(CheckKind::Rtmp { port: 80 })).await;
    assert_eq!(other.0, Outcome::Fail, "{other:?}");

    // Frozen: the kernel still answers pings and accepts connections, and nothing else happens.
    run("kill", &["-STOP", &pid.to_string()]);
    assert_eq!(probe(&prober, &ask(CheckKind::Tcp { port: 80 })).await, passes());
    let frozen = probe(&prober, &ask(http(format!("http://{address}/"), None))).await;
    assert_eq!(frozen, fails("no answer in 2 s"));
    assert_eq!(probe(&prober, &ask(CheckKind::Rtmp { port: 1935 })).await, fails("no answer in 2 s"));
    run("kill", &["-CONT", &pid.to_string()]);

    host.unplug();
    assert_eq!(probe(&prober, &ask(CheckKind::Ping)).await, fails("no answer in 2 s"));
    assert_eq!(probe(&prober, &ask(CheckKind::Tcp { port: 80 })).await, fails("no answer in 2 s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn https_needs_a_certificate_that_is_trusted() {
    let mut host = Host::new();
    nginx(&mut host).await;
    let page = ask(host.address, http(format!("https://{}/", host.address), Some("People")));
    let (outcome, reason) = probe(&prober(None), &page).await;
    assert!(outcome == Outcome::Fail && reason.starts_with("tls: the certificate is not trusted"), "{reason}");
    let root = CertificateDer::from_pem_file(host.folder.path().join("cert.pem")).expect("a certificate");
    let trusting = prober_with(None, HttpClient::with_roots(vec![root]));
    assert_eq!(probe(&trusting, &page).await, passes());
    let clear = ask(host.address, http(format!("https://{}:80/", host.address), None));
    let (outcome, reason) = probe(&trusting, &clear).await;
    assert!(outcome == Outcome::Fail && reason.starts_with("tls: "), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rtsp_against_a_server() {
    let mut host = Host::new();
    let script = "use RTSP::Server; use AnyEvent; my $s = RTSP::Server->new(client_listen_port => 8554, \
        source_listen_port => 8555, log_level => 0); $s->listen; AnyEvent->condvar->recv;";
    host.start("perl", &["-e", script]);
    let address = host.address;
    until("the RTSP server listens (is librtsp-server-perl installed? sh tests/install-deps)", || {
        std::net::TcpStream::connect((address, 8554)).is_ok()
    })
    .await;
    let prober = prober(None);
    assert_eq!(probe(&prober, &ask(address, CheckKind::Rtsp { port: 8554 })).await, passes());
    assert_eq!(probe(&prober, &ask(address, CheckKind::Rtsp { port: 554 })).await, fails("connection refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_break_off_say_nothing_or_too_much() {
    let prober = prober(None);
    let at = |address: SocketAddr, kind: &dyn Fn(u16) -> CheckKind| ask(address.ip(), kind(address.port()));
    let handshake = |port| CheckKind::Rtmp { port };
    let options = |port| CheckKind::Rtsp { port };
    let page = |port: u16| http(format!("http://127.0.0.1:{port}/"), Some("never there"));

    let half = listener(async |mut client: tokio::net::TcpStream| {
        let mut hello = [0_u8; 1537];
        client.read_exact(&mut hello).await.ok()?;
        client.write_all(&[3_u8; 100]).await.ok()?;
        None
    })
    .await;
    let seen = probe(&prober, &at(half, &handshake)).await;
    assert_eq!(seen, fails("the RTMP handshake broke off: the host closed the connection"));

    let silent = listener(async |client| Some(client)).await;
    for kind in [&handshake as &dyn Fn(u16) -> CheckKind, &options, &page] {
        assert_eq!(probe(&prober, &at(silent, kind)).await, fails("no answer in 2 s"));
    }

    let endless = listener(async |mut client: tokio::net::TcpStream| {
        tokio::spawn(async move {
            let _asked = client.read(&mut [0_u8; 512]).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
            client.write_all(head.as_bytes()).await.ok()?;
            let chunk = vec![b'x'; 1 << 16];
            while client.write_all(&chunk).await.is_ok() {}
            Some(())
        });
        None
    })
    .await;
    let seen = probe(&prober, &at(endless, &page)).await;
    assert_eq!(seen, fails("the first MiB of the answer does not hold \"never there\""));
    let seen = probe(&prober, &at(endless, &options)).await;
    assert_eq!(seen.0, Outcome::Fail, "{seen:?}");

    let escape = listener(async |mut client: tokio::net::TcpStream| {
        client.write_all(b"\x1b]0;owned\x07\x1b[2J RTSP?\r\n\r\n").await.ok()?;
        Some(client)
    })
    .await;
    let (outcome, reason) = probe(&prober, &at(escape, &options)).await;
    assert_eq!(outcome, Outcome::Fail);
    assert!(!reason.contains(char::is_control), "{reason:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_over_ssh() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let prober = prober(Some(&ssh));
    let command = |run: &str, contains: Option<&str>| {
        ask(&ssh.destination, CheckKind::Command { run: run.into(), contains: contains.map(str::to_owned) })
    };
    assert_eq!(probe(&prober, &command("echo active", Some("active"))).await, passes());
    assert_eq!(probe(&prober, &command("echo inactive; exit 3", None)).await, fails("exit 3: inactive"));
    assert_eq!(probe(&prober, &command("sleep 60", None)).await, fails("no answer in 2 s"));
    assert_eq!(probe(&prober, &command("no-such-program", None)).await.0, Outcome::Unknown);
    let flood = probe(&prober, &command("head -c 1000000000 /dev/zero", None)).await;
    assert_eq!(flood, fails("the command printed more than 64 KiB and was cut off"));

    let disk = |path: &str, min_free| ask(&ssh.destination, CheckKind::Disk { path: path.into(), min_free });
    assert_eq!(probe(&prober, &disk("/", Room::Bytes(1))).await, passes());
    let (outcome, reason) = probe(&prober, &disk("/", Room::Percent(100.0))).await;
    assert_eq!(outcome, Outcome::Fail);
    assert!(reason.ends_with(" % free, at least 100 % wanted"), "{reason}");
    let (outcome, reason) = probe(&prober, &disk("/no such'path", Room::Bytes(1))).await;
    assert!(outcome == Outcome::Fail && reason.contains("No such file"), "{reason}");

    host.unplug();
    let late = probe(&prober, &command("true", None)).await;
    assert_eq!(late.0, Outcome::Fail, "connected, and then silence: {late:?}");
    let gone = Host::new();
    gone.unplug();
    let mut stranger = command("true", None);
    stranger.ssh = gone.address.to_string();
    let (outcome, reason) = probe(&prober, &stranger).await;
    assert_eq!(outcome, Outcome::Unknown, "never connected: it could not be asked: {reason}");
    stranger.vital = true;
    assert_eq!(probe(&prober, &stranger).await.0, Outcome::Fail, "but a vital check of a silent host fails");
    prober.ssh().shutdown().await;
}
