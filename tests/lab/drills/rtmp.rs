//! A camera that sends RTMP with ffmpeg to a real nginx: its plug is pulled, and the stream is published again on the spare.

use std::process::Stdio;

use crate::site::pool::PATIENCE;
use crate::site::{Lan, text, within};

fn nginx(folder: &str) -> String {
    format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\nuser root;\nworker_processes 1;\n\
         error_log {folder}/nginx.log;\npid {folder}/nginx.pid;\nevents {{ worker_connections 64; }}\n\
         rtmp {{ server {{ listen 1935; application live {{ live on; }} }} }}\n\
         http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; \
         fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; \
         server {{ listen 8080; location /stat {{ rtmp_stat all; }} }} }}\n"
    )
}

/// Publishes until it cannot, and then again, as a camera does.
const CAMERA: &str = "while :; do ffmpeg -loglevel error -re -f lavfi -i testsrc=size=160x120:rate=10 -c:v flv -g 10 \
    -rw_timeout 1000000 -f flv rtmp://ADDRESS/live/camera; sleep 0.1; done";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_stream_is_published_again_on_the_spare() {
    let mut lan = Lan::new(&["console", "a", "cedar", "camera"]).await;
    let service = lan.address(100);
    for name in ["a", "cedar"] {
        let folder = lan.path(name);
        std::fs::write(folder.join("nginx.conf"), nginx(text(&folder))).expect("written");
    }
    let conf = |name: &str| lan.path(name).join("nginx.conf").display().to_string();
    let (ours, theirs) = (conf("a"), conf("cedar"));
    let fleet = format!(
        r#"name = "cameras"
[hosts.a]
address = "{a}"
service = "{service}/24"
checks = [{{ kind = "ping" }}, {{ kind = "rtmp" }}]
[hosts.cedar]
address = "{cedar}"
checks = [{{ kind = "ping" }}]
[pools.cameras]
protects = ["a"]
spares = ["cedar"]
probe = "fast"
fence = "required"
anchors = ["{camera}"]
takeover = "take"
[runbooks.take]
steps = [
  {{ name = "fence", kind = "address", on = "failed", drop = "{{failed.service}}", device = "eth0", fence = true, timeout = "2s", on_error = "continue" }},
  {{ name = "take", kind = "address", on = "spare", take = "{{failed.service}}", device = "eth0" }},
  {{ name = "start", kind = "command", on = "spare", run = "nginx -c {theirs}", undo = "nginx -c {theirs} -s quit" }},
  {{ name = "serving", kind = "wait", check = {{ kind = "rtmp" }}, within = "10s" }},
]
"#,
        a = lan.machine("a").address,
        cedar = lan.machine("cedar").address,
        camera = lan.machine("camera").address,
    );
    std::fs::write(lan.path("fleet.toml"), fleet).expect("written");
    lan.machine("a").exec(&["ip", "addr", "add", &format!("{service}/24"), "dev", "eth0"]);
    let daemon = lan.machines.iter_mut().find(|machine| machine.name == "a").expect("a");
    daemon.start("nginx", &["-c", &ours, "-g", "daemon off;"]);
    let camera = lan.machines.iter_mut().find(|machine| machine.name == "camera").expect("a camera");
    camera.start("sh", &["-c", &CAMERA.replace("ADDRESS", &service.to_string())]);
    let publishes = |name: &str| {
        let url = format!("http://{}:8080/stat", lan.machine(name).address);
        let said = lan.machine("camera").command(&["curl", "-s", "-m", "1", &url]).output().expect("curl");
        String::from_utf8_lossy(&said.stdout).contains("<publishing/>")
    };
    within(PATIENCE, "the camera publishes (ffmpeg, libnginx-mod-rtmp: sh tests/install-deps)", || publishes("a"))
        .await;
    let mut engine = lan.hotspare(&["engine"]);
    drop(engine.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("an engine"));
    let spare = || lan.ask(&["pool", "list"]).1["pools"][0]["spares"][0]["state"].clone();
    within(PATIENCE, "the engine runs", || lan.tell(&["engine", "status"]).status.success()).await;
    within(PATIENCE, "the spare is ready", || spare() == "ready").await;
    let began = tokio::time::Instant::now();
    let cable = lan.machine("a");
    cable.exec(&["ip", "link", "set", "eth0", "down"]);
    within(PATIENCE, "the stream is published on the spare", || publishes("cedar")).await;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "a stream of ffmpeg by RTMP to nginx is published again on the spare {seconds:.2} s after the plug was pulled"
    );
    within(PATIENCE, "the spare stands in", || spare() == "active").await;
    assert_eq!(lan.owners("camera", service).len(), 1);
    let _gone = lan.tell(&["engine", "stop", "--force"]);
}
