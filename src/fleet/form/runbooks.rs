//! Runbooks and their steps.

use super::machines::WAIT_CHECK;
use super::{DAY, Form, HOUR, HTTP, Key, Kind, MYSQL, Namespace, PASSWORD, Variant, default, optional, required};

pub(super) static RUNBOOK: Form = Form::new(
    "a runbook",
    "A named list of steps",
    &[&[
        optional(
            "each",
            Kind::Either(&[
                Kind::List(1, &Kind::Reference(Namespace::Hosts)),
                Kind::Word(&["hosts"]),
                Kind::Map(&Kind::Text),
            ]),
            "The steps are done for one host after the other: names of hosts, `\"hosts\"` for all, or `{ label = \"value\" }`.",
        ),
        default(
            "gate_within",
            Kind::Duration(1000, DAY),
            "\"2m\"",
            "With `each`: how long the hosts may take to pass their vital checks, before the first and after each.",
        ),
        optional(
            "gate_service",
            Kind::Reference(Namespace::Services),
            "With `each`: a service whose replicas must all be healthy too.",
        ),
        required("steps", Kind::List(1, &Kind::Table(&STEP)), "Steps, in order."),
    ]],
);

/// What every step takes.
const COMMON: &[Key] = &[
    required("kind", Kind::Word(STEP_KINDS), "What it does."),
    optional("name", Kind::Name, "Its name in this runbook; default: the kind, with a number from the second on."),
    default("fence", Kind::Bool, "false", "Is this the step that makes sure that the failed host is off?"),
    optional(
        "timeout",
        Kind::Duration(100, DAY),
        "How long it may take; default: `30s`, for wait its `within`, for ask `1h`, for scale a day: each of its changes ends in time.",
    ),
    default("retries", Kind::Count(0, 100), "0", "How often it is tried again."),
    default(
        "on_error",
        Kind::Word(&["stop", "continue", "undo"]),
        "\"stop\"",
        "What happens to the run when it fails.",
    ),
    default("drill", Kind::Bool, "true", "Does it run in a drill?"),
    default("cleanup", Kind::Bool, "false", "Must it be done before the run may end, also when that is abandoned?"),
];

/// The words of `kind`.
const STEP_KINDS: &[&str] = &["command", "address", "compose", "dns", "http", "mysql-promote", "wait", "ask", "scale"];

const ON: Key = required("on", Kind::Place, "Where it runs: `spare`, `failed`, `console`, `each` or a host.");

const STEPS: &[Variant] = &[
    Variant {
        word: "command",
        doc: "a shell command",
        keys: &[&[
            ON,
            required("run", Kind::Loose, "The command."),
            optional("undo", Kind::Loose, "The command that undoes it."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "address",
        doc: "takes or drops an address: asks the wire first, announces after",
        keys: &[&[
            ON,
            optional("take", Kind::Template(&Kind::Cidr), "Address to take, with prefix length."),
            optional("drop", Kind::Template(&Kind::Cidr), "Address to drop, with prefix length."),
            required("device", Kind::Text, "Network device, such as `eth0`."),
        ]],
        any_of: &["take", "drop"],
    },
    Variant {
        word: "compose",
        doc: "brings a compose stack up",
        keys: &[&[
            ON,
            required("folder", Kind::Loose, "Folder of the stack."),
            optional("undo", Kind::Word(&["down"]), "`down` brings the stack down again."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "dns",
        doc: "changes a DNS record by RFC 2136",
        keys: &[&[
            required("server", Kind::Server, "Name server; the port is 53 where none is written."),
            required("zone", Kind::Address, "Zone."),
            required("record", Kind::Template(&Kind::Text), "Name of the record in the zone."),
            required("address", Kind::Template(&Kind::Address), "New address."),
            default("ttl", Kind::Count(0, 604_800), "5", "Time to live of the record, in seconds."),
            optional("tsig", Kind::Table(&TSIG), "Key that signs the update."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "http",
        doc: "an HTTP request",
        keys: &[&[
            default("method", Kind::Word(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), "\"POST\"", "Method."),
            required("url", Kind::Template(&HTTP), "Url."),
            optional("json", Kind::Json, "Body, sent as JSON."),
            default("status", Kind::Count(100, 599), "200", "Status that is a success."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "mysql-promote",
        doc: "makes a replica writable",
        keys: &[&[required("url", Kind::Template(&MYSQL), "Server.")], PASSWORD],
        any_of: &[],
    },
    Variant {
        word: "wait",
        doc: "waits until a check passes",
        keys: &[&[
            required("check", Kind::Table(&WAIT_CHECK), "The check."),
            default("within", Kind::Duration(100, HOUR), "\"60s\"", "Longest wait."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "ask",
        doc: "asks the operator",
        keys: &[&[
            required("text", Kind::Loose, "What is asked."),
            optional("show", Kind::Loose, "A command whose output is shown with the question."),
            optional("on", Kind::Place, "Where `show` runs: `spare`, `failed`, `console`, `each` or a host."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "scale",
        doc: "scales a service, one by one",
        keys: &[&[
            ON,
            required("service", Kind::Text, "A name of `[services.*]`, or a docker service."),
            required("to", Kind::Count(0, 1000), "How many there shall be."),
            default("interval", Kind::Duration(0, HOUR), "\"30s\"", "Between two changes."),
            default(
                "within",
                Kind::Duration(1000, HOUR),
                "\"2m\"",
                "How long one replica may take to be running and healthy.",
            ),
        ]],
        any_of: &[],
    },
];

pub(super) static STEP: Form =
    Form { variants: STEPS, ..Form::new("a step", "One action with check, act, verify, undo", &[COMMON]) };

pub(super) static TSIG: Form = Form::new(
    "a tsig key",
    "Key for signed DNS updates",
    &[&[
        required("name", Kind::Text, "Name of the key."),
        required("secret_file", Kind::SecretFile, "File that holds the secret; only its owner may read it."),
    ]],
);
