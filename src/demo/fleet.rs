//! Writes the demo's fleet file.

use std::fmt::Write as _;

use super::machine::{Addressing, Machine, Plan, ROLE, SSH_PORT};
use super::server::Protocol;
use crate::reach::quote;

/// How every fleet file of the demo begins: by it a file of somebody else is known.
pub const SIGNATURE: &str = "# Written by `hotspare demo`";

/// The fleet file over these machines. Without `ssh` it has no check that needs it.
pub fn file(machines: &[Machine], addressing: Addressing, ssh: bool) -> String {
    let mut text = format!(
        "{SIGNATURE}: six machines on loopback addresses, with real servers on them.\n\
         # Change it while the demo runs: it is read again at once. The next demo in this folder writes it anew.\n\
         name = \"demo\"\n"
    );
    for machine in machines {
        // Writing into a String cannot fail.
        let _ok = write!(text, "\n{}", host(machine, addressing, ssh));
    }
    text.push_str(&pools(machines, ssh));
    text
}

fn host(machine: &Machine, addressing: Addressing, ssh: bool) -> String {
    let plan: &Plan = machine.plan;
    let address = addressing.address(plan);
    let mut checks: Vec<String> = plan
        .listens
        .iter()
        .map(|listens| {
            let port = addressing.port(plan, listens.port);
            match listens.protocol {
                Protocol::Tcp => format!("{{ kind = \"tcp\", port = {port} }}"),
                Protocol::Http(service) => {
                    format!("{{ kind = \"http\", url = \"http://{{address}}:{port}/\", contains = \"{service}\" }}")
                }
                Protocol::Rtmp => format!("{{ kind = \"rtmp\", port = {port} }}"),
                Protocol::Rtsp => format!("{{ kind = \"rtsp\", port = {port} }}"),
            }
        })
        .collect();
    let mut destination = String::new();
    if ssh {
        let port = addressing.port(plan, SSH_PORT);
        destination = format!("ssh     = \"ssh://{address}:{port}\"\n");
        checks.push("{ kind = \"disk\", path = \"/\", min_free = \"1%\" }".into());
        if plan.name == "nas" {
            let raid = machine.folder.join("raid").display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
            checks.push(format!(
                "{{ name = \"raid\", kind = \"command\", run = \"cat '{raid}'\", contains = \"clean\", every = \"1s\" }}"
            ));
        }
    }
    format!(
        "[hosts.{}]\naddress = \"{address}\"\n{destination}labels  = {{ site = \"{}\" }}\nchecks  = [\n  {},\n]\n",
        plan.name,
        plan.site,
        checks.join(",\n  ")
    )
}

/// The pools. A takeover really commands the spare over ssh, and a page really tells whose work it does; where there is no
/// ssh, it is only observed what would be done.
fn pools(machines: &[Machine], ssh: bool) -> String {
    let Some(folder) = machines.first().and_then(|machine| machine.folder.parent()) else { return String::new() };
    let folder = quote::quote(&folder.display().to_string()).replace('\\', "\\\\").replace('"', "\\\"");
    let mode = if ssh { "auto" } else { "observe" };
    format!(
        r#"
[pools.people-count]
protects = ["studio-1", "studio-2"]
spares   = ["studio-spare"]
mode     = "{mode}"
up_after = "4s"
cooldown = "5s"
dwell    = "5s"
fence    = "none"                     # machines of one computer cannot own an address twice
takeover = "people-count-takeover"
giveback = "people-count-giveback"
giveback_mode = "auto"
drill    = "people-count-drill"

[pools.cupola]
protects = ["cupola-1"]
spares   = ["cupola-2"]
mode     = "observe"
up_after = "4s"
fence    = "none"
takeover = "cupola-takeover"

[runbooks.people-count-takeover]
steps = [
  {{ name = "start",   kind = "command", on = "spare", run = "echo {{failed.name}} > {folder}/{{spare.name}}/{ROLE}", undo = "rm {folder}/{{spare.name}}/{ROLE}" }},
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/", contains = "for {{failed.name}}" }}, within = "10s" }},
]

[runbooks.people-count-giveback]
steps = [
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{failed.address}}:5000/" }}, within = "10s" }},
  {{ name = "stop",    kind = "command", on = "spare", run = "rm {folder}/{{spare.name}}/{ROLE}" }},
]

[runbooks.people-count-drill]
steps = [
  {{ name = "page", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:5000/" }}, within = "10s" }},
]

[runbooks.cupola-takeover]
steps = [
  {{ name = "serving", kind = "wait", check = {{ kind = "http", url = "http://{{spare.address}}:8080/" }}, within = "10s" }},
]
"#
    )
}
