use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::clock::{Clock, Timestamp};
use crate::fleet::settings::LeaseSettings;
use crate::reach::network::Network;
use crate::reach::secret::Secrets;
use crate::standin::lease::book::{Book, WriteError};
use crate::standin::lease::{Lease, Shelf, Tools};

use super::*;

/// A state folder that may be full.
#[derive(Clone, Default)]
struct Folder {
    kept: Arc<Mutex<BTreeMap<String, String>>>,
    full: Arc<Mutex<bool>>,
}

impl Shelf for Folder {
    fn keep(&self, key: String, text: String) -> BoxFuture<'static, Result<(), String>> {
        let kept = if *self.full.lock().unwrap() {
            Err("no space left".to_owned())
        } else {
            self.kept.lock().unwrap().insert(key, text);
            Ok(())
        };
        std::future::ready(kept).boxed()
    }

    fn kept(&self, key: String) -> BoxFuture<'static, Result<Option<String>, String>> {
        std::future::ready(Ok(self.kept.lock().unwrap().get(&key).cloned())).boxed()
    }

    fn hangs(&self) -> Option<String> {
        None
    }
}

fn start(folder: &Folder) -> Lease {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let (secrets, network) = (Secrets::new(clock.clone()), Network::real());
    let tools = Tools { clock, secrets, network, shelf: Arc::new(folder.clone()) };
    Lease::start(&LeaseSettings::default(), "engine-a".into(), tools)
}

async fn held(lease: &Lease) -> u64 {
    let mut state = lease.state();
    let state = state.wait_for(|state| state.held).await.expect("told").clone();
    assert_eq!(lease.may_act().map(|right| (right.generation, right.left)), Ok((state.generation, None)));
    assert_eq!((state.by.as_deref(), state.why.as_str()), (Some("engine-a"), "held by this engine"));
    state.generation
}

#[tokio::test]
async fn every_start_is_a_new_ownership() {
    let folder = Folder::default();
    let first = start(&folder);
    assert!(first.may_act().is_err(), "not before its number is on the disk");
    assert_eq!(held(&first).await, 1);
    drop(first);
    let second = start(&folder);
    assert_eq!(held(&second).await, 2);
    second.release().await;
    assert!(second.may_act().is_err());
    let refused = second.write("mocap", "x".into(), 0).await;
    assert!(matches!(refused, Err(WriteError::NotHeld(_))), "{refused:?}");
    assert!(second.read("mocap").await.is_err());
    folder.keep(GENERATION.into(), "many".into()).await.unwrap();
    let damaged = start(&folder);
    let mut state = damaged.state();
    state.wait_for(|state| state.why.contains("not a number")).await.expect("told");
}

#[tokio::test]
async fn a_full_disk_keeps_it_from_acting_until_there_is_room() {
    let folder = Folder::default();
    *folder.full.lock().unwrap() = true;
    let lease = start(&folder);
    let mut state = lease.state();
    state.wait_for(|state| state.why.contains("no space left; make room there")).await.expect("told");
    assert!(lease.may_act().is_err());
    *folder.full.lock().unwrap() = false;
    assert_eq!(held(&lease).await, 1);
    *folder.full.lock().unwrap() = true;
    assert_eq!(lease.write("mocap", "x".into(), 0).await, Err(WriteError::Unknown("no space left".into())));
}

#[tokio::test]
async fn books_outlive_it_and_are_not_overwritten_unread() {
    let folder = Folder::default();
    let lease = start(&folder);
    held(&lease).await;
    assert_eq!(lease.read("mocap").await, Ok(Book::default()));
    assert_eq!(lease.write("mocap", "one".into(), 0).await, Ok(1));
    assert_eq!(lease.write("mocap", "lost".into(), 0).await, Err(WriteError::Conflict { found: 1 }));
    assert_eq!(lease.write("mocap", "two".into(), 1).await, Ok(2));
    let book = Book { text: "two".into(), version: 2 };
    assert_eq!(lease.books().borrow().get("mocap"), Some(&book));
    drop(lease);
    let lease = start(&folder);
    assert_eq!(lease.read("mocap").await, Ok(book));
}
