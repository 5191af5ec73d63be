//! The service watches its own honesty, on a real engine: warm builds are built again cold, and an image whose prepared
//! objects are wrong is found out.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use harness::{
    engine::{self, REFERENCE, TestImage},
    service::{Service, layout},
};
use kiisrv_cli::versions;
use serde_json::Value;
use shared::{
    job::JobId,
    store::{
        jobs::{self, Filter},
        measures::{Measures, measures},
    },
};

/// The comparison with this build, once it has ended.
fn comparison_of(service: &Service, build: &Value) -> Value {
    let id: JobId = build["id"].as_str().unwrap().parse().unwrap();
    let all = Filter {
        limit: 100,
        ..Filter::default()
    };
    let seen = service.at_the_table(async |store| jobs::overview(&store, all).await.unwrap());
    let lists = [seen.waiting, seen.running, seen.recent];
    let mut all = lists.into_iter().flatten();
    let found = all.find(|one| one.compares == Some(id));
    // It is there as soon as the build has ended.
    service.ended(&found.expect("a comparison").id.to_string())
}

fn measured(service: &Service) -> Measures {
    service.at_the_table(async |store| measures(&store).await.unwrap())
}

fn log_of(service: &Service, build: &Value) -> String {
    service.get(build["log_url"].as_str().unwrap()).text()
}

#[test]
fn what_the_reference_firmware_builds_warm_is_the_same_cold() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    for (name, firmware) in [
        ("KType-Standard.json", "kiibohd.dfu.bin"),
        ("MDErgo1-Default.json", "right_kiibohd.dfu.bin"),
    ] {
        let build = service.build(&layout(name), "latest");
        let log = log_of(&service, &build);
        assert!(log.contains("on its prepared tree"), "{log}");
        assert!(build["artifact"]["files"].to_string().contains(firmware));
        let comparison = comparison_of(&service, &build);
        let log = log_of(&service, &comparison);
        assert_eq!(comparison["status"], "succeeded", "{log}");
        assert_eq!(comparison["compares"], build["id"]);
        assert!(!log.contains("prepared tree"), "it was not cold: {log}");
        assert!(comparison["artifact"].is_null(), "{comparison}");
        let build = service.get(&format!("/v1/builds/{}", build["id"].as_str().unwrap()));
        assert!(build.json()["doubt"].is_null());
        service.assert_nothing_is_left(&comparison);
    }
    let measured = measured(&service);
    assert_eq!(measured.comparisons, [("same".to_owned(), 2)].into());
    assert_eq!(measured.cold_keyboards, 0);
}

#[test]
fn an_image_whose_prepared_objects_are_wrong_is_found_out_and_builds_right_from_then_on() {
    if !engine::is_wanted() {
        return;
    }
    // What each K-Type says of itself.
    let image = TestImage::of_dockerfile(
        "defective",
        &format!(
            "FROM {REFERENCE}\n\
             RUN sed -i 's/kiisrv reference/kiisrv defective/' $(find /opt/kiisrv/warm/k-type -name main.c.obj)\n"
        ),
    );
    let mut service = Service::start(&[]);
    service.may_differ = true;
    service.stand_for("defective", &image.name);
    let ask = |name: &str| service.build(&layout(name), "defective");
    let says = |build: &Value, name: &str, words: &str| {
        let firmware = service.zip_of(build).file(name);
        firmware
            .windows(words.len())
            .any(|part| part == words.as_bytes())
    };

    let wrong = ask("KType-Standard.json");
    assert!(says(&wrong, "kiibohd.dfu.bin", "kiisrv defective"));
    let comparison = comparison_of(&service, &wrong);
    assert!(says(&comparison, "kiibohd.dfu.bin", "kiisrv reference"));
    let id = wrong["id"].as_str().unwrap();
    let doubtful = service.get(&format!("/v1/builds/{id}")).json();
    assert!(
        doubtful["doubt"]
            .as_str()
            .unwrap()
            .contains("came out different")
    );
    assert!(
        says(&doubtful, "kiibohd.dfu.bin", "kiisrv defective"),
        "it can be had"
    );
    let page = service.get(&format!("/builds/{id}")).text();
    assert!(page.contains("came out different"), "{page}");

    // The same request again is another build, and right.
    let right = ask("KType-Standard.json");
    assert_ne!(right["id"], wrong["id"]);
    assert!(says(&right, "kiibohd.dfu.bin", "kiisrv reference"));
    assert!(!log_of(&service, &right).contains("prepared tree"));
    assert!(right["doubt"].is_null());
    assert_eq!(ask("KType-Standard.json")["id"], right["id"], "it is kept");

    // Another keyboard of the same image is as good as ever.
    let other = ask("MDErgo1-Default.json");
    assert!(log_of(&service, &other).contains("on its prepared tree"));
    comparison_of(&service, &other);
    let measured = measured(&service);
    let expected = [("different".to_owned(), 1), ("same".to_owned(), 1)];
    assert_eq!(measured.comparisons, expected.into());
    assert_eq!(measured.cold_keyboards, 1);
    assert_versions_tell(&service);
    an_operator_has_the_last_word(&service, &image);
}

fn assert_versions_tell(service: &Service) {
    let versions = service.get("/v1/versions").json();
    for version in versions["versions"].as_array().unwrap() {
        let is_it = version["name"] == "defective";
        let cold = version["cold_keyboards"].as_array().unwrap();
        assert_eq!(cold.len(), usize::from(is_it), "{version}");
    }
}

fn an_operator_has_the_last_word(service: &Service, image: &TestImage) {
    let told = command(service, &[]);
    assert!(told.contains("KType"), "{told}");
    let told = command(service, &["warm", &image.name, "K-Type"]);
    assert!(told.contains("building KType warm"), "{told}");
    let mut config = layout("KType-Standard.json");
    config["matrix"][20]["layers"]["0"]["key"] = "Z".into();
    let warm = service.build(&config, "defective");
    assert!(log_of(service, &warm).contains("on its prepared tree"));
}

fn command(service: &Service, words: &[&str]) -> String {
    let mut out = Vec::new();
    let arguments = versions::Arguments::from_words(words).unwrap();
    versions::run(&arguments, &service.settings, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
