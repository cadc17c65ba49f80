//! The root of the file, and the settings of the program itself.

use super::data::{CONFIG, DUMP, FEED, SERVICE, STORE};
use super::machines::{HOST, POOL};
use super::runbooks::RUNBOOK;
use super::{Form, HTTP, Key, Kind, MINUTE, PASSWORD, SECOND, default, optional, required};

pub(super) static ROOT_KEYS: &[Key] = &[
    required("name", Kind::Name, "Name of the fleet: shown in the title bar, names the state folder."),
    optional("console", Kind::Table(&CONSOLE), "The full-screen console."),
    optional("engine", Kind::Table(&ENGINE), "The engine behind the console."),
    optional("lease", Kind::Table(&LEASE), "The right to act; only its holder takes automatic decisions."),
    optional("notify", Kind::List(0, &Kind::Table(&NOTIFY)), "Who is told of what; any number."),
    optional("hosts", Kind::Named(&HOST), "The machines, by name."),
    optional("pools", Kind::Named(&POOL), "Who stands in for whom, by name."),
    optional("runbooks", Kind::Named(&RUNBOOK), "What is done, by name."),
    optional("feeds", Kind::Named(&FEED), "Rows from SQLite to MySQL, by name."),
    optional("dumps", Kind::Named(&DUMP), "MySQL and MongoDB dumps on removable media, by name."),
    optional("sessions", Kind::Named(&STORE), "Stores of recording sessions, by name."),
    optional("services", Kind::Named(&SERVICE), "Services under maintenance, by name."),
    optional(
        "configs",
        Kind::Named(&CONFIG),
        "Configuration files of hosts that are kept version by version, by name.",
    ),
];

pub(super) static CONSOLE: Form = Form::new(
    "the console",
    "The full-screen console",
    &[&[
        default("theme", Kind::Name, "\"auto\"", "`auto`, a shipped theme, or a file of the user's themes folder."),
        default("keymap", Kind::Name, "\"default\"", "A shipped keymap, or a file of the user's keymaps folder."),
        default("ascii", Kind::Bool, "false", "Draw without Unicode symbols."),
    ]],
);

/// One unix group, or several.
const GROUPS: Kind = Kind::Either(&[Kind::Text, Kind::List(0, &Kind::Text)]);

pub(super) static ENGINE: Form = Form::new(
    "the engine",
    "The engine behind the console",
    &[&[
        default(
            "metrics",
            Kind::Blank(&Kind::Socket),
            "\"\"",
            "Address and port where Prometheus text is served, such as `127.0.0.1:9473`; empty: nowhere.",
        ),
        default(
            "linger",
            Kind::Word(&["auto", "always", "never"]),
            "\"auto\"",
            "Does the engine outlive the last console? `auto`: while it has something to look after.",
        ),
        default(
            "journal",
            Kind::Count(1_000, 100_000_000),
            "1000000",
            "How many entries the journal keeps; it lets go of older ones, and its chain tells that.",
        ),
        default("operators", GROUPS, "[]", "Unix groups, by name or number, whose members may do everything."),
        default("viewers", GROUPS, "[]", "Unix groups, by name or number, whose members may look and change nothing."),
    ]],
);

/// Where the key comes from with which engines sign what they keep in etcd.
const SIGNING_KEY: &[Key] = &[
    optional(
        "signing_key",
        Kind::Secret,
        "The signing key in clear; `hotspare check` warns. Prefer one of the others.",
    ),
    optional(
        "signing_key_file",
        Kind::SecretFile,
        "A file whose first line has the signing key, or several: the first signs, each is believed.",
    ),
    optional("signing_key_env", Kind::Variable, "An environment variable of the engine that holds the signing key."),
    optional(
        "signing_key_command",
        Kind::List(1, &Kind::Text),
        "A program that prints the signing key, with its arguments.",
    ),
    optional(
        "signing_key_credential",
        Kind::Name,
        "A credential that systemd hands the engine: LoadCredential= of its unit.",
    ),
    default("accept_unsigned", Kind::Bool, "false", "Take what nobody signed as well, while a key is introduced."),
];

pub(super) static LEASE: Form = Form {
    what: "the lease",
    doc: "The right to act; only its holder takes automatic decisions",
    keys: &[
        &[
            default(
                "kind",
                Kind::Word(&["embedded", "etcd"]),
                "\"embedded\"",
                "`embedded`: a lock in the state folder. `etcd`: an etcd lease, for several engines.",
            ),
            default("endpoints", Kind::List(0, &HTTP), "[]", "Urls of the etcd members."),
            default("prefix", Kind::Text, "\"/hotspare\"", "Prefix of every key in etcd."),
            default(
                "ttl",
                Kind::Duration(2 * SECOND, 5 * MINUTE),
                "\"10s\"",
                "How long the lease holds without being renewed.",
            ),
            optional("user", Kind::Text, "etcd user."),
        ],
        PASSWORD,
        &[
            optional("ca", Kind::Path, "Certificate authority for etcd's TLS."),
            optional("cert", Kind::Path, "Client certificate for etcd's TLS."),
            optional("key", Kind::Path, "Key of the client certificate."),
        ],
        SIGNING_KEY,
    ],
    variants: &[],
    any_of: &[],
    one_of: &[],
    needs: &[
        ("cert", "key"),
        ("key", "cert"),
        ("password", "user"),
        ("password_file", "user"),
        ("password_env", "user"),
        ("password_command", "user"),
        ("password_credential", "user"),
    ],
};

/// The events of `[[notify]]`, in the order of the documentation.
const EVENTS: &[&str] =
    &["takeover", "giveback", "host-down", "host-up", "lag", "dump-failed", "job-failed", "drill", "run-waits"];

/// Where the secret comes from that a webhook is signed with.
const SIGNATURE: &[Key] = &[
    optional(
        "secret",
        Kind::Secret,
        "The secret of the signature in clear; `hotspare check` warns. Prefer one of the others.",
    ),
    optional("secret_file", Kind::SecretFile, "A file whose first line is the secret; only its owner may read it."),
    optional("secret_env", Kind::Variable, "An environment variable of the engine that holds the secret."),
    optional("secret_command", Kind::List(1, &Kind::Text), "A program that prints the secret, with its arguments."),
    optional(
        "secret_credential",
        Kind::Name,
        "A credential that systemd hands the engine: LoadCredential= of its unit.",
    ),
];

pub(super) static NOTIFY: Form = Form {
    any_of: &[&["command", "webhook"]],
    needs: &[
        ("secret", "webhook"),
        ("secret_file", "webhook"),
        ("secret_env", "webhook"),
        ("secret_command", "webhook"),
        ("secret_credential", "webhook"),
    ],
    ..Form::new(
        "a notify",
        "Who is told of what",
        &[
            &[
                default(
                    "on",
                    Kind::List(1, &Kind::Word(EVENTS)),
                    "[\"takeover\", \"giveback\", \"host-down\", \"host-up\", \"lag\", \"dump-failed\", \"job-failed\", \"drill\", \"run-waits\"]",
                    "The events that are told.",
                ),
                default(
                    "command",
                    Kind::List(0, &Kind::Text),
                    "[]",
                    "A program with its arguments; it gets one JSON event on its standard input.",
                ),
                default("webhook", Kind::Blank(&HTTP), "\"\"", "A url that gets the same JSON by POST."),
            ],
            SIGNATURE,
        ],
    )
};
