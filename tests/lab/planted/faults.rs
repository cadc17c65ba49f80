//! The faults.

use std::process::{Command, Stdio};

use super::Fault;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "no ssh client",
        // The engine itself needs nothing of the path.
        plant: |console| console.path = "/nowhere".into(),
        found: "ssh is needed for reaching hosts and not here",
        remedy: "apt-get install openssh-client",
    },
    Fault {
        name: "no client for dumps",
        plant: |console| {
            console.path = console.place.path().join("bin").display().to_string();
            console.program("sh", "#!/bin/sh\nexec /bin/sh \"$@\"\n");
        },
        found: "mariadb-dump or mysqldump is needed for dumps and not here",
        remedy: "apt-get install mariadb-client",
    },
    Fault {
        name: "a host key that nobody has looked at",
        plant: |console| std::fs::write(console.place.path().join("known_hosts"), "").expect("written"),
        found: "the ssh host key is not known yet",
        remedy: "compare the fingerprint: ssh",
    },
    Fault {
        name: "another machine behind the address",
        plant: |console| {
            let (known, other) = (console.place.path().join("known_hosts"), console.site.late.address);
            let keys = std::fs::read_to_string(&known).expect("keys").replace(&other.to_string(), "");
            let key = keys.split_whitespace().rev().take(3).collect::<Vec<_>>();
            // The key of the other host under the address of this one.
            let line = format!("{} {} {}\n", console.site.web.address, key[2], key[1]);
            std::fs::write(known, line).expect("written");
        },
        found: "the ssh host key has changed",
        remedy: "ssh-keygen -R",
    },
    Fault {
        name: "a key that is not let in",
        plant: |console| {
            let key = console.site.late.folder.path().join("user_key");
            let config = console.place.path().join("ssh_config");
            let all = std::fs::read_to_string(&config).expect("a configuration");
            let own = console.site.web.folder.path().join("user_key");
            std::fs::write(config, all.replace(&own.display().to_string(), &key.display().to_string()))
                .expect("written");
        },
        found: "ssh login refused",
        remedy: "ssh -o BatchMode=yes",
    },
    Fault {
        name: "a name that does not exist",
        plant: |console| console.swap("[hosts.web]\n", "[hosts.web]\nssh = \"nowhere.invalid\"\n"),
        found: "the name is not known",
        remedy: "check the address in the fleet file",
    },
    Fault {
        name: "no sshd at the port",
        plant: |console| {
            let to = format!("[hosts.web]\nssh = \"ssh://{}:2222\"\n", console.site.web.address);
            console.swap("[hosts.web]\n", &to);
        },
        found: "ssh connection refused",
        remedy: "is sshd running there",
    },
    Fault {
        name: "a clock that is behind",
        plant: |console| {
            let to = format!(
                "[hosts.late]\naddress = \"{}\"\n[services.x]\nhost = \"late\"\n[dumps.",
                console.site.late.address
            );
            console.swap("[dumps.", &to);
        },
        found: "s behind this machine's",
        remedy: "timedatectl set-ntp true",
    },
    Fault {
        name: "two hosts with one host key",
        plant: |console| {
            let web = console.site.web.address;
            let to = format!(
                "[hosts.twin]\naddress = \"{web}\"\nssh = \"root@{web}\"\n[services.x]\nhost = \"twin\"\n[dumps."
            );
            console.swap("[dumps.", &to);
        },
        found: "show the same ssh host key",
        remedy: "ssh-keygen -A",
    },
    Fault {
        name: "a service that does not listen",
        plant: |console| console.swap("port = 22", "port = 23"),
        found: "connection refused",
        remedy: "try it by hand: nc -vz ",
    },
    Fault {
        name: "a disk that is full",
        plant: |console| console.swap("min_free = \"1KiB\"", "min_free = \"100%\""),
        found: "% free, at least",
        remedy: "try it by hand: ssh",
    },
    Fault {
        name: "a password file that is not there",
        plant: |console| console.swap(&console.site.shown("password"), &console.site.shown("none")),
        found: "cannot be read: No such file",
        remedy: "check the path and its owner",
    },
    Fault {
        name: "a variable that is not set",
        plant: |console| {
            let from = format!("password_file = \"{}\"", console.site.shown("password"));
            console.swap(&from, "password_env = \"LAB_PASSWORD\"");
        },
        found: "environment variable LAB_PASSWORD is not set for the engine",
        remedy: "where the engine is started",
    },
    Fault {
        name: "a wrong password",
        plant: |console| {
            let from = format!("password_file = \"{}\"", console.site.shown("password"));
            console.swap(&from, "password_env = \"LAB_PASSWORD\"");
            console.environment.push(("LAB_PASSWORD", "wrong".into()));
        },
        found: "Access denied",
        remedy: "check user, password and from where the user may log in",
    },
    Fault {
        name: "no server of databases",
        plant: |console| console.swap(&format!("127.0.0.1:{}", console.site.server.port), "127.0.0.1:9"),
        found: "connection refused",
        remedy: "is the server running, and does it listen there?",
    },
    Fault {
        name: "a stick that is not plugged in",
        plant: |console| console.swap(&console.site.shown("usb"), &console.site.shown("plain")),
        found: "nothing is mounted there",
        remedy: "mount /",
    },
    Fault {
        name: "a folder of recordings that is not there",
        plant: |console| console.swap(&console.site.shown("data"), &console.site.shown("gone")),
        found: "No such file or directory",
        remedy: "ls -ld",
    },
    Fault {
        name: "a disk of the wrong kind behind a destination",
        plant: |console| {
            let other = console.place.path().join("other/.hotspare");
            std::fs::create_dir_all(&other).expect("a folder");
            std::fs::write(other.join("store.json"), "{").expect("written");
            let at = other.parent().expect("a folder").display().to_string();
            console.swap(&console.site.shown("nas"), &at);
        },
        found: "its marker .hotspare/store.json is none",
        remedy: "is the right disk mounted there?",
    },
    Fault {
        name: "an object store that does not run",
        plant: |console| {
            let more = "destinations = [{ name = \"cloud\", path = \"s3://recordings/x\", endpoint = \"http://127.0.0.1:9\", \
                        key_id = \"k\", secret_env = \"LAB_SECRET\" }, ";
            console.swap("destinations = [", more);
            console.environment.push(("LAB_SECRET", "s".into()));
        },
        found: "127.0.0.1:9",
        remedy: "does it run, and is `endpoint` right?",
    },
    Fault {
        name: "a configuration file that is not there",
        plant: |console| console.swap("/app.conf", "/app.cfg"),
        found: "app.cfg is not there",
        remedy: "correct the path, or wait until it is written",
    },
    Fault {
        name: "an etcd that does not run",
        plant: |console| {
            console.swap("[dumps.", "[lease]\nkind = \"etcd\"\nendpoints = [\"http://127.0.0.1:9\"]\n[dumps.");
        },
        found: "connection refused",
        remedy: "is etcd running there?",
    },
    Fault {
        name: "too few open files",
        plant: |console| console.before = "ulimit -n 100",
        found: "the engine may have 100, and this fleet needs",
        remedy: "LimitNOFILE=",
    },
    Fault {
        name: "a pid file that is not there",
        plant: |console| console.swap("/main.pid", "/mian.pid"),
        found: "mian.pid",
        remedy: "correct pid_files",
    },
    Fault {
        name: "a service that somebody has locked",
        plant: |console| {
            let other = console.place.path().join("main.pid").display().to_string();
            std::fs::write(&other, "1\n").expect("written");
            let mut flock = Command::new("flock");
            flock.args([&format!("{other}.lock"), "sh", "-c", "echo; exec sleep 60"]).stdout(Stdio::piped());
            let mut child = flock.spawn().expect("flock");
            let mut said = [0];
            std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut said).expect("it has the lock");
            console.children.push(child);
            console.swap(&console.site.shown("main.pid"), &other);
        },
        found: "is locked: nothing restarts its modules",
        remedy: "hotspare service release --force",
    },
    Fault {
        name: "a log that is a folder",
        plant: |console| console.swap(&console.site.shown("main.log"), &console.site.shown("data")),
        found: "is a folder",
        remedy: "name the files in it",
    },
];
