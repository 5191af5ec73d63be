//! What an operator changes of the versions, at the table: each change with its row in the audit, or neither.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use harness::store::OwnStore;
use shared::{
    channel::Dialect,
    store::{
        audit,
        channels::{
            Move, Moved, Refused, Switched, check_move, disable, enable, move_back, move_to,
        },
        versions::{Controller, Version, controllers, controllers_seen, version},
    },
};

fn controller(name: &str, image: &str) -> Controller {
    Controller {
        name: name.to_owned(),
        image: image.to_owned(),
        protocol: 2,
        dialect: Dialect::Latest,
        channel: None,
        version: None,
        revision: None,
        created: None,
        commits: None,
        source: None,
        keyboards: None,
    }
}

/// A table in which an engine has 057 and 058.
async fn with_two() -> OwnStore {
    let own = OwnStore::new().await;
    let both = vec![controller("057", "sha256:a"), controller("058", "sha256:b")];
    controllers_seen(&own.store, "engine", both).await.unwrap();
    own
}

fn to(name: &str, controller: &str) -> Move {
    Move {
        name: name.to_owned(),
        controller: controller.to_owned(),
        channel: None,
        tried: None,
    }
}

async fn latest(own: &OwnStore) -> Version {
    version(&own.store, "latest").await.unwrap().unwrap()
}

#[tokio::test]
async fn a_version_is_moved_and_moved_back_with_its_channel() {
    let own = with_two().await;
    let with_channel = Move {
        channel: Some("beta".to_owned()),
        tried: Some("sha256:b".to_owned()),
        ..to("latest", "058")
    };
    assert_eq!(
        check_move(&own.store, with_channel.clone()).await.unwrap(),
        None
    );
    let moved = move_to(&own.store, with_channel.clone(), "me")
        .await
        .unwrap();
    let done = |from: &str, to: &str| Moved::Done {
        from: Some(from.to_owned()),
        to: to.to_owned(),
    };
    assert_eq!(moved, done("057", "058"));
    let now = latest(&own).await;
    assert_eq!(
        (now.channel.as_str(), now.controller.unwrap().image.as_str()),
        ("beta", "sha256:b")
    );
    assert_eq!(now.previous.as_deref(), Some("057"));
    let again = move_to(&own.store, with_channel, "me").await.unwrap();
    assert_eq!(again, Moved::AlreadyThere);

    assert_eq!(
        move_back(&own.store, "latest", "you").await.unwrap(),
        done("058", "057")
    );
    let now = latest(&own).await;
    assert_eq!(
        (now.channel.as_str(), now.controller_name.as_str()),
        ("stable", "057")
    );
    // Back from back leads forth again.
    assert_eq!(
        move_back(&own.store, "latest", "you").await.unwrap(),
        done("057", "058")
    );
    assert_eq!(latest(&own).await.channel, "beta");

    let audit = audit::entries(&own.store, 10).await.unwrap();
    let who: Vec<_> = audit
        .iter()
        .map(|entry| (entry.who.as_str(), entry.what.as_str()))
        .collect();
    assert_eq!(
        who,
        [("you", "move_back"), ("you", "move_back"), ("me", "move")]
    );
    assert_eq!(audit[2].details["from"], "057");
    assert_eq!(audit[2].details["tried"], true);
    assert_eq!(audit::entries(&own.store, 1).await.unwrap(), audit[..1]);
}

