//! The settings of the program itself.

use super::View;
use crate::fleet::settings::{
    ConsoleSettings, EngineSettings, Event, Groups, LeaseKind, LeaseSettings, Linger, Notify,
};

pub(super) fn console(file: &View<'_>) -> ConsoleSettings {
    file.table("console").map_or_else(ConsoleSettings::default, |console| ConsoleSettings {
        theme: console.text("theme"),
        keymap: console.text("keymap"),
        ascii: console.flag("ascii"),
    })
}

pub(super) fn engine(file: &View<'_>) -> EngineSettings {
    file.table("engine").map_or_else(EngineSettings::default, |engine| EngineSettings {
        metrics: engine.maybe_text("metrics").and_then(|text| text.parse().ok()),
        linger: match engine.text("linger").as_str() {
            "always" => Linger::Always,
            "never" => Linger::Never,
            _ => Linger::Auto,
        },
        journal: engine.count("journal"),
        groups: Groups { operators: engine.one_or_more("operators"), viewers: engine.one_or_more("viewers") },
    })
}

pub(super) fn lease(file: &View<'_>) -> LeaseSettings {
    file.table("lease").map_or_else(LeaseSettings::default, |lease| LeaseSettings {
        kind: if lease.text("kind") == "etcd" { LeaseKind::Etcd } else { LeaseKind::Embedded },
        endpoints: lease.texts("endpoints"),
        prefix: lease.text("prefix"),
        ttl: lease.duration("ttl"),
        user: lease.maybe_text("user"),
        password: lease.secret("password"),
        ca: lease.maybe_path("ca"),
        cert: lease.maybe_path("cert"),
        key: lease.maybe_path("key"),
        signing_key: lease.secret("signing_key"),
        accept_unsigned: lease.flag("accept_unsigned"),
    })
}

pub(super) fn notify(file: &View<'_>) -> Vec<Notify> {
    let read = |notify: View<'_>| {
        let words = notify.texts("on");
        Notify {
            on: Event::ALL.into_iter().filter(|event| words.iter().any(|word| word == event.word())).collect(),
            command: notify.texts("command"),
            webhook: notify.maybe_text("webhook"),
            secret: notify.secret("secret"),
        }
    };
    file.tables("notify").into_iter().map(read).collect()
}
