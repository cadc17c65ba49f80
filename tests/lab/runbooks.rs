//! Runbooks on real hosts: commands, addresses, generations, lost connections, fences, a compose stack.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hotspare::clock::Clock;
use hotspare::fleet::pool::Fence;
use hotspare::fleet::runbook::{OnError, Place, Runbook, Step, StepKind};
use hotspare::reach::http::HttpClient;
use hotspare::reach::secret::Secrets;
use hotspare::reach::ssh::{SshOptions, SshPool};
use hotspare::runbook::cast::{Cast, Machine, Purpose};
use hotspare::runbook::dry::rehearse;
use hotspare::runbook::fence::Strength;
use hotspare::runbook::guard::Guard;
use hotspare::runbook::kind::address::{Holding, hold, repair};
use hotspare::runbook::kind::wire::{self, Heard};
use hotspare::runbook::plan::plan;
use hotspare::runbook::record::{Orders, RunRecord};
use hotspare::runbook::run::{Hand, Ledger, Note, Right, Way, execute};
use hotspare::runbook::tools::Tools;
use hotspare::runbook::view::{RunId, RunState, StepState};

use crate::farm::{Host, Ssh, processes, run, until};
use crate::lan::{Lan, mac};

/// Always held; keeps everything.
#[derive(Default)]
struct Book(Mutex<Vec<String>>);

impl Right for Book {
    fn may(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Ledger for Book {
    fn keep<'a>(&'a self, _: &'a RunRecord, note: Option<Note>) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            self.0.lock().expect("no panic").extend(note.map(|note| format!("{}: {}", note.what, note.why)));
            Ok(())
        })
    }
}

pub(crate) fn tools(ssh: SshPool) -> Tools {
    let clock = Clock::real();
    Tools {
        clock: clock.clone(),
        ssh,
        http: HttpClient::new(),
        secrets: Secrets::new(clock),
        ask: Arc::new(|_, _, _| Box::pin(async { Ok(()) })),
        vitals: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        witnesses: Vec::new(),
    }
}

/// One pool for several hosts: each has a key and a known host of its own.
fn together(hosts: &[(&Host, &Ssh)]) -> SshPool {
    let mut text = String::new();
    for (_, ssh) in hosts {
        let own = std::fs::read_to_string(&ssh.config).expect("its configuration");
        text.push_str(&own.replace("Host *", &format!("Host {}", ssh.destination)));
    }
    let config = hosts[0].0.folder.path().join("together");
    std::fs::write(&config, text).expect("written");
    let options = SshOptions { config: Some(config), connect_timeout: Duration::from_secs(3), ..SshOptions::default() };
    SshPool::new(options, Clock::real())
}

fn machine(name: &str, ssh: &Ssh, address: &str, service: Option<&str>) -> Machine {
    Machine {
        name: name.into(),
        address: address.into(),
        ssh: ssh.destination.clone(),
        service: service.map(str::to_owned),
    }
}

pub(crate) fn step(name: &str, on: Option<Place>, kind: StepKind) -> Step {
    Step {
        name: name.into(),
        kind,
        on,
        fence: false,
        timeout: Duration::from_secs(10),
        retries: 0,
        on_error: OnError::Stop,
        drill: true,
        cleanup: false,
        each: None,
        undo: None,
    }
}

fn command(name: &str, run: &str) -> Step {
    step(name, Some(Place::Spare), StepKind::Command { run: run.into() })
}

fn take() -> Step {
    let kind = StepKind::Address { take: Some("{failed.service}".into()), drop: None, device: "lan0".into() };
    step("take", Some(Place::Spare), kind)
}

pub(crate) fn record(steps: Vec<Step>, cast: &Cast, generation: u64, fence: Fence) -> RunRecord {
    let plan = plan(&Runbook::plain("r", steps), Purpose::Takeover, cast).expect("a plan");
    let orders =
        Orders { who: "ana".into(), why: "lab".into(), generation, fence, oath: None, before: Vec::new(), since: None };
    RunRecord::new(RunId(1), plan, orders, &Clock::real())
}

