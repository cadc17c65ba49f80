//! What it costs to watch a fleet: N hosts × (ping, tcp, http) each second by one engine, beside fping for the pings and
//! prometheus-blackbox-exporter for the http checks, in the same run, alternating.
//!
//! `cargo bench --bench probing` prints a table; `HOTSPARE_BENCH_HOSTS=10,100,1000,5000` and `HOTSPARE_BENCH_SECONDS=20`
//! choose the sizes and the length of each measurement. Hosts are addresses in 127.78.0.0/16, served by one process of
//! this bench, so that the cost of answering is nobody's.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench measures with the machine's own clocks and may stop at any error"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;

const CLOCK_TICKS: f64 = 100.0;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--serve") {
        serve();
        return;
    }
    let sizes: Vec<usize> = std::env::var("HOTSPARE_BENCH_HOSTS")
        .unwrap_or_else(|_| "10,100,1000,5000".into())
        .split(',')
        .map(|size| size.trim().parse().unwrap())
        .collect();
    let seconds: u64 = std::env::var("HOTSPARE_BENCH_SECONDS").map_or(20, |text| text.parse().unwrap());
    let span = Duration::from_secs(seconds);
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut port).unwrap();
    let port: u16 = port.trim().parse().unwrap();

    println!("| hosts | who | checks/s | CPU % of one core | RSS MB | lateness p50 ms | p99 ms | max ms |");
    println!("|---|---|---|---|---|---|---|---|");
    for hosts in sizes {
        let ours = hotspare(hosts, port, span);
        println!("{}", ours.row(hosts, "hotspare: ping, tcp, http"));
        let pings = fping(hosts, span);
        println!("{}", pings.row(hosts, "fping: ping"));
        let http = blackbox(hosts, port, span);
        println!("{}", http.row(hosts, "blackbox exporter: http"));
        println!(
            "| {hosts} | **ratio** hotspare / (fping + blackbox) | | {:.2} | | | | |",
            ours.cpu / (pings.cpu + http.cpu)
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

/// What one process cost.
struct Cost {
    checks: f64,
    cpu: f64,
    rss: f64,
    lateness: Option<[f64; 3]>,
}

impl Cost {
    fn row(&self, hosts: usize, who: &str) -> String {
        let late = self
            .lateness
            .map_or("– | – | –".to_owned(), |[p50, p99, max]| format!("{p50:.1} | {p99:.1} | {max:.1}"));
        format!("| {hosts} | {who} | {:.0} | {:.1} | {:.1} | {late} |", self.checks, self.cpu, self.rss)
    }
}

fn address(index: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(index + 1).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 78, high, low)
}

/// Measures a process over the span, after it has settled; with its children.
fn measure(pid: u32, span: Duration) -> (f64, f64) {
    wait(Duration::from_secs(3));
    let (from, begun) = (cpu_seconds(pid), Instant::now());
    wait(span);
    let used = cpu_seconds(pid) - from;
    (used / begun.elapsed().as_secs_f64() * 100.0, resident(pid))
}

fn wait(span: Duration) {
    std::thread::park_timeout(span);
}

fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / CLOCK_TICKS
}

fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}

