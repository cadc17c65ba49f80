//! Services that are not there: held here, held by a stranger, and free.

use std::sync::Arc;

use hotspare::clock::Timestamp;
use hotspare::engine::snapshot::Snapshot;
use hotspare::service::view::{HoldState, HoldView, HolderView, LockView, Mark, ModuleState, ModuleView, ServiceView};

use super::{FakeClient, ago, harbour};

fn module(name: &str, pid: Option<u32>, state: ModuleState, command: &str, lock: LockView) -> ModuleView {
    let pid_file = format!("KV2/judicator/data/{name}.pid");
    ModuleView { name: name.into(), pid_file, pid, state, command: command.into(), lock }
}

fn holder(pid: u32, command: &str, mark: Option<Mark>, now: Timestamp) -> LockView {
    let by = HolderView {
        pid,
        user: "ops".into(),
        command: command.into(),
        began: Some(ago(now, 7200)),
        mark,
        proven: true,
    };
    LockView::Held { by: Box::new(by) }
}

fn service(name: &str, host: &str, modules: Vec<ModuleView>, now: Timestamp) -> ServiceView {
    let looked = Some(ago(now, 12));
    ServiceView { name: name.into(), host: host.into(), hold: None, modules, looked, trouble: None }
}

/// A scene: `free`: nobody holds anything; `held`: one is held here, another by a stranger, a third cannot be asked.
pub fn scene(name: &str, now: Timestamp) -> Snapshot {
    let held = name == "held";
    let (why, owner) = ("new disk in slot 3".to_owned(), "ana (command line)".to_owned());
    let (since, until) = (ago(now, 540), ago(now, -3060));
    let mark =
        Mark { service: "judicator".into(), by: owner.clone(), why: why.clone(), since, until, token: "7f".into() };
    let ours = || if held { holder(9131, "sh -c …", Some(mark.clone()), now) } else { LockView::Free };
    let mut judicator = service(
        "judicator",
        "cupola-1",
        vec![
            module("main", Some(4121), ModuleState::Running, "python3 main.py --config config/main.json", ours()),
            module("mongodb", Some(4098), ModuleState::Running, "mongod --port 3000 --replSet judicator", ours()),
            module("etcd", Some(4077), ModuleState::Dead, "", ours()),
        ],
        now,
    );
    if held {
        judicator.hold = Some(HoldView { generation: 9, state: HoldState::Held, owner, why, since, until });
    }
    let stranger = if held { holder(2201, "python3 maintain.py data/main.pid", None, now) } else { LockView::Free };
    let gateway = service(
        "gateway",
        "cupola-2",
        vec![module("main", Some(611), ModuleState::Recycled, "nginx: worker process", stranger)],
        now,
    );
    let mut executor =
        service("executor", "studio-1", vec![module("main", None, ModuleState::Unknown, "", LockView::Unknown)], now);
    if held {
        executor.looked = None;
        executor.trouble = Some("studio-1 cannot be asked: no ssh connection in 5 s; ssh ops@10.77.0.11".into());
    }
    let services = [judicator, gateway, executor].map(Arc::new).to_vec();
    Snapshot { services: Arc::new(services), ..harbour(now) }
}

/// The engine of a scene.
pub fn client(name: &str, now: Timestamp) -> Arc<FakeClient> {
    FakeClient::new(scene(name, now))
}
