//! Hosts with their checks, and pools.

use super::{
    DAY, Form, HOUR, HTTP, Key, Kind, MINUTE, MYSQL, Namespace, PASSWORD, Variant, default, optional, required,
};

pub(super) static HOST: Form = Form::new(
    "a host",
    "A machine",
    &[&[
        required("address", Kind::Address, "Its own address or name, by which it is managed."),
        optional("ssh", Kind::Ssh, "Destination for the ssh client, such as `ops@10.77.0.11`; default: `address`."),
        optional(
            "service",
            Kind::Cidr,
            "The address its clients use, with prefix length; it moves with the role. Default: none moves.",
        ),
        default("labels", Kind::Map(&Kind::Text), "{}", "Free labels, for filters."),
        default("checks", Kind::List(1, &Kind::Table(&CHECK)), "[{ kind = \"ping\" }]", "How it is asked."),
    ]],
);

/// What every check takes.
const COMMON: &[Key] = &[
    required("kind", Kind::Word(CHECK_KINDS), "What is asked."),
    optional("name", Kind::Name, "Its name on this host; default: the kind, with a number from the second on."),
    optional("every", Kind::Duration(50, HOUR), "How often it runs; default: `1s`, `5s` over ssh."),
    optional("timeout", Kind::Duration(10, MINUTE), "How long one run may take; default: `800ms`, `4s` over ssh."),
    optional("vital", Kind::Bool, "Does it decide between up and down? Default: true for ping, tcp and http."),
];

/// The words of `kind`.
const CHECK_KINDS: &[&str] = &[
    "ping",
    "tcp",
    "http",
    "rtmp",
    "rtsp",
    "mysql",
    "mysql-replica",
    "mongo-replica",
    "etcd",
    "members",
    "command",
    "docker",
    "disk",
];

const PORT: Kind = Kind::Count(1, 65535);
const STATUS: Kind = Kind::Count(100, 599);
const MAX_LAG: Key = default("max_lag", Kind::Duration(1, DAY), "\"30s\"", "The largest lag that passes.");
const MARGIN: Key = default(
    "margin",
    Kind::Count(0, 1000),
    "1",
    "So many more members must be able to fail; as far as the whole cluster could bear it.",
);

