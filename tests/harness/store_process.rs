//! A process at the table, for tests that need several, or one that they may kill.
//!
//! It says on its standard output what it has done, one line each, and only after the store has said so.
#![expect(clippy::print_stdout, reason = "its output is how a test follows it")]
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{path::Path, time::Duration};

use harness::store::{a_build, firmware};
use shared::store::{
    Store,
    import::{Mode, RequestsImport},
    jobs::{Admitted, Hold, Limits, Recorded, admit, claim_next, finish, leave},
    wake::{Listener, Role},
};
use uuid::Uuid;

/// Builds that one process holds at once.
const SLOTS: usize = 4;

/// Longer than any test, so that nobody is rescued who lives.
const LEASE: Duration = Duration::from_hours(1);

/// So long that a test which waits for it has seen that no wake-up came.
const FALLBACK: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["open", directory] => open(directory.as_ref()).await,
        ["enqueue", directory, prefix, count] => {
            enqueue(directory.as_ref(), prefix, count.parse().unwrap()).await;
        }
        ["admit", directory, prefix, count, most] => {
            let (count, most) = (count.parse().unwrap(), most.parse().unwrap());
            admit_many(directory.as_ref(), prefix, count, most).await;
        }
        ["join-and-leave", directory, name] => join_and_leave(directory.as_ref(), name).await,
        ["drain", directory] => drain(directory.as_ref()).await,
        ["claim-and-hang", directory, count] => {
            claim_and_hang(directory.as_ref(), count.parse().unwrap()).await;
        }
        ["import", directory, file] => import(directory.as_ref(), file.as_ref()).await,
        ["wait-for-work", directory] => wait_for_work(directory.as_ref()).await,
        _ => panic!("not understood: {arguments:?}"),
    }
}

/// Opens the table as soon as a line comes, and says what a client is called in it.
async fn open(directory: &Path) {
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let store = Store::open(directory).await.unwrap();
    println!("opened {}", store.client("a client"));
}

/// Asks for this many builds, several at once, as an API does.
async fn enqueue(directory: &Path, prefix: &str, count: usize) {
    let store = Store::open(directory).await.unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for slot in 0..SLOTS {
        let (store, prefix) = (store.clone(), prefix.to_owned());
        asking.spawn(async move {
            for number in (slot..count).step_by(SLOTS) {
                let build = a_build(&format!("KType-{prefix}-{number}")).by(&prefix);
                println!("enqueued {}", build.enqueue(&store).await.id());
            }
        });
    }
    asking.join_all().await;
}

/// Asks for this many different builds of one client, several at once, of which so many may wait.
async fn admit_many(directory: &Path, prefix: &str, count: usize, most: u32) {
    let store = Store::open(directory).await.unwrap();
    let limits = Limits {
        per_client: most,
        in_all: u32::MAX,
    };
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..count {
        let (store, build) = (store.clone(), a_build(&format!("KType-{prefix}-{number}")));
        asking.spawn(async move {
            match admit(&store, build.into(), limits, Hold::ForGood).await {
                Ok(Admitted::Yes { enqueued, .. }) => println!("admitted {}", enqueued.id()),
                Ok(Admitted::TooManyOfClient { .. }) => println!("refused"),
                other => panic!("{other:?}"),
            }
        });
    }
    asking.join_all().await;
}

/// Joins a build, says so, and leaves it as soon as a line comes.
async fn join_and_leave(directory: &Path, name: &str) {
    let store = Store::open(directory).await.unwrap();
    let limits = Limits {
        per_client: 1,
        in_all: 1,
    };
    let admitted = admit(&store, a_build(name).into(), limits, Hold::UntilItLeaves).await;
    let Ok(Admitted::Yes {
        enqueued,
        token: Some(token),
    }) = admitted
    else {
        panic!("not joined: {admitted:?}");
    };
    println!("joined {}", enqueued.id());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let left = leave(&store, enqueued.id(), &token).await.unwrap();
    println!("{left:?}");
}

/// Takes the predecessor's requests over, and says each batch that is stored.
async fn import(directory: &Path, file: &Path) {
    let store = Store::open(directory).await.unwrap();
    let import = RequestsImport::open(&store, file, Mode::Take).await;
    let mut import = import.unwrap();
    println!("opened");
    while import.next_batch().await.unwrap().is_some() {
        println!("stored");
    }
}

/// Takes and ends builds until none waits.
async fn drain(directory: &Path) {
    let store = Store::open(directory).await.unwrap();
    let worker = worker();
    let mut slots = tokio::task::JoinSet::new();
    for _ in 0..SLOTS {
        let (store, worker) = (store.clone(), worker.clone());
        slots.spawn(async move {
            while let Some(claimed) = claim_next(&store, &worker, LEASE).await.unwrap() {
                println!("claimed {}", claimed.held.id);
                let recorded = finish(&store, &claimed.held, firmware()).await.unwrap();
                assert_eq!(recorded, Recorded::Yes);
                println!("finished {}", claimed.held.id);
            }
        });
    }
    slots.join_all().await;
}

/// Takes builds and does nothing with them, until it is killed.
async fn claim_and_hang(directory: &Path, count: usize) {
    let store = Store::open(directory).await.unwrap();
    let worker = worker();
    for _ in 0..count {
        let claimed = claim_next(&store, &worker, LEASE).await.unwrap().unwrap();
        println!("claimed {}", claimed.held.id);
    }
    std::future::pending::<()>().await;
}

/// Takes the next build as a worker does that finds none, and says what woke it.
async fn wait_for_work(directory: &Path) {
    let store = Store::open(directory).await.unwrap();
    let listener = Listener::bind(store.wake_directory(), Role::Worker, &worker()).unwrap();
    let worker = worker();
    assert!(
        claim_next(&store, &worker, LEASE).await.unwrap().is_none(),
        "something waits already"
    );
    println!("waiting");
    tokio::select! {
        _ = listener.next() => println!("woken by a datagram"),
        () = tokio::time::sleep(FALLBACK) => println!("woken by its fallback"),
    }
    let claimed = claim_next(&store, &worker, LEASE).await.unwrap().unwrap();
    println!("claimed {}", claimed.held.id);
}

/// New for each process, as a real worker's.
fn worker() -> String {
    format!("process-{}-{}", std::process::id(), Uuid::now_v7())
}
