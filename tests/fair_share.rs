//! What one client's many builds cost another: its first build is delayed by those that run, and by nothing else.
//!
//! Each test prints the delay that it saw: how many builds were taken before the other's first.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, firmware};
use shared::{
    job::JobId,
    store::{
        Store,
        jobs::{
            Held, Pause, cancel, claim_next, finish, give_back, make_due_builds_wait,
            rescue_expired,
        },
        requests::client_name,
    },
};

const LEASE: Duration = Duration::from_hours(1);

/// Builds of anna that wait before bert comes.
const MANY: usize = 1000;

#[tokio::test]
async fn a_thousand_waiting_builds_delay_anothers_first_by_those_that_run() {
    for running in 1..=4 {
        let own = OwnStore::new().await;
        many_of_anna(&own.store).await;
        for _ in 0..running {
            claim(&own.store).await;
        }
        let berts = ask(&own.store, "Kira-Standard", "bert").await;
        let delay = taken_before(&own.store, berts).await;
        println!("{MANY} wait, {running} run: {delay} are taken before another's first");
        assert_eq!(delay, 0, "only those that run are before it");
    }
}

#[tokio::test]
async fn nobody_saves_up_turns() {
    let own = OwnStore::new().await;
    many_of_anna(&own.store).await;
    claim(&own.store).await;
    let mut berts = Vec::new();
    for number in 0..3 {
        berts.push(ask(&own.store, &format!("Kira-{number}"), "bert").await);
    }
    let mut delays = Vec::new();
    for id in berts {
        delays.push(taken_before(&own.store, id).await);
    }
    println!("a long silent client's builds come after {delays:?} of the busy one's");
    assert_eq!(delays, [0, 1, 1], "they take turns from the first on");
}

#[tokio::test]
async fn whoever_asks_for_one_build_after_the_other_starves_nobody() {
    let own = OwnStore::new().await;
    let held = ask_and_claim(&own.store, "Kira-first", "bert").await;
    many_of_anna(&own.store).await;
    finish(&own.store, &held, firmware()).await.unwrap();
    // Bert asks for the next the moment that his last has ended, before anybody takes another.
    let (mut annas, mut last) = (0, held.id);
    for number in 0..20 {
        let asked = ask(&own.store, &format!("Kira-{number}"), "bert").await;
        assert_ne!(asked, last);
        last = asked;
        loop {
            let taken = claim(&own.store).await;
            finish(&own.store, &taken, firmware()).await.unwrap();
            if taken.id == asked {
                break;
            }
            annas += 1;
        }
    }
    println!(
        "20 builds, each asked for when the last has ended: {annas} of the other's were taken beside them"
    );
    assert!((19..=21).contains(&annas), "one each, and not {annas}");
}

#[tokio::test]
async fn builds_that_are_given_back_or_rescued_delay_no_more_than_when_they_ran() {
    for (what, pause) in [
        ("given back", Some(Pause::None)),
        ("given back for later", Some(Pause::Growing)),
        ("rescued", None),
    ] {
        let own = OwnStore::new().await;
        many_of_anna(&own.store).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(claim(&own.store).await);
        }
        for held in &held {
            if let Some(pause) = pause {
                give_back(&own.store, held, pause, "trouble").await.unwrap();
            }
        }
        own.by_hand()
            .run(
                "UPDATE jobs SET lease_until = 1 WHERE status = 'running';
                 UPDATE jobs SET due_at = 1 WHERE due_at IS NOT NULL",
            )
            .unwrap();
        rescue_expired(&own.store).await.unwrap();
        make_due_builds_wait(&own.store).await.unwrap();
        let berts = ask(&own.store, "Kira-Standard", "bert").await;
        let delay = taken_before(&own.store, berts).await;
        println!("3 of {MANY} ran and were {what}: {delay} are taken before another's first");
        assert_eq!(delay, 3, "those that ran, and no others");
        assert_eq!(waiting_by_count(&own), waiting_by_counter(&own));
    }
}

#[tokio::test]
async fn a_build_that_another_joins_is_the_others_first_and_delays_by_one() {
    let own = OwnStore::new().await;
    let annas = many_of_anna(&own.store).await;
    claim(&own.store).await;
    let joined = ask(&own.store, &format!("KType-{}", MANY - 1), "carl").await;
    assert_eq!(joined, annas[MANY - 1]);
    let berts = ask(&own.store, "Kira-Standard", "bert").await;
    let delay = taken_before(&own.store, berts).await;
    println!("carl joined anna's last: {delay} is taken before bert's first");
    assert_eq!(delay, 1, "carl came before bert");
}