const CHECKS: &[Variant] = &[
    Variant { word: "ping", doc: "ICMP echo", keys: &[], any_of: &[] },
    Variant {
        word: "tcp",
        doc: "a TCP connection is accepted",
        keys: &[&[required("port", PORT, "Port.")]],
        any_of: &[],
    },
    Variant {
        word: "http",
        doc: "an HTTP answer",
        keys: &[&[
            required("url", Kind::Template(&HTTP), "Url; may hold `{address}` and `{name}`."),
            default("status", STATUS, "200", "Status that passes."),
            optional("contains", Kind::Loose, "Text that the body must hold."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "rtmp",
        doc: "a real RTMP handshake",
        keys: &[&[default("port", PORT, "1935", "Port.")]],
        any_of: &[],
    },
    Variant {
        word: "rtsp",
        doc: "RTSP OPTIONS answered",
        keys: &[&[default("port", PORT, "554", "Port.")]],
        any_of: &[],
    },
    Variant {
        word: "mysql",
        doc: "a query to a MySQL or MariaDB server",
        keys: &[
            &[
                required("url", Kind::Template(&MYSQL), "Server."),
                default("query", Kind::Loose, "\"SELECT 1\"", "Query that must return without an error."),
            ],
            PASSWORD,
        ],
        any_of: &[],
    },
    Variant {
        word: "mysql-replica",
        doc: "replication of a MySQL or MariaDB server",
        keys: &[&[required("url", Kind::Template(&MYSQL), "Server."), MAX_LAG], PASSWORD],
        any_of: &[],
    },
    Variant {
        word: "mongo-replica",
        doc: "membership and lag in a MongoDB replica set, asked through mongosh or mongo",
        keys: &[
            &[
                required("url", Kind::Template(&Kind::Url(&["mongodb", "mongodb+srv"])), "Server."),
                MAX_LAG,
                MARGIN,
                default(
                    "client",
                    Kind::Word(&["console", "host"]),
                    "\"console\"",
                    "Where mongosh runs: beside the engine, or on the host over ssh.",
                ),
            ],
            PASSWORD,
        ],
        any_of: &[],
    },
    Variant {
        word: "etcd",
        doc: "the members of an etcd cluster and their leader, asked of the member on this host and then of each",
        keys: &[&[
            default("url", Kind::Template(&HTTP), "\"http://{address}:2379\"", "Client url of this host's member."),
            default("api", Kind::Word(&["v3", "v2"]), "\"v3\"", "Which of etcd's APIs is asked."),
            MARGIN,
        ]],
        any_of: &[],
    },
    Variant {
        word: "members",
        doc: "a list of members that a service tells over HTTP, as JSON",
        keys: &[&[
            required("url", Kind::Template(&HTTP), "Url of the list."),
            default("member_name", Kind::Text, "\"hostname\"", "Key of a member's name."),
            default(
                "member_seen",
                Kind::Text,
                "\"report_time\"",
                "Key of the time at which a member was last heard of; one without it counts because it is listed.",
            ),
            default("zone", Kind::Zone, "\"local\"", "How such times without a zone are read."),
            default("max_age", Kind::Duration(1, DAY), "\"40s\"", "Who was last heard of longer ago does not count."),
            default("members", Kind::Count(0, 1000), "0", "How many there should be; 0: those that are listed."),
            default(
                "needed",
                Kind::Count(0, 1000),
                "0",
                "How many must be there for the cluster to work; 0: a majority.",
            ),
            MARGIN,
        ]],
        any_of: &[],
    },
    Variant {
        word: "command",
        doc: "a command over ssh; passes with exit 0",
        keys: &[&[
            required("run", Kind::Loose, "Shell command."),
            optional("contains", Kind::Loose, "Text that the output must hold."),
        ]],
        any_of: &[],
    },
    Variant {
        word: "docker",
        doc: "containers that must be running, and healthy where they say, over ssh",
        keys: &[&[required("containers", Kind::List(1, &Kind::Text), "Their names.")]],
        any_of: &[],
    },
    Variant {
        word: "disk",
        doc: "free space, over ssh",
        keys: &[&[
            required("path", Kind::Text, "A path on the disk."),
            default("min_free", Kind::Room, "\"10%\"", "The least that must be free: a share or a size."),
        ]],
        any_of: &[],
    },
];

pub(super) static CHECK: Form =
    Form { variants: CHECKS, ..Form::new("a check", "One way of asking a host", &[COMMON]) };

/// The check of a `wait` step.
pub(super) static WAIT_CHECK: Form = Form {
    variants: CHECKS,
    ..Form::new(
        "the check of a wait step",
        "What is waited for",
        &[
            COMMON,
            &[default(
                "on",
                Kind::Place,
                "\"spare\"",
                "The host that is asked, or where it runs: `spare`, `failed`, `console`, `each` or a host.",
            )],
        ],
    )
};

pub(super) static POOL: Form = Form::new(
    "a pool",
    "Hosts that share spares",
    &[&[
        required("protects", Kind::List(1, &HOSTS), "Protected hosts, most important first."),
        required("spares", Kind::List(1, &HOSTS), "Hosts that may stand in."),
        default(
            "mode",
            Kind::Word(&["auto", "manual", "observe"]),
            "\"auto\"",
            "Who decides; `observe` journals what it would have done.",
        ),
        default(
            "probe",
            Kind::Either(&[Kind::Word(&["normal", "fast"]), Kind::Table(&PACE)]),
            "\"normal\"",
            "Pace of the vital checks: `normal` is 5 × 500 ms, `fast` 5 × 200 ms, or `{ every, failures }`.",
        ),
        default(
            "down_after",
            Kind::Blank(&Kind::Duration(100, HOUR)),
            "\"\"",
            "Instead of counting: vital checks failing this long, without one success, before `down`.",
        ),
        default("up_after", Kind::Duration(0, DAY), "\"60s\"", "Passing this long before `up` again."),
        default("escalate", Kind::Bool, "true", "Take a spare from a less important host."),
        default(
            "giveback_mode",
            Kind::Word(&["manual", "auto"]),
            "\"manual\"",
            "What happens when the protected host is back.",
        ),
        default("cooldown", Kind::Duration(0, DAY), "\"5m\"", "No second automatic takeover before this."),
        optional(
            "witnesses",
            Kind::List(0, &HOSTS),
            "Hosts asked over ssh whether they reach a failed host; default: the spares.",
        ),
        default(
            "anchors",
            Kind::List(0, &Kind::Address),
            "[]",
            "Addresses that prove that the console itself is connected; none answers: never act.",
        ),
        default(
            "fence",
            Kind::Word(&["required", "best-effort", "none"]),
            "\"required\"",
            "Must the fence step of a takeover succeed?",
        ),
        default(
            "brake",
            Kind::Count(0, 100_000),
            "0",
            "So many hosts of the fleet failing within 60 s stop automation until it is armed again; 0: never.",
        ),
        default("dwell", Kind::Duration(0, DAY), "\"60s\"", "Least time a stand-in serves before escalation."),
        default(
            "target",
            Kind::Duration(1, DAY),
            "\"3m\"",
            "Promised time to service; drills are measured against it.",
        ),
        required("takeover", RUNBOOK, "Runbook of a takeover."),
        optional("giveback", RUNBOOK, "Runbook of a giveback."),
        optional("drill", RUNBOOK, "Runbook of a drill."),
        default(
            "drill_every",
            Kind::Blank(&Kind::Duration(MINUTE, 365 * DAY)),
            "\"\"",
            "A drill begins by itself when the last one is so long ago and all is well; empty: by hand.",
        ),
        optional("card", Kind::Path, "Where the recovery card is written besides the state folder."),
        default(
            "drift",
            Kind::List(0, &Kind::Table(&DRIFT)),
            "[]",
            "Commands that must print the same on a spare and on the hosts it protects.",
        ),
    ]],
);

const HOSTS: Kind = Kind::Reference(Namespace::Hosts);
const RUNBOOK: Kind = Kind::Reference(Namespace::Runbooks);

pub(super) static PACE: Form = Form::new(
    "a pace",
    "How fast vital checks run",
    &[&[
        default("every", Kind::Duration(50, MINUTE), "\"500ms\"", "Between two runs of one check."),
        default("failures", Kind::Count(1, 1000), "5", "Failures in a row of every vital check."),
    ]],
);

pub(super) static DRIFT: Form = Form::new(
    "a drift command",
    "A command that must print the same on a spare and on the hosts it protects",
    &[&[required("run", Kind::Text, "Shell command.")]],
);