fn hotspare(hosts: usize, port: u16, span: Duration) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let mut file = String::from("name = \"bench\"\n");
    for index in 0..hosts {
        writeln!(
            file,
            "[hosts.h{index}]\naddress = \"{}\"\nchecks = [ {{ kind = \"ping\" }}, {{ kind = \"tcp\", port = {port} }}, \
             {{ kind = \"http\", url = \"http://{{address}}:{port}/\" }} ]",
            address(index)
        )
        .unwrap();
    }
    let fleet = folder.path().join("hotspare.toml");
    std::fs::write(&fleet, file).unwrap();
    let hotspare = env!("CARGO_BIN_EXE_hotspare");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(hotspare);
        command.arg("--fleet").arg(&fleet).arg("--state").arg(folder.path().join("state")).args(arguments);
        command
    };
    let log = std::fs::File::create(folder.path().join("engine.out")).unwrap();
    let mut engine =
        run(&["engine"]).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    wait_for(&folder.path().join("state/engine.sock"));
    let pace = || -> serde_json::Value {
        let status = run(&["engine", "status", "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&status.stdout).unwrap()["pace"].take()
    };
    let (started, begun) = (pace()["started"].as_f64().unwrap(), Instant::now());
    let (cpu, rss) = measure(engine.id(), span);
    let pace = pace();
    let checks = (pace["started"].as_f64().unwrap() - started) / begun.elapsed().as_secs_f64();
    let figure = |name: &str| pace[name].as_f64().unwrap() * 1000.0;
    let cost = Cost { checks, cpu, rss, lateness: Some([figure("late_p50"), figure("late_p99"), figure("late_max")]) };
    assert!(run(&["engine", "stop"]).stdout(Stdio::null()).status().unwrap().success());
    engine.wait().unwrap();
    cost
}

fn fping(hosts: usize, span: Duration) -> Cost {
    let mut fping = Command::new("fping")
        .args(["-q", "-l", "-p", "1000", "-t", "800", "-i", "0.1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("fping is missing: apt-get install fping");
    let mut targets = fping.stdin.take().unwrap();
    for index in 0..hosts {
        writeln!(targets, "{}", address(index)).unwrap();
    }
    drop(targets);
    let (cpu, rss) = measure(fping.id(), span);
    stop(&mut fping);
    Cost { checks: hosts as f64, cpu, rss, lateness: None }
}

/// The exporter probes when it is asked: a driver in this process asks for each host once a second, over kept
/// connections, as Prometheus does.
fn blackbox(hosts: usize, port: u16, span: Duration) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("blackbox.yml");
    std::fs::write(
        &config,
        "modules:\n  http_2xx:\n    prober: http\n    timeout: 800ms\n    http:\n      preferred_ip_protocol: ip4\n",
    )
    .unwrap();
    let own_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut exporter = Command::new("prometheus-blackbox-exporter")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{own_port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the exporter is missing: apt-get install prometheus-blackbox-exporter");
    while std::net::TcpStream::connect(("127.0.0.1", own_port)).is_err() {
        wait(Duration::from_millis(20));
    }
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counter = Arc::clone(&asked);
    let stop_driver = tokio_util::sync::CancellationToken::new();
    let stopped = stop_driver.clone();
    let driver = std::thread::spawn(move || {
        runtime.block_on(stopped.run_until_cancelled_owned(drive(hosts, port, own_port, counter)));
    });
    wait(Duration::from_secs(1));
    let (asked_from, begun) = (asked.load(std::sync::atomic::Ordering::Relaxed), Instant::now());
    let (cpu, rss) = measure(exporter.id(), span);
    let checks = (asked.load(std::sync::atomic::Ordering::Relaxed) - asked_from) as f64 / begun.elapsed().as_secs_f64();
    stop_driver.cancel();
    driver.join().unwrap();
    stop(&mut exporter);
    Cost { checks, cpu, rss, lateness: None }
}

async fn drive(hosts: usize, port: u16, exporter: u16, asked: Arc<std::sync::atomic::AtomicUsize>) {
    let lanes = hosts.min(50);
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..lanes {
        let asked = Arc::clone(&asked);
        tasks.spawn(async move {
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", exporter)).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let mut every = tokio::time::interval(Duration::from_secs(1));
            loop {
                every.tick().await;
                for index in (lane..hosts).step_by(lanes) {
                    let path = format!("/probe?module=http_2xx&target=http://{}:{port}/", address(index));
                    let request = hyper::Request::get(path).header("host", "localhost").body(Empty::new()).unwrap();
                    let answer = sender.send_request(request).await.unwrap();
                    let body = answer.into_body().collect().await.unwrap().to_bytes();
                    assert!(String::from_utf8_lossy(&body).contains("probe_success 1"));
                    asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        });
    }
    tasks.join_all().await;
}

fn stop(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} does not appear", path.display());
        wait(Duration::from_millis(20));
    }
}

/// One process that answers for every address: prints its port, and ends when its standard input does.
fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(|| {
        let _end = std::io::stdin().read(&mut [0; 1]);
        #[expect(clippy::exit, reason = "the bench that started this process is gone")]
        std::process::exit(0);
    });
    runtime.block_on(async {
        let listener = tokio::net::TcpSocket::new_v4().unwrap();
        listener.bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let listener = listener.listen(65_535).unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut request = [0; 4096];
                if matches!(stream.read(&mut request).await, Ok(read) if read > 0) {
                    let _gone = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n")
                        .await;
                }
            });
        }
    });
}
