//! The fleet file that `init` writes, with comments on what to do next.

use std::fmt::Write as _;

use super::{Answers, Dump, Host, Recordings};

/// The fleet file of the answers, with comments on what to do next.
pub(super) fn compose(answers: &Answers) -> String {
    let mut text = format!(
        "# A fleet of hotspare. `hotspare init --print` shows every table and key, `hotspare check` every error.\n\n\
         name = {}\n",
        quoted(&answers.name)
    );
    let mut add = |piece: std::fmt::Arguments<'_>| {
        // Writing into a text cannot fail.
        let _whole = text.write_fmt(piece);
    };
    for Host { name, address, ssh, port } in &answers.hosts {
        add(format_args!("\n[hosts.{}]\naddress = {}\n", key(name), quoted(address)));
        let by_user = answers.ssh_user.as_ref().map(|user| format!("{user}@{address}"));
        if let Some(ssh) = ssh.as_ref().or(by_user.as_ref()) {
            add(format_args!("ssh = {}\n", quoted(ssh)));
        }
        add(format_args!(
            "# service = \"10.77.0.100/24\"   # the address its clients use, if it moves in a takeover\n"
        ));
        match port {
            Some(port) => {
                add(format_args!("checks = [\n  {{ kind = \"ping\" }},\n  {{ kind = \"tcp\", port = {port} }},\n]\n"));
            }
            None => add(format_args!(
                "checks = [\n  {{ kind = \"command\", run = \"true\", vital = true }},   # through another machine\n]\n"
            )),
        }
    }
    if answers.hosts.is_empty() {
        add(format_args!("\n# [hosts.studio-1]\n# address = \"10.77.0.11\"\n"));
    }
    if !answers.spares.is_empty() {
        text.push_str(&pool(answers));
    }
    text.push_str(&data(answers));
    text
}

/// The pool of the spares. It only watches until somebody has read its runbook.
fn pool(answers: &Answers) -> String {
    let listed =
        |names: &mut dyn Iterator<Item = &String>| names.map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let protects =
        listed(&mut answers.hosts.iter().map(|host| &host.name).filter(|name| !answers.spares.contains(name)));
    let spares = listed(&mut answers.spares.iter());
    format!(
        "\n[pools.main]\n\
         protects = [{protects}]   # most important first\n\
         spares = [{spares}]\n\
         mode = \"observe\"   # journals what it would have done; `manual` and `auto` act\n\
         takeover = \"takeover\"\n\
         # To practise it, once its steps do something: those with `drill = false` are left out, what has an `undo` is undone.\n\
         # drill = \"takeover\"\n\
         \n\
         [runbooks.takeover]\n\
         steps = [\n  \
           # The fence. First the spare asks the wire: where the failed host's own address and its `service` are silent, that is\n  \
           # enough, and the step is left out. Else it is done, and the wire is asked again until its `timeout` is over. Behind\n  \
           # a router the wire cannot be asked. Your yes is your word; a command is only sent, and proves nothing before the\n  \
           # host is silent. Put a step here that switches it off by itself, and take the question out:\n  \
           # {{ name = \"fence\", kind = \"command\", on = \"failed\", run = \"sudo poweroff\", fence = true, drill = false }},\n  \
           {{ name = \"fence\", kind = \"ask\", text = \"Is {{failed.name}} switched off?\", fence = true, drill = false }},\n  \
           {{ name = \"start\", kind = \"ask\", text = \"Start the work of {{failed.name}} on {{spare.name}}, then confirm.\" }},\n\
         ]\n"
    )
}

/// The databases and the recordings.
fn data(answers: &Answers) -> String {
    let dump = answers.dump.as_ref().map(|Dump { user, to }| {
        format!(
            "\n[dumps.databases]\nserver = {}\n\
             # password_file = \"databases.pass\"   # its first line is the password; chmod 600\n\
             databases = []   # every one but the server's own\nto = {}\n",
            quoted(&format!("mysql://{user}@127.0.0.1:3306/")),
            quoted(to)
        )
    });
    let recordings = answers.recordings.as_ref().map(|Recordings { source, destination }| {
        let destination = destination.as_ref().map(|(path, mounted)| {
            let path = quoted(path);
            let mount = if *mounted { format!(", mount = {path}") } else { String::new() };
            format!("destinations = [{{ name = \"copies\", path = {path}{mount} }}]\n")
        });
        format!(
            "\n[sessions.recordings]\nsource = {}\nlayout = \"{{participant}}/{{date}}\"   # of a session below it\n{}",
            quoted(source),
            destination.unwrap_or_default()
        )
    });
    dump.unwrap_or_default() + &recordings.unwrap_or_default()
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A name as it stands in a header.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { name.to_owned() } else { quoted(name) }
}
