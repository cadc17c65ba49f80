//! Feeds, dumps, stores of sessions, services, config backups.

use super::{
    DAY, Form, HOUR, HTTP, Kind, MINUTE, MYSQL, Namespace, PASSWORD, SECRET, TOKEN, default, optional, required,
};

pub(super) static FEED: Form = Form::new(
    "a feed",
    "Rows from SQLite to MySQL",
    &[&[
        required("from", Kind::Table(&FEED_FROM), "Where rows come from."),
        required("to", Kind::Table(&FEED_TO), "Where rows go."),
        required("tables", Kind::List(1, &Kind::Table(&FEED_TABLE)), "What is carried."),
        default(
            "zone",
            Kind::Zone,
            "\"local\"",
            "How times without a zone are read: `local`, `utc` or `Asia/Hong_Kong`.",
        ),
        default("every", Kind::Duration(50, DAY), "\"1s\"", "Between two rounds."),
        default("batch", Kind::Count(1, 1_000_000), "5000", "Rows in one batch."),
        default(
            "window",
            Kind::Duration(1, 31 * DAY),
            "\"1h\"",
            "Http sources only know times: this much is compared again each round, so that late rows are found.",
        ),
        default("max_lag", Kind::Duration(1, DAY), "\"30s\"", "Past it the feed is late and `lag` is notified."),
        optional("follow", Kind::Reference(Namespace::Pools), "Pool whose serving host is read."),
        optional(
            "lag_by",
            Kind::Text,
            "Column by whose values the lag is shown too, of every table that does not say.",
        ),
    ]],
);

pub(super) static FEED_FROM: Form = Form {
    any_of: &[&["sqlite", "http"]],
    one_of: &[&["sqlite", "http"]],
    needs: &[
        ("http", "host"),
        ("token", "http"),
        ("token_file", "http"),
        ("token_env", "http"),
        ("token_command", "http"),
        ("token_credential", "http"),
    ],
    ..Form::new(
        "the source of a feed",
        "Where a feed's rows come from",
        &[
            &[
                optional("sqlite", Kind::Text, "A SQLite file: on this machine, or on `host`."),
                optional(
                    "http",
                    Kind::Template(&HTTP),
                    "The HTTP interface of `host`; may hold `{address}` and `{name}`.",
                ),
                optional("host", Kind::Reference(Namespace::Hosts), "Host that has the file, or answers the url."),
            ],
            TOKEN,
        ],
    )
};

pub(super) static FEED_TO: Form = Form {
    any_of: &[&["mysql", "sqlite"]],
    one_of: &[&["mysql", "sqlite"]],
    needs: &[
        ("password", "mysql"),
        ("password_file", "mysql"),
        ("password_env", "mysql"),
        ("password_command", "mysql"),
        ("password_credential", "mysql"),
    ],
    ..Form::new(
        "the target of a feed",
        "Where a feed's rows go",
        &[
            &[
                optional("mysql", MYSQL, "A MySQL or MariaDB database."),
                optional("sqlite", Kind::Path, "A SQLite file on this machine."),
            ],
            PASSWORD,
        ],
    )
};

pub(super) static FEED_TABLE: Form = Form::new(
    "a table of a feed",
    "One table that is carried",
    &[&[
        required("name", Kind::Text, "Its name at the source."),
        required("key", Kind::List(1, &Kind::Text), "Columns that make a row the same row at both ends."),
        optional("cursor", Kind::Text, "A column that only grows with insertion; default: the rowid."),
        default(
            "columns",
            Kind::List(0, &Kind::Text),
            "[]",
            "Columns that are carried; empty: those that both ends have.",
        ),
        optional("into", Kind::Text, "Its name at the target; default: the same."),
        optional("changes", Kind::Text, "A column that tells of updates, which are then carried too."),
        optional("lag_by", Kind::Text, "Column by whose values the lag is shown too, such as the camera."),
    ]],
);

/// Urls of servers whose databases can be dumped.
const DUMPED: Kind = Kind::Url(&["mysql", "mongodb", "mongodb+srv"]);

pub(super) static DUMP: Form = Form::new(
    "a dump",
    "A scheduled MySQL or MongoDB backup on a removable medium",
    &[
        &[required("server", DUMPED, "Server.")],
        PASSWORD,
        &[
            default(
                "databases",
                Kind::List(0, &Kind::Either(&[Kind::Text, Kind::Table(&DUMP_QUERY)])),
                "[]",
                "Names, or queries that return names; empty: every database but the server's own. Of MongoDB only names.",
            ),
            default("every", Kind::Duration(1000, 7 * DAY), "\"1m\"", "Between two dumps."),
            required("to", Kind::Path, "The medium: a mount point, unless `mount = false`."),
            default("mount", Kind::Bool, "true", "Must `to` be a mount point?"),
            default("keep", Kind::Table(&KEEP), "{ last = 60, hourly = 48, daily = 30 }", "How many kits are kept."),
            default(
                "scratch",
                Kind::Either(&[Kind::WordOr(&["auto"], &MYSQL), Kind::Table(&SCRATCH)]),
                "\"auto\"",
                "Where drills restore: `auto` (a private throw-away server), or another server.",
            ),
        ],
    ],
);

pub(super) static DUMP_QUERY: Form = Form::new(
    "a query for databases",
    "Databases that a query returns",
    &[&[
        required("query", Kind::Text, "Its first column is the name of a database."),
        optional("label", Kind::Text, "A column whose text is shown beside the name."),
    ]],
);

const KITS: Kind = Kind::Count(0, 1_000_000);

