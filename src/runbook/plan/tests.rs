use super::*;
use crate::fleet::check::CheckKind;
use crate::fleet::runbook::{Place, Step};

fn machine(name: &str, service: Option<&str>) -> Machine {
    Machine { name: name.into(), address: "192.0.2.1".into(), ssh: name.into(), service: service.map(str::to_owned) }
}

fn cast() -> Cast {
    Cast {
        pool: Some("p".into()),
        failed: Some(machine("f", Some("192.0.2.9/24"))),
        spare: Some(machine("s", None)),
        token: "7".into(),
        ..Cast::default()
    }
}

fn step(name: &str, on: Option<Place>, kind: StepKind) -> Step {
    Step {
        name: name.into(),
        kind,
        on,
        fence: false,
        timeout: Duration::from_secs(1),
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

fn runbook(steps: Vec<Step>) -> Runbook {
    Runbook::plain("r", steps)
}

#[test]
fn values_are_words_in_commands_and_plain_elsewhere() {
    let mut cast = cast();
    cast.set.insert("pool".into(), "a'b; rm -rf /".into());
    let http = StepKind::Http {
        method: "POST".into(),
        url: "http://{spare.address}/{spare.name}".into(),
        json: Some(serde_json::json!({"to": ["{pool}"], "n": 1})),
        status: 200,
    };
    let address = StepKind::Address { take: Some("{failed.service}".into()), drop: None, device: "eth0".into() };
    let steps =
        vec![command("a", "echo {pool} {token}"), step("b", None, http), step("c", Some(Place::Spare), address)];
    let plan = plan(&runbook(steps), Purpose::Takeover, &cast).expect("a plan");
    assert_eq!(plan.steps[0].does(), r"echo 'a'\''b; rm -rf /' '7'");
    assert_eq!(plan.steps[1].does(), r#"POST http://192.0.2.1/s {"n":1,"to":["a'b; rm -rf /"]}, expects 200"#);
    assert!(plan.steps[2].does().contains("ip addr replace 192.0.2.9/24 dev eth0"));
    assert_eq!(plan.steps[2].undoes().as_deref(), Some("ip addr del 192.0.2.9/24 dev eth0"));
    assert_eq!(plan.steps[0].on.as_ref().map(Spot::name), Some("s"));
}

#[test]
fn a_wait_names_whom_it_asks() {
    let wait = |url: &str| {
        let kind = CheckKind::Http { url: url.into(), status: 200, contains: None };
        let check = Check { name: "page".into(), kind, every: None, timeout: None, vital: None };
        let kind = StepKind::Wait { check: Box::new(check), check_on: None, within: Duration::from_secs(60) };
        let plan = plan(&runbook(vec![step("w", None, kind)]), Purpose::Takeover, &cast()).expect("a plan");
        plan.steps[0].does()
    };
    assert_eq!(wait("http://{address}:5000/"), "wait for page (http) of s, at most 60 s");
    let other = wait("http://ana@192.0.2.77:5000/x");
    assert_eq!(other, "wait for page (http) of http://192.0.2.77:5000/x, at most 60 s", "not the spare's");
    assert!(wait("http://{spare.address}/").contains("http://192.0.2.1/"));
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let alone = Cast { token: "7".into(), ..Cast::default() };
    let steps = vec![
        command("a", "echo {failed.name}"),
        step("b", Some(Place::Host("x".into())), StepKind::Ask { text: "{pool}?".into(), show: None }),
    ];
    let error = plan(&runbook(steps), Purpose::Alone, &alone).expect_err("too little");
    assert_eq!(error.reasons.len(), 4, "{error}");
    for part in
        ["step a: it runs on the spare", "--set failed.name=", "the fleet has no such host", "{pool} has no value"]
    {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn a_drill_leaves_out_what_has_no_part_in_it() {
    let mut steps = vec![command("a", "true"), command("b", "true")];
    steps[1].drill = false;
    assert_eq!(plan(&runbook(steps.clone()), Purpose::Drill, &cast()).expect("a plan").steps.len(), 1);
    assert_eq!(plan(&runbook(steps.clone()), Purpose::Takeover, &cast()).expect("a plan").steps.len(), 2);
    steps[0].drill = false;
    assert!(plan(&runbook(steps), Purpose::Drill, &cast()).is_err(), "a drill of nothing proves nothing");
}

#[test]
fn a_password_in_clear_is_not_kept_and_comes_back_from_the_fleet_file() {
    let url = DatabaseUrl {
        url: "mysql://ops@{spare.address}/".into(),
        password: SecretSource::Inline(Secret::new("hunter2")),
    };
    let check = Check {
        name: "db".into(),
        kind: CheckKind::Mysql { url: url.clone(), query: "SELECT 1".into() },
        every: None,
        timeout: None,
        vital: None,
    };
    let wait = StepKind::Wait { check: Box::new(check), check_on: None, within: Duration::from_secs(1) };
    let book = runbook(vec![step("a", None, StepKind::MysqlPromote { url }), step("b", None, wait)]);
    let plan = plan(&book, Purpose::Takeover, &cast()).expect("a plan");
    assert!(plan.steps.iter().all(|step| matches!(plan.password(step), Ok(SecretSource::Inline(_)))));
    let text = serde_json::to_string(&plan).expect("text");
    assert!(!text.contains("hunter2") && !format!("{plan:?}").contains("hunter2"));
    let mut back: Plan = serde_json::from_str(&text).expect("read back");
    assert!(back.password(&back.steps[0]).is_err_and(|why| why.contains("no longer there")));
    back.recall(&book);
    assert_eq!(back, plan);
}
