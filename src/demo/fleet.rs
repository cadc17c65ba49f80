//! Writes the demo's fleet file.

use std::fmt::Write as _;
use std::time::Duration;

use super::machine::{Addressing, Machine, Plan, ROLE, SSH_PORT};
use super::pace::Pace;
use super::script::UP_AFTER;
use super::server::Protocol;
use crate::reach::quote;

/// Between two vital checks, as a pool has it where nothing else is said.
const VITAL: Duration = Duration::from_millis(500);
/// …never sooner than this, however much the demo hurries: each is a connection.
const PROBE: Duration = Duration::from_millis(100);
/// Between two checks over ssh, as a check has it where nothing else is said.
const OVER_SSH: Duration = Duration::from_secs(5);
/// What starts a process is not done more often than this.
const PROCESS: Duration = Duration::from_secs(1);
/// After a takeover, and before a stand-in is taken away.
const COOLDOWN: Duration = Duration::from_secs(5);

/// How every fleet file of the demo begins: by it a file of somebody else is known.
pub const SIGNATURE: &str = "# Written by `hotspare demo`";

/// The fleet file over these machines. Without `ssh` it has no check that needs it.
pub fn file(machines: &[Machine], addressing: Addressing, ssh: bool, pace: Pace) -> String {
    let mut text = format!(
        "{SIGNATURE}: six machines on loopback addresses, with real servers on them.\n\
         # Change it while the demo runs: it is read again at once. The next demo in this folder writes it anew.\n\
         name = \"demo\"\n"
    );
    for machine in machines {
        // Writing into a String cannot fail.
        let _ok = write!(text, "\n{}", host(machine, addressing, ssh, pace));
    }
    text.push_str(&pools(machines, ssh, pace));
    text
}

fn host(machine: &Machine, addressing: Addressing, ssh: bool, pace: Pace) -> String {
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
        let every =
            if pace.hurried() { format!(", every = \"{}\"", pace.written(OVER_SSH, PROCESS)) } else { String::new() };
        checks.push(format!("{{ kind = \"disk\", path = \"/\", min_free = \"1%\"{every} }}"));
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
fn pools(machines: &[Machine], ssh: bool, pace: Pace) -> String {
    let Some(folder) = machines.first().and_then(|machine| machine.folder.parent()) else { return String::new() };
    let folder = quote::quote(&folder.display().to_string()).replace('\\', "\\\\").replace('"', "\\\"");
    let mode = if ssh { "auto" } else { "observe" };
    let (up_after, cooldown) = (pace.written(UP_AFTER, PROBE), pace.written(COOLDOWN, PROBE));
    let probe = if pace.hurried() {
        format!("probe    = {{ every = \"{}\" }}\n", pace.written(VITAL, PROBE))
    } else {
        String::new()
    };
    format!(
        r#"
[pools.people-count]
protects = ["studio-1", "studio-2"]
spares   = ["studio-spare"]
mode     = "{mode}"
{probe}up_after = "{up_after}"
cooldown = "{cooldown}"
dwell    = "{cooldown}"
fence    = "none"                     # machines of one computer cannot own an address twice
takeover = "people-count-takeover"
giveback = "people-count-giveback"
giveback_mode = "auto"
drill    = "people-count-drill"

[pools.cupola]
protects = ["cupola-1"]
spares   = ["cupola-2"]
mode     = "observe"
{probe}up_after = "{up_after}"
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