pub(crate) async fn go(tools: &Tools, record: RunRecord, way: Way) -> RunRecord {
    let book = Book::default();
    let (view, _watching) = tokio::sync::watch::channel(Arc::new(record.view.clone()));
    let (_wish, wishes) = tokio::sync::mpsc::channel(1);
    execute(record, way, tools, &tools.clock, &book, &book, Hand { view, wishes }).await
}

fn alone(ssh: &Ssh, token: &str) -> Cast {
    Cast {
        pool: Some("p".into()),
        spare: Some(machine("spare", ssh, &ssh.destination, None)),
        failed: Some(machine("failed", ssh, &ssh.destination, None)),
        token: token.into(),
        ..Cast::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_quoted_and_heard_and_are_undone() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let tools = tools(ssh.pool());
    let folder = host.folder.path().join("made");
    let mut cast = alone(&ssh, "1");
    cast.set = BTreeMap::from([("pool".to_owned(), "it's $(touch /tmp/hotspare-broke-out); here".to_owned())]);
    cast.hosts.insert("x".into(), cast.spare.clone().expect("one"));
    let mut make = command(
        "make",
        &format!(
            "mkdir {0}; echo \"first {{pool}}\"; echo second >&2; read -r x && exit 9; echo no input",
            folder.display()
        ),
    );
    make.undo = Some(format!("rmdir {}", folder.display()));
    let fail = command("fail", "echo some words; echo what is wrong >&2; exit 3");
    let ended = go(&tools, record(vec![make, fail], &cast, 1, Fence::None), Way::Begin).await;
    assert_eq!(ended.view.state, RunState::Failed);
    let mut heard = ended.view.steps[0].output.clone();
    heard.sort();
    assert_eq!(heard, ["first it's $(touch /tmp/hotspare-broke-out); here", "no input", "second"]);
    assert_eq!(ended.view.steps[1].note.as_deref(), Some("spare: exit status 3: what is wrong"));
    assert!(folder.exists() && !std::path::Path::new("/tmp/hotspare-broke-out").exists());
    let undone = go(&tools, ended, Way::Abandon).await;
    assert_eq!(undone.view.state, RunState::Undone, "{:?}", undone.view);
    assert!(!folder.exists());

    tools.ssh.shutdown().await;
}

/// What the console remembers of generations belongs to this machine: the test is done again in a process that has a folder
/// of its own for that.
#[tokio::test(flavor = "multi_thread")]
async fn commands_run_beside_the_engine_too() {
    if std::env::var_os("HOTSPARE_GUARD").is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut again = std::process::Command::new(std::env::current_exe().expect("this program"));
        again.args(["--exact", "runbooks::commands_run_beside_the_engine_too"]).env("HOTSPARE_GUARD", folder.path());
        let output = again.output().expect("this program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(folder.path().join("run.2.make").exists(), "nothing was noted there");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let there = folder.path().join("made");
    let tools = tools(SshPool::new(SshOptions::default(), Clock::real()));
    let mut make = command("make", &format!("mkdir {}", there.display()));
    make.undo = Some(format!("rmdir {}", there.display()));
    let mut fail = command("fail", "echo some words; echo what is wrong >&2; exit 3");
    (make.on, fail.on) = (Some(Place::Console), Some(Place::Console));
    let cast = Cast { pool: Some("p".into()), token: "2".into(), ..Cast::default() };
    let ended = go(&tools, record(vec![make, fail], &cast, 1, Fence::None), Way::Begin).await;
    assert_eq!(ended.view.steps[1].note.as_deref(), Some("console: exit status 3: what is wrong"));
    assert!(there.exists());
    let undone = go(&tools, ended, Way::Abandon).await;
    assert_eq!((undone.view.state, there.exists()), (RunState::Undone, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_generation_is_refused_by_the_host() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let tools = tools(ssh.pool());
    let mark = host.folder.path().join("mark");
    let steps = |generation: u64| vec![command("mark", &format!("echo {generation} >>{}", mark.display()))];
    let go_with = |generation: u64, token: &'static str| {
        let record = record(steps(generation), &alone(&ssh, token), generation, Fence::None);
        go(&tools, record, Way::Begin)
    };
    assert_eq!(go_with(8, "1").await.view.state, RunState::Done);
    let old = go_with(7, "2").await;
    assert_eq!((old.view.state, old.view.steps[0].state), (RunState::Failed, StepState::Refused));
    let why = old.view.steps[0].note.clone().expect("why");
    assert!(why.contains("spare: refused: this host has seen generation 8, and this step is of generation 7"), "{why}");
    assert_eq!(std::fs::read_to_string(&mark).expect("read"), "8\n");
    tools.ssh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_dies_in_mid_step_leaves_no_question_open() {
    let mut host = Host::new();
    let ssh = host.sshd().await;
    let tools = tools(ssh.pool());
    let count = host.folder.path().join("count");
    let begun = host.folder.path().join("begun");
    let slow = |token: &str| {
        let script = format!("touch {}; sleep 2; echo x >>{}", begun.display(), count.display());
        record(vec![command("slow", &script)], &alone(&ssh, token), 1, Fence::None)
    };
    let lines = || std::fs::read_to_string(&count).unwrap_or_default().lines().count();

    // The client dies: the host is asked over a new connection, and says how the step ended.
    let running = tokio::spawn({
        let (tools, record) = (tools.clone(), slow("1"));
        async move { go(&tools, record, Way::Begin).await }
    });
    until("the step has begun", || begun.exists()).await;
    for pid in processes(ssh.config.to_str().expect("plain")) {
        run("kill", &["-KILL", &pid.to_string()]);
    }
    let ended = running.await.expect("no panic");
    assert_eq!((ended.view.state, lines()), (RunState::Done, 1), "{:?}", ended.view);
    assert!(
        ended.view.steps[0]
            .note
            .as_ref()
            .is_some_and(|note| note.contains("the connection was lost, and it ended with 0"))
    );

    // The network dies: nobody can tell, until it is back.
    std::fs::remove_file(&begun).expect("removed");
    let running = tokio::spawn({
        let (tools, mut record) = (tools.clone(), slow("2"));
        record.plan.steps[0].timeout = Duration::from_secs(4);
        async move { go(&tools, record, Way::Begin).await }
    });
    until("the step has begun", || begun.exists()).await;
    host.exec(&["ip", "link", "set", "eth0", "down"]);
    let ended = running.await.expect("no panic");
    assert_eq!(
        (ended.view.state, ended.view.steps[0].state),
        (RunState::Unknown, StepState::Unknown),
        "{:?}",
        ended.view
    );
    host.exec(&["ip", "link", "set", "eth0", "up"]);
    until("it has ended on the host", || lines() == 2).await;
    let ended = go(&tools, ended, Way::Resume).await;
    assert_eq!(
        (ended.view.state, lines()),
        (RunState::Done, 2),
        "it was done, and is not done again: {:?}",
        ended.view
    );
    tools.ssh.shutdown().await;
}

/// Three hosts on one network: who has failed, its spare, and a client of theirs.
struct Site {
    lan: Lan,
    failed: Host,
    spare: Host,
    client: Host,
    cast: Cast,
    tools: Tools,
}

const SERVICE: &str = "10.77.0.100";

impl Site {
    async fn new(number: u32) -> Self {
        let (lan, mut failed, mut spare, mut client) = (Lan::new(number), Host::new(), Host::new(), Host::new());
        lan.join(&failed, "10.77.0.11/24");
        lan.join(&spare, "10.77.0.12/24");
        lan.join(&client, "10.77.0.13/24");
        failed.exec(&["ip", "addr", "add", &format!("{SERVICE}/24"), "dev", "lan0"]);
        spare.exec(&["ip", "addr", "add", "10.77.0.112/24", "dev", "lan0"]);
        let (of_failed, of_spare, of_client) = (failed.sshd().await, spare.sshd().await, client.sshd().await);
        let mut tools = tools(together(&[(&spare, &of_spare), (&failed, &of_failed), (&client, &of_client)]));
        tools.witnesses = vec![machine("client", &of_client, "10.77.0.13", None)];
        let cast = Cast {
            pool: Some("p".into()),
            failed: Some(machine("failed", &of_failed, "10.77.0.11", Some("10.77.0.100/24"))),
            spare: Some(machine("spare", &of_spare, "10.77.0.12", None)),
            token: "1".into(),
            ..Cast::default()
        };
        Self { lan, failed, spare, client, cast, tools }
    }

    fn addresses(host: &Host) -> Vec<String> {
        let shown = host.exec(&["ip", "-o", "-4", "addr", "show", "dev", "lan0"]);
        shown.lines().filter_map(|line| line.split_whitespace().nth(3).map(str::to_owned)).collect()
    }

    /// The client can be asked at once: an engine asks its witnesses all the time, over connections that stay warm.
    async fn warm(&self) {
        let asked = hotspare::reach::ssh::Remote::new("true", Duration::from_secs(10));
        self.tools.ssh.run(&self.tools.witnesses[0].ssh, &asked).await.expect("it answers");
    }

    /// Where the client believes the service to be.
    fn believed(&self) -> String {
        let neighbour = self.client.exec(&["ip", "neigh", "show", SERVICE, "dev", "lan0"]);
        neighbour.split_whitespace().skip_while(|word| *word != "lladdr").nth(1).unwrap_or_default().to_owned()
    }

    fn spare(&self) -> Machine {
        self.cast.spare.clone().expect("a spare")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_moves_and_nothing_else_does() {
    let site = Site::new(1).await;
    let before = Site::addresses(&site.spare);
    site.client.exec(&["ping", "-n", "-c", "1", "-W", "1", SERVICE]);
    assert_eq!(site.believed(), mac(&site.failed));

    // Alive: it answers, and its hardware address is named.
    let alive = go(&site.tools, record(vec![take()], &site.cast, 1, Fence::None), Way::Begin).await;
    assert_eq!((alive.view.state, alive.view.steps[0].state), (RunState::Failed, StepState::Refused));
    let why = alive.view.steps[0].note.clone().expect("why");
    let holder = mac(&site.failed).to_uppercase();
    assert!(why.contains(&format!("taken: {SERVICE} is answered by {holder}")), "{why}");
    assert_eq!(Site::addresses(&site.spare), before);

    site.lan.pull(&site.failed);
    site.warm().await;
    let taken = go(&site.tools, record(vec![take()], &site.cast, 1, Fence::None), Way::Begin).await;
    assert_eq!(taken.view.state, RunState::Done, "{:?}", taken.view);
    assert_eq!(site.believed(), mac(&site.spare), "the client was told");
    site.client.exec(&["ping", "-n", "-c", "1", "-W", "1", SERVICE]);
    let now = Site::addresses(&site.spare);
    assert_eq!(now.iter().filter(|address| !before.contains(address)).collect::<Vec<_>>(), [&format!("{SERVICE}/32")]);
    let names: Vec<&str> = taken.view.timeline.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["claim", "announce"]);
    println!(
        "claim {:.0} ms, announce and look {:.0} ms",
        taken.view.timeline[0].seconds * 1e3,
        taken.view.timeline[1].seconds * 1e3
    );
    let note = taken.view.steps[0].note.clone().expect("seen");
    assert!(note.contains(&format!("client sees {SERVICE} at {}", mac(&site.spare))), "{note}");

    // Who does not hear is said, and holds nothing up; whoever else answers does.
    let mut deaf = site.tools.clone();
    deaf.witnesses = vec![Machine { ssh: "192.0.2.77".into(), ..site.tools.witnesses[0].clone() }];
    let began = site.tools.clock.tick();
    let taken = go(&deaf, record(vec![take()], &site.cast, 1, Fence::None), Way::Begin).await;
    assert_eq!(taken.view.state, RunState::Done, "{:?}", taken.view);
    let note = taken.view.steps[0].note.clone().expect("a note");
    assert!(
        note.contains("client cannot tell") && site.tools.clock.tick().since(began) < Duration::from_secs(2),
        "{note}"
    );

    // Twice is once.
    let twice = go(&site.tools, record(vec![take()], &site.cast, 1, Fence::None), Way::Begin).await;
    assert_eq!((twice.view.state, Site::addresses(&site.spare)), (RunState::Done, now));

    // Held, vanished, repaired.
    let guard = Guard { scope: Some("p".into()), generation: 1, token: "1".into() };
    let (spare, patience) = (site.spare(), Duration::from_secs(5));
    let held = hold(&site.tools, &spare, "lan0", "10.77.0.100/24", &guard, patience).await;
    assert_eq!(held, Ok(Holding::Held));
    site.spare.exec(&["ip", "addr", "del", "10.77.0.100/32", "dev", "lan0"]);
    let held = hold(&site.tools, &spare, "lan0", "10.77.0.100/24", &guard, patience).await;
    assert_eq!(held, Ok(Holding::Vanished));
    repair(&site.tools, &spare, "lan0", "10.77.0.100/24", &guard, patience).await.expect("repaired");
    let old = Guard { generation: 0, ..guard };
    assert!(
        hold(&site.tools, &spare, "lan0", "10.77.0.100/24", &old, patience)
            .await
            .is_err_and(|why| why.contains("refused"))
    );

    let undone = go(&site.tools, twice, Way::Abandon).await;
    assert_eq!((undone.view.state, Site::addresses(&site.spare)), (RunState::Undone, before));
    site.tools.ssh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_first_address_of_a_subnet_keeps_the_others_and_two_owners_are_seen() {
    let site = Site::new(2).await;
    let drop_it = |address: &str| {
        let kind = StepKind::Address { take: None, drop: Some(address.into()), device: "lan0".into() };
        step("drop", Some(Place::Spare), kind)
    };
    // 10.77.0.112 hangs on 10.77.0.12, the first of the subnet, and would go with it.
    site.spare.exec(&[
        "sysctl",
        "-q",
        "-w",
        "net.ipv4.conf.all.promote_secondaries=0",
        "net.ipv4.conf.lan0.promote_secondaries=0",
    ]);
    let mut cast = site.cast.clone();
    cast.spare.as_mut().expect("a spare").address = "10.77.0.1".into();
    let ended = go(&site.tools, record(vec![drop_it("10.77.0.12/24")], &cast, 1, Fence::None), Way::Begin).await;
    assert_eq!((ended.view.state, Site::addresses(&site.spare)), (RunState::Done, vec!["10.77.0.112/24".to_owned()]));
    assert_eq!(site.spare.exec(&["sysctl", "-n", "net.ipv4.conf.lan0.promote_secondaries"]).trim(), "0");
    // The address by which it is managed stays.
    let ended = go(&site.tools, record(vec![drop_it("10.77.0.12/24")], &site.cast, 1, Fence::None), Way::Begin).await;
    assert_eq!(ended.view.steps[0].state, StepState::Refused);

    let client = site.tools.witnesses[0].clone();
    let asking = async |from: &Machine| {
        let (listen, patience) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut heard = wire::ask(&site.tools, from, &[SERVICE], listen, patience).await.expect("asked");
        heard.remove(SERVICE).expect("an answer")
    };
    assert_eq!(asking(&client).await, Heard::Answers(vec![mac(&site.failed)]));
    site.spare.exec(&["ip", "addr", "add", &format!("{SERVICE}/32"), "dev", "lan0"]);
    let mut both = [mac(&site.failed), mac(&site.spare)];
    both.sort();
    assert_eq!(asking(&client).await, Heard::Answers(both.into()));
    assert_eq!(asking(&site.spare()).await, Heard::Deaf("it is held there".into()));

    // Who holds it hears the other one, and a drop removes every length of it.
    let guard = Guard { scope: Some("p".into()), generation: 1, token: "1".into() };
    let held = hold(&site.tools, &site.spare(), "lan0", SERVICE, &guard, Duration::from_secs(5)).await;
    assert_eq!(held, Ok(Holding::Contested(mac(&site.failed))));
    site.spare.exec(&["ip", "addr", "add", &format!("{SERVICE}/24"), "dev", "lan0"]);
    let ended = go(&site.tools, record(vec![drop_it("10.77.0.100/24")], &cast, 1, Fence::None), Way::Begin).await;
    assert_eq!((ended.view.state, Site::addresses(&site.spare)), (RunState::Done, vec!["10.77.0.112/24".to_owned()]));
    site.tools.ssh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_took_an_address_beside_an_owner_that_was_not_heard_lets_go_of_it_at_once() {
    let site = Site::new(6).await;
    let before = Site::addresses(&site.spare);
    // The two do not hear each other, and the client hears both.
    site.lan.part(&site.failed, &site.spare);
    site.client.exec(&["ping", "-n", "-c", "1", "-W", "1", SERVICE]);
    // The witness has a warm connection, as one has in a pool that is watched.
    site.warm().await;
    let mut twice = take();
    twice.retries = 3;
    let taken = go(&site.tools, record(vec![twice], &site.cast, 1, Fence::None), Way::Begin).await;
    let seen = &taken.view.steps[0];
    assert_eq!((taken.view.state, seen.state), (RunState::Failed, StepState::Refused), "{:?}", taken.view);
    assert_eq!(seen.attempt, 1, "it is not taken again");
    assert_eq!(Site::addresses(&site.spare), before);
    let said = seen.note.clone().expect("words");
    println!("{said}");
    assert!(said.contains("two owners") && said.contains(&mac(&site.failed)), "{said}");
    assert!(said.contains("spare has let go of 10.77.0.100, and failed announced it"), "{said}");
    println!("the client believes {}, the owner is {}", site.believed(), mac(&site.failed));
    site.client.exec(&["ping", "-n", "-c", "1", "-W", "1", SERVICE]);
    assert_eq!(site.believed(), mac(&site.failed), "the client was told");
    site.tools.ssh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_is_the_silence_of_both_addresses() {
    let site = Site::new(3).await;
    let mut fence = step("fence", Some(Place::Failed), StepKind::Command { run: "true".into() });
    fence.fence = true;
    fence.timeout = Duration::from_secs(2);
    let steps = vec![fence, take()];

    // A dry run says what it found and changes nothing.
    let report = rehearse(record(steps.clone(), &site.cast, 1, Fence::Required), &site.tools).await;
    assert_eq!(report.refused, Vec::<String>::new());
    assert!(
        report.run.steps[0].note.as_ref().is_some_and(|note| note.contains("is answered by")),
        "{:?}",
        report.run.steps[0]
    );
    let report = rehearse(record(vec![take()], &site.cast, 1, Fence::Required), &site.tools).await;
    assert!(report.refused.iter().any(|why| why.contains("taken: 10.77.0.100 is answered by")), "{:?}", report.refused);
    assert!(report.refused.iter().any(|why| why.contains("the fence is missing")), "{:?}", report.refused);

    // The command says yes, and the machine is still there.
    let ended = go(&site.tools, record(steps.clone(), &site.cast, 1, Fence::Required), Way::Begin).await;
    assert_eq!(
        (ended.view.state, ended.memory[0].strength),
        (RunState::Failed, Some(Strength::Sent)),
        "{:?}",
        ended.view
    );
    assert_eq!(Site::addresses(&site.spare), ["10.77.0.12/24", "10.77.0.112/24"]);

    // Only its service address is gone: the management address gives it away.
    site.failed.exec(&["ip", "addr", "del", &format!("{SERVICE}/24"), "dev", "lan0"]);
    let ended = go(&site.tools, record(steps.clone(), &site.cast, 1, Fence::Required), Way::Begin).await;
    assert_eq!(ended.memory[0].strength, Some(Strength::Sent));
    assert!(ended.view.steps[0].note.as_ref().is_some_and(|note| note.contains("10.77.0.11 is answered by")));

    // Behind a router that lets no ping through it is silent, and alive.
    let way = ["10.77.0.11/32", "via", "10.77.0.13"];
    site.spare.exec(&[&["ip", "route", "add"], &way[..]].concat());
    let ended = go(&site.tools, record(steps.clone(), &site.cast, 1, Fence::Required), Way::Begin).await;
    assert_eq!(
        (ended.view.state, ended.memory[0].strength),
        (RunState::Failed, Some(Strength::Sent)),
        "{:?}",
        ended.view
    );
    let note = ended.view.steps[0].note.clone().unwrap_or_default();
    assert!(note.contains("10.77.0.11 is behind a router, where silence proves nothing"), "{note}");
    site.spare.exec(&[&["ip", "route", "del"], &way[..]].concat());

    // It goes down a moment after the command.
    let mut off = steps.clone();
    off[0].kind = StepKind::Command { run: "nohup sh -c 'sleep 1; ip link set lan0 down' >/dev/null 2>&1 &".into() };
    off[0].timeout = Duration::from_secs(5);
    let ended = go(&site.tools, record(off, &site.cast, 1, Fence::Required), Way::Begin).await;
    assert_eq!(
        (ended.view.state, ended.memory[0].strength),
        (RunState::Done, Some(Strength::Verified)),
        "{:?}",
        ended.view
    );

    // A spare whose own cable is pulled hears nothing, which proves nothing.
    site.lan.pull(&site.spare);
    let ended = go(&site.tools, record(steps, &site.cast, 2, Fence::Required), Way::Begin).await;
    assert_eq!(ended.memory[0].strength, Some(Strength::Sent), "{:?}", ended.view);
    site.tools.ssh.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_stack_comes_up_and_goes_down() {
    let mut host = Host::new();
    crate::docker::engine(&mut host).await;
    let ssh = host.sshd().await;
    let tools = tools(ssh.pool());
    let folder = host.folder.path().join("stack");
    std::fs::create_dir(&folder).expect("made");
    let compose = |command: &str| {
        format!(
            "version: '2.4'\nservices:\n  web:\n    image: lab\n    network_mode: none\n    security_opt: ['apparmor=unconfined']\n    \
             stop_grace_period: 1s\n    command: [/bin/sh, -c, '{command}']\n"
        )
    };
    let stack = |path: &std::path::Path| {
        let mut stack =
            step("stack", Some(Place::Spare), StepKind::Compose { folder: path.to_str().expect("plain").into() });
        stack.undo = Some("down".into());
        stack.timeout = Duration::from_secs(60);
        vec![stack]
    };
    let missing =
        go(&tools, record(stack(&host.folder.path().join("nowhere")), &alone(&ssh, "1"), 1, Fence::None), Way::Begin)
            .await;
    assert!(
        missing.view.steps[0].note.as_ref().is_some_and(|note| note.contains("there is no folder")),
        "{:?}",
        missing.view
    );
    let file = folder.join("docker-compose.yml");
    std::fs::write(&file, compose("exit 4")).expect("written");
    let dies = go(&tools, record(stack(&folder), &alone(&ssh, "2"), 1, Fence::None), Way::Begin).await;
    assert_eq!(dies.view.state, RunState::Failed, "{:?}", dies.view);
    std::fs::write(&file, compose("while :; do /bin/busybox sleep 1; done")).expect("written");
    let up = go(&tools, record(stack(&folder), &alone(&ssh, "3"), 1, Fence::None), Way::Begin).await;
    assert_eq!(up.view.state, RunState::Done, "{:?}", up.view);
    assert!(host.exec(&["docker", "ps", "--format", "{{.Names}}"]).contains("web"));
    let again = go(&tools, record(stack(&folder), &alone(&ssh, "4"), 1, Fence::None), Way::Begin).await;
    assert_eq!(again.view.steps[0].state, StepState::Skipped);
    let down = go(&tools, up, Way::Abandon).await;
    assert_eq!(down.view.state, RunState::Undone, "{:?}", down.view);
    assert_eq!(host.exec(&["docker", "ps", "-a", "-q"]).trim(), "");
    tools.ssh.shutdown().await;
}