#[tokio::test]
async fn what_cannot_be_given_to_people_is_not_moved_to() {
    let own = with_two().await;
    disable(&own.store, "058", "me").await.unwrap();
    let other_image = Move {
        tried: Some("sha256:old".to_owned()),
        ..to("lts", "057")
    };
    for (wish, refused) in [
        (to("no such", "057"), Refused::NoVersion),
        (to("latest", "099"), Refused::NoController),
        (to("latest", "058"), Refused::Disabled),
        (other_image, Refused::OtherImage),
    ] {
        let moved = move_to(&own.store, wish.clone(), "me").await.unwrap();
        assert_eq!(moved, Moved::Refused(refused));
        assert_eq!(check_move(&own.store, wish).await.unwrap(), Some(moved));
    }
    for (name, refused) in [
        ("no such", Refused::NoVersion),
        ("latest", Refused::NothingBefore),
    ] {
        let moved = move_back(&own.store, name, "me").await.unwrap();
        assert_eq!(moved, Moved::Refused(refused));
    }
    let rows = audit::entries(&own.store, 10).await.unwrap();
    assert_eq!(
        rows.len(),
        1,
        "only what was done is in the audit: {rows:?}"
    );
    assert_eq!(latest(&own).await.controller_name, "057");
}

#[tokio::test]
async fn a_name_that_is_not_known_is_made_where_its_channel_is_said() {
    let own = with_two().await;
    let wish = Move {
        channel: Some("beta".to_owned()),
        ..to("v0.5.8", "058")
    };
    let moved = move_to(&own.store, wish, "me").await.unwrap();
    assert!(matches!(moved, Moved::Done { from: None, .. }), "{moved:?}");
    let made = version(&own.store, "v0.5.8").await.unwrap().unwrap();
    assert_eq!((made.channel.as_str(), made.previous), ("beta", None));
}

#[tokio::test]
async fn a_disabled_controller_stays_so_when_its_image_is_made_anew() {
    let own = with_two().await;
    assert_eq!(
        disable(&own.store, "057", "me").await.unwrap(),
        Switched::Done
    );
    assert_eq!(
        disable(&own.store, "057", "me").await.unwrap(),
        Switched::AlreadySo
    );
    assert_eq!(
        disable(&own.store, "099", "me").await.unwrap(),
        Switched::NoController
    );
    let anew = vec![controller("057", "sha256:c")];
    controllers_seen(&own.store, "engine", anew).await.unwrap();
    let now = latest(&own).await;
    assert!(now.disabled);
    assert_eq!(now.controller, None, "it is not planned with");
    let seen = controllers(&own.store).await.unwrap();
    assert_eq!(seen[0].controller.image, "sha256:c", "and can be looked at");

    assert_eq!(
        enable(&own.store, "057", "me").await.unwrap(),
        Switched::Done
    );
    assert_eq!(
        enable(&own.store, "057", "me").await.unwrap(),
        Switched::AlreadySo
    );
    assert!(latest(&own).await.controller.is_some());
    assert_eq!(audit::entries(&own.store, 10).await.unwrap().len(), 2);
    // Whose image is not there now may be taken out of use before it comes.
    assert_eq!(
        disable(&own.store, "050", "me").await.unwrap(),
        Switched::Done
    );
}

#[tokio::test]
async fn the_audit_is_readable_and_takes_no_nonsense() {
    let own = with_two().await;
    move_to(&own.store, to("latest", "058"), "me")
        .await
        .unwrap();
    let table = own.by_hand();
    let at = table.ask("SELECT at FROM audit_log");
    assert!(at[0].starts_with("20") && at[0].len() == 19, "{at:?}");
    assert_eq!(
        table.ask("SELECT controller || ' ' || state FROM versions_now WHERE name = 'latest'"),
        ["058 there"]
    );
    for (statement, constraint) in [
        ("UPDATE audit SET who = ''", "somebody_did_it"),
        ("UPDATE audit SET what = 'two words'", "what_is_a_word"),
        ("UPDATE audit SET details = '[]'", "details_are_object"),
        (
            "UPDATE versions SET previous_channel = NULL WHERE name = 'latest'",
            "previous",
        ),
        (
            "UPDATE versions SET moved_at = -1 WHERE name = 'latest'",
            "moved_at",
        ),
    ] {
        let complaint = table.run(statement).unwrap_err();
        assert!(complaint.contains(constraint), "{complaint}");
    }
}
