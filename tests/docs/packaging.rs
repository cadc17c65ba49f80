//! What is packaged is understood by those who read it: systemd, launchd, the shell; and what it starts exists.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::named;
use crate::pages::docs;

fn packaging(name: &str) -> PathBuf {
    docs().join("packaging").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(packaging(name)).unwrap()
}

fn run(program: &str, arguments: &[&str], package: &str) -> Output {
    let missing = |error| panic!("{program} cannot be run ({error}): apt-get install {package}");
    Command::new(program).args(arguments).output().unwrap_or_else(missing)
}

#[test]
fn systemd_understands_the_units() {
    for (name, user) in [("hotspare.service", false), ("hotspare-user.service", true)] {
        let unit = read(name);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("hotspare.service");
        // A program that is there, wherever it was built.
        std::fs::write(&place, unit.replace("/usr/bin/hotspare", env!("CARGO_BIN_EXE_hotspare"))).unwrap();
        let scope = if user { "--user" } else { "--system" };
        let verified = run("systemd-analyze", &["verify", "--man=no", scope, place.to_str().unwrap()], "systemd");
        let said = String::from_utf8_lossy(&[verified.stdout, verified.stderr].concat()).into_owned();
        let of_ours: Vec<&str> = said.lines().filter(|line| line.contains("hotspare.service")).collect();
        assert!(of_ours.is_empty(), "{name}: {said}");
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
        assert_eq!(named::wrong(start), None, "{name}");
        assert!(unit.contains("NoNewPrivileges=yes") && unit.contains("UMask=0077"), "{name}");
    }
}

#[test]
fn the_system_service_may_do_little() {
    let unit = packaging("hotspare.service");
    let asked = run(
        "systemd-analyze",
        &["security", "--no-pager", "--offline=yes", "--threshold=25", unit.to_str().unwrap()],
        "systemd",
    );
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(asked.status.success(), "an exposure above 2.5: {said}");
    assert!(read("hotspare.service").contains("CapabilityBoundingSet=CAP_NET_RAW\n"));
}

#[test]
fn launchd_understands_the_agent() {
    let agent = packaging("dev.hotspare.engine.plist");
    let script = "import plistlib, sys, json; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let read = run("python3", &["-c", script, agent.to_str().unwrap()], "python3");
    let agent: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!((&agent["Label"], &agent["RunAtLoad"]), (&"dev.hotspare.engine".into(), &true.into()));
    assert_eq!(agent["ProgramArguments"][1], "engine");
}

#[test]
fn scripts_are_scripts() {
    for name in ["build-deb", "debian/postinst", "debian/prerm", "debian/postrm"] {
        let path = packaging(name);
        assert!(run("sh", &["-n", path.to_str().unwrap()], "dash").status.success(), "{name}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0o111, "{name}");
    }
}

/// What engines elsewhere have done on this machine is noted there, and is not the package's to take away or to own.
#[test]
fn the_guard_of_this_machine_is_left_alone() {
    for name in ["hotspare.service", "hotspare.sysusers", "debian/postinst", "debian/prerm", "debian/postrm"] {
        let text = read(name);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let touched: Vec<&str> =
            lines.filter(|line| line.replace("/var/lib/hotspare-engine", "").contains("/var/lib/hotspare")).collect();
        assert!(touched.is_empty() && !text.contains("StateDirectory=hotspare\n"), "{name}: {touched:?}");
    }
}

#[test]
fn what_is_packaged_is_there() {
    let root = docs().parent().unwrap().to_owned();
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    assert!(assets.len() > 8, "{assets:?}");
    for asset in assets {
        let source = asset[0].as_str().unwrap();
        // The program makes these of itself.
        if !source.starts_with("target/") && !source.contains('*') {
            assert!(root.join(source).exists(), "{source}");
        }
    }
}
