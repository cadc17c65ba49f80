//! What is packaged is understood by those who read it: systemd, launchd, the shell; and what it starts exists.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::links::targets;
use crate::named;
use crate::pages::{docs, pages};

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

/// What the package holds: from where in this repository, and to where.
fn assets() -> Vec<(String, String)> {
    let root = docs().parent().unwrap().to_owned();
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    assert!(assets.len() > 8, "{assets:?}");
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    assets.iter().map(|asset| (text(&asset[0]), text(&asset[1]))).collect()
}

#[test]
fn what_is_packaged_is_there() {
    let root = docs().parent().unwrap().to_owned();
    for (source, _to) in assets() {
        // The program makes these of itself.
        if !source.starts_with("target/") && !source.contains('*') {
            assert!(root.join(&source).exists(), "{source}");
        }
    }
}

/// The pages lie in the package as they lie here, and so does all that they lead to.
#[test]
fn the_packaged_pages_have_no_dead_links() {
    let root = docs().parent().unwrap().canonicalize().unwrap();
    let packaged: Vec<(globset::GlobMatcher, String)> = assets()
        .into_iter()
        .filter_map(|(source, to)| {
            let to = to.strip_prefix("usr/share/doc/hotspare/")?.to_owned();
            let glob = globset::GlobBuilder::new(&source).literal_separator(true).build().unwrap();
            Some((glob.compile_matcher(), to))
        })
        .collect();
    let mut dead = Vec::new();
    for page in pages() {
        let folder = docs().join(&page.name).parent().unwrap().to_owned();
        for target in targets(&page.split().1).iter().filter(|target| !target.starts_with("https://")) {
            let file = target.split('#').next().unwrap();
            let path = if file.is_empty() { docs().join(&page.name) } else { folder.join(file) };
            let path = path.canonicalize().unwrap();
            let path = path.strip_prefix(&root).unwrap();
            // A file lies in the folder that it has here; a folder is there where something lies in it.
            let inside = |to: &str| std::path::Path::new(to) == path.parent().unwrap();
            let there = packaged.iter().any(|(glob, to)| {
                (glob.is_match(path) && inside(to)) || (root.join(path).is_dir() && std::path::Path::new(to) == path)
            });
            if !there {
                dead.push(format!("{}: {target}", page.name));
            }
        }
    }
    assert!(dead.is_empty(), "the package lacks what its pages lead to: {dead:#?}");
}