pub(super) static KEEP: Form = Form::new(
    "what is kept",
    "How many kits are kept",
    &[&[
        default("last", Kind::Count(1, 1_000_000), "60", "The newest."),
        default("hourly", KITS, "48", "One an hour."),
        default("daily", KITS, "30", "One a day."),
    ]],
);

pub(super) static SCRATCH: Form =
    Form::new("a scratch server", "A server where drills restore", &[&[required("mysql", MYSQL, "Server.")], PASSWORD]);

pub(super) static STORE: Form = Form::new(
    "a store of sessions",
    "Where recording sessions are",
    &[&[
        required("source", Kind::Path, "Folder in which sessions are recorded."),
        required("layout", Kind::Layout, "Path of a session below `source`, with `{participant}` and `{date}`."),
        default("participants", Kind::List(0, &Kind::Text), "[]", "Prefixes of participants; empty: all."),
        default(
            "exclude",
            Kind::List(0, &Kind::Glob),
            "[\"*.tmp\", \"*.lock\"]",
            "Files that are not part of a session.",
        ),
        default("count", Kind::Glob, "\"*.mp4\"", "What the Videos column counts."),
        default(
            "settle",
            Kind::Duration(0, DAY),
            "\"2m\"",
            "A session whose files changed within this time is still being recorded.",
        ),
        default("destinations", Kind::List(0, &Kind::Table(&DESTINATION)), "[]", "Where copies go."),
        default("parallel", Kind::Count(0, 256), "0", "Files copied at once; 0: measured."),
        default("limit", Kind::Blank(&Kind::Rate), "\"\"", "Most bytes a second, such as `80MiB/s`; empty: no limit."),
        optional("imported", Kind::Table(&IMPORTED), "How it is known that a session was imported."),
    ]],
);

pub(super) static DESTINATION: Form = Form::new(
    "a destination",
    "Where copies of sessions go",
    &[
        &[
            required("name", Kind::Text, "Its name on screens."),
            optional("mount", Kind::Path, "Mount point that must be mounted; left out: a plain folder."),
            required(
                "path",
                Kind::Share,
                "Folder below which copies lie: on this machine, `ssh://user@host:port/folder`, or `s3://bucket/prefix`.",
            ),
            optional("layout", Kind::Layout, "Path of a session below `path`; default: the layout of the store."),
            optional("endpoint", HTTP, "Url of the object store; default: Amazon's in the region."),
            optional("region", Kind::Text, "Region of the object store; default: us-east-1."),
            optional("key_id", Kind::Text, "Name of the key that the object store knows us by."),
        ],
        SECRET,
    ],
);

pub(super) static IMPORTED: Form = Form {
    any_of: &[&["preset", "query"]],
    one_of: &[&["preset", "query"], &["preset", "queries"]],
    needs: &[
        ("preset", "mysql"),
        ("queries", "mysql"),
        ("password", "mysql"),
        ("password_file", "mysql"),
        ("password_env", "mysql"),
        ("password_command", "mysql"),
        ("password_credential", "mysql"),
    ],
    ..Form::new(
        "the imported flag",
        "How it is known that a session was imported",
        &[
            &[
                optional("preset", Kind::Word(&["datajoint"]), "`datajoint`: the tables of the DataJoint pipeline."),
                required("sqlite", Kind::Path, "The acquisition's SQLite file."),
                optional("query", Kind::Text, "Asked of `sqlite`; returns participant, date and imported."),
                optional("mysql", MYSQL, "The pipeline's server."),
                default(
                    "queries",
                    Kind::Map(&Kind::Text),
                    "{}",
                    "Asked of `mysql`; each must hold for a session to count as imported.",
                ),
            ],
            PASSWORD,
        ],
    )
};

pub(super) static SERVICE: Form = Form::new(
    "a service",
    "Something with pid files and logs on a host",
    &[&[
        required("host", Kind::Reference(Namespace::Hosts), "Host on which it runs."),
        default("pid_files", Kind::List(0, &Kind::Text), "[]", "Its pid files on that host."),
        optional(
            "logs",
            Kind::Either(&[Kind::List(1, &Kind::Text), Kind::Table(&DOCKER_LOGS)]),
            "Its log files on that host, or `{ docker = \"name\" }`.",
        ),
        optional(
            "docker",
            Kind::Text,
            "The docker service that `scale` changes; default: the name of its docker logs, else its own name.",
        ),
        optional(
            "quorum",
            Kind::Count(1, 1000),
            "How many of its replicas must live for it to serve; never fewer are left.",
        ),
        default("shrink_interval", Kind::Duration(0, HOUR), "\"25s\"", "Least time between two steps down."),
    ]],
);

pub(super) static DOCKER_LOGS: Form = Form::new(
    "docker logs",
    "Logs of a docker container or service",
    &[&[required("docker", Kind::Text, "Its container or service.")]],
);

pub(super) static CONFIG: Form = Form::new(
    "a config backup",
    "Configuration files of hosts, kept version by version",
    &[&[
        required(
            "hosts",
            Kind::Either(&[
                Kind::List(1, &Kind::Reference(Namespace::Hosts)),
                Kind::Word(&["all"]),
                Kind::Map(&Kind::Text),
            ]),
            "Names of hosts, `all`, or the labels that a host must have, such as `{ site = \"hall-a\" }`.",
        ),
        required(
            "files",
            Kind::List(1, &Kind::Text),
            "Paths on each host; may hold `*`, `?` and `[…]` as its shell knows them.",
        ),
        default("every", Kind::Duration(MINUTE, 31 * DAY), "\"24h\"", "Between two looks."),
    ]],
);