#[tokio::test]
async fn whoever_joins_all_of_anothers_builds_lifts_no_more_than_its_own_share() {
    let own = OwnStore::new().await;
    many_of_anna(&own.store).await;
    claim(&own.store).await;
    for number in (1..MANY).rev() {
        ask(&own.store, &format!("KType-{number}"), "bert").await;
    }
    let carls = ask(&own.store, "Kira-Standard", "carl").await;
    let delay = taken_before(&own.store, carls).await;
    println!("bert joined all of anna's {MANY}: {delay} are taken before carl's first");
    assert!(
        delay <= 2,
        "one of each of the two at most, and not {delay}"
    );
}

#[tokio::test]
async fn cancelled_builds_delay_nobody_and_cost_their_client_no_turn() {
    let own = OwnStore::new().await;
    let annas = many_of_anna(&own.store).await;
    let running = claim(&own.store).await;
    assert_eq!(running.id, annas[0]);
    for id in &annas[..MANY - 2] {
        cancel(&own.store, *id).await.unwrap();
    }
    let berts = ask(&own.store, "Kira-Standard", "bert").await;
    let delay = taken_before(&own.store, berts).await;
    println!("all but 2 of {MANY} were cancelled: {delay} are taken before another's first");
    assert_eq!(delay, 0);

    for id in &annas[MANY - 2..] {
        cancel(&own.store, *id).await.unwrap();
    }
    for number in 0..10 {
        ask(&own.store, &format!("Kira-{number}"), "bert").await;
    }
    let again = ask(&own.store, "KType-Again", "anna").await;
    let delay = taken_before(&own.store, again).await;
    println!("after {MANY} cancelled ones, their client's next is delayed by {delay}");
    assert!(delay <= 1, "as if they had never been");
    assert_eq!(waiting_by_count(&own), waiting_by_counter(&own));
}

#[tokio::test]
async fn all_the_addresses_of_a_network_are_one_client() {
    let own = OwnStore::new().await;
    for number in 0..MANY {
        let address = format!("2001:db8:1:2:{number:x}::1").parse().unwrap();
        let client = own.store.client(&client_name(address));
        ask(&own.store, &format!("KType-{number}"), &client).await;
    }
    claim(&own.store).await;
    let neighbour = own
        .store
        .client(&client_name("2001:db8:1:3::1".parse().unwrap()));
    let berts = ask(&own.store, "Kira-Standard", &neighbour).await;
    let delay = taken_before(&own.store, berts).await;
    println!("{MANY} addresses of one /64: {delay} are taken before the first of the next /64");
    assert_eq!(delay, 0);
}

#[tokio::test]
async fn who_was_served_is_forgotten_when_it_says_nothing_more() {
    let own = OwnStore::new().await;
    many_of_anna(&own.store).await;
    for number in 0..50 {
        ask(&own.store, "Kira-Standard", &format!("client {number}")).await;
        ask(
            &own.store,
            &format!("Kira-{number}"),
            &format!("client {number}"),
        )
        .await;
    }
    while let Some(claimed) = claim_next(&own.store, "a worker", LEASE).await.unwrap() {
        finish(&own.store, &claimed.held, firmware()).await.unwrap();
    }
    let table = own.by_hand();
    // The first of the current turn was served while the last of the one before was known.
    let remembered: usize = table.ask("SELECT count(*) FROM served")[0].parse().unwrap();
    assert!(remembered <= 2, "{remembered}");
    assert_eq!(table.ask("SELECT waiting FROM service"), ["0"]);
}

async fn ask(store: &Store, name: &str, client: &str) -> JobId {
    a_build(name).by(client).enqueue(store).await.id()
}

async fn ask_and_claim(store: &Store, name: &str, client: &str) -> Held {
    ask(store, name, client).await;
    claim(store).await
}

/// In the order in which they were asked for.
async fn many_of_anna(store: &Store) -> Vec<JobId> {
    let asking: Vec<_> = (0..MANY)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { ask(&store, &format!("KType-{number}"), "anna").await })
        })
        .collect();
    let mut ids = Vec::new();
    for asked in asking {
        ids.push(asked.await.unwrap());
    }
    ids
}

async fn claim(store: &Store) -> Held {
    let claimed = claim_next(store, "a worker", LEASE).await.unwrap();
    claimed.expect("a waiting build").held
}

/// How many builds are taken before this one, which is taken too.
async fn taken_before(store: &Store, id: JobId) -> usize {
    let mut before = 0;
    while claim(store).await.id != id {
        before += 1;
    }
    before
}

fn waiting_by_count(own: &OwnStore) -> Vec<String> {
    own.by_hand()
        .ask("SELECT count(*) FROM jobs WHERE status = 'queued'")
}

fn waiting_by_counter(own: &OwnStore) -> Vec<String> {
    own.by_hand().ask("SELECT waiting FROM service")
}
