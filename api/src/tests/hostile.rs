//! Bodies that are meant to hurt: each is refused in words or becomes a build like any other, soon and within bounds.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};
use warp::http::Response;

use super::{Service, assert_problem, json_of, request_for};

/// Longer than any answer to nonsense needs to be.
const ANSWER: usize = 100_000;

impl Service {
    /// Sends bytes as a build and prints how long the answer took.
    async fn attack(&self, name: &str, path: &str, body: &Bytes) -> Response<Bytes> {
        let began = Instant::now();
        let request = warp::test::request().method("POST").path(path);
        let answer = self.ask(request.body(body)).await;
        println!("{name}: {} after {:?}", answer.status(), began.elapsed());
        assert!(answer.body().len() < ANSWER, "{name}");
        answer
    }

    /// The same by both ways in: all of them refuse it alike.
    async fn refuses(&self, status: u16, name: &str, body: impl Into<Bytes>) {
        let body = body.into();
        for path in ["/v1/builds", "/download.php"] {
            assert_problem(&self.attack(name, path, &body).await, status);
        }
    }
}

/// A request with this text instead of its version, as it stands.
fn with_raw(text: &str) -> String {
    format!(
        "{{\"config\": {}, \"env\": {text}}}",
        request_for("MD1-Standard")["config"]
    )
}

#[tokio::test]
async fn what_is_no_json_is_refused_whatever_it_is() {
    let service = Service::start().await;
    let whole = with_raw("\"latest\"");
    let deep = |open: &str, times: usize| format!("{{\"config\": {}", open.repeat(times));
    for (name, body) in [
        ("nothing", Vec::new()),
        (
            "half a request",
            whole.as_bytes()[..whole.len() / 2].to_vec(),
        ),
        ("two requests", whole.repeat(2).into_bytes()),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf", whole.as_bytes()].concat(),
        ),
        (
            "another encoding",
            whole.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "bytes that are no text",
            with_raw("\"late?t\"").replace('?', "\u{1}").into_bytes(),
        ),
        (
            "half a character",
            [b"{\"config\": \"\xf0\x9f", &b"\"}"[..]].concat(),
        ),
        (
            "the first half of a pair",
            with_raw(r#""\ud800""#).into_bytes(),
        ),
        (
            "the second half of a pair",
            with_raw(r#""\udc00""#).into_bytes(),
        ),
        (
            "a number without end",
            with_raw(&"9".repeat(9 << 20)).into_bytes(),
        ),
        ("a number that is too large", with_raw("1e999").into_bytes()),
        ("not a number", with_raw("NaN").into_bytes()),
        ("deep lists", deep("[", 200_000).into_bytes()),
        ("deep objects", deep("{\"a\":", 200_000).into_bytes()),
        (
            "deep lists that are closed",
            format!("{}{}", "[".repeat(1000), "]".repeat(1000)).into_bytes(),
        ),
    ] {
        service.refuses(400, name, body).await;
    }
}

#[tokio::test]
async fn what_would_take_far_more_memory_than_it_has_bytes_is_too_large() {
    let service = Service::start().await;
    let member = |number: usize| format!("\"{number}\":0,");
    let members: String = (0..700_000).map(member).collect();
    for (name, body) in [
        ("ten megabytes of nested lists", "[".repeat(10 << 20)),
        ("more than ten megabytes", " ".repeat((10 << 20) + 1)),
        (
            "seven hundred thousand members",
            format!("{{\"config\":{{{members}\"x\":0}}}}"),
        ),
        (
            "a million keys",
            format!(
                "{{\"config\":{{\"matrix\":[{}{{}}]}}}}",
                "{},".repeat(1_000_000)
            ),
        ),
    ] {
        service.refuses(413, name, body).await;
    }
}

#[tokio::test]
async fn a_layout_of_nonsense_has_a_bounded_number_of_faults() {
    let service = Service::start().await;
    let of = |config: Value| json!({ "config": config, "env": "latest" }).to_string();
    let mut large = request_for("MD1-Standard")["config"].clone();
    for (name, body) in [
        ("two hundred thousand keys that are none", {
            large["matrix"] = json!(vec![0; 200_000]);
            of(large.clone())
        }),
        ("keys with a layer of every number", {
            let layers: serde_json::Map<_, _> = (0..40_000)
                .map(|number: u32| (number.to_string(), json!({})))
                .collect();
            large["matrix"] = json!([{ "code": "0x01", "layers": layers }]);
            of(large.clone())
        }),
        ("a version of nine megabytes", {
            large = request_for("MD1-Standard")["config"].clone();
            json!({ "config": large, "env": "x".repeat(9 << 20) }).to_string()
        }),
        (
            "a version that is a path",
            json!({ "config": large, "env": "../../latest" }).to_string(),
        ),
        ("a keyboard of nine megabytes", {
            large["header"]["Name"] = json!("x".repeat(9 << 20));
            of(large.clone())
        }),
    ] {
        // An old client's unknown version is `latest`, and then it waits for its build.
        let answer = service.attack(name, "/v1/builds", &body.into()).await;
        let problem = assert_problem(&answer, 422);
        assert!(problem["errors"].as_array().unwrap().len() <= 202, "{name}");
    }
}

#[tokio::test]
async fn no_header_field_gets_anything_into_a_name_or_a_line() {
    let service = Service::start().await;
    let fields = [
        "Name",
        "Variant",
        "Layout",
        "Base",
        "Version",
        "Author",
        "KLL",
        "Date",
        "Generator",
    ];
    for field in fields {
        for text in [
            "a\0b",
            "a\nb",
            "a\r\nb",
            "a\"; b = \"",
            "a\\",
            "\u{1b}[2J",
            "\u{85}",
        ] {
            let mut body = request_for("MD1-Standard");
            body["config"]["header"][field] = json!(text);
            let problem = assert_problem(&service.post("/v1/builds", &body).await, 422);
            let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
            let wanted = format!("/config/header/{field}");
            assert!(
                pointers.iter().any(|fault| fault["pointer"] == *wanted),
                "{field}: {text:?}: {pointers:?}"
            );
        }
        let mut body = request_for("MD1-Standard");
        body["config"]["header"][field] = json!("../../../etc/passwd");
        let answer = service.post("/v1/builds", &body).await;
        if ["Name", "Base"].contains(&field) {
            assert_problem(&answer, 422);
            continue;
        }
        assert_eq!(answer.status(), 202, "{field}");
        let claimed = service.claim().await;
        for name in [&claimed.keyboard, &claimed.layout] {
            assert!(
                !name.contains(['/', '-']) && !name.contains(".."),
                "{field}: {name}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_odd_and_harmless_is_a_build_like_any_other() {
    let service = Service::start().await;
    let config = request_for("MD1-Standard")["config"].clone();
    let with = |value: Value| {
        let mut config = config.clone();
        config["of the person's own"] = value;
        json!({ "config": config, "env": "latest" }).to_string()
    };
    let deep = (0..100).fold(json!(0), |inner, _| {
        json!({ "a": [inner] }).get("a").cloned().unwrap()
    });
    let twice = format!(
        "{{\"env\": \"no such\", \"config\": 7, \"config\": {config}, \"env\": \"latest\"}}"
    );
    let digits = format!(
        "{{\"config\": {config}, \"env\": \"latest\", \"x\": 0.{}}}",
        "1".repeat(9 << 20)
    );
    for (name, body) in [
        ("a hundred lists in each other", with(deep)),
        ("nine megabytes of text", with(json!("é".repeat(4 << 20)))),
        (
            "two hundred thousand numbers",
            with(json!(vec![1.5; 200_000])),
        ),
        (
            "text that steers a terminal",
            with(json!("\u{1b}]0;x\u{7}\u{202e}")),
        ),
        ("members twice, of which the last count", twice),
        ("nine million digits after a point", digits),
    ] {
        let answer = service.attack(name, "/v1/builds", &body.into()).await;
        assert!(
            [200, 202].contains(&answer.status().as_u16()),
            "{name}: {answer:?}"
        );
        assert_eq!(json_of(&answer)["layout"], "Standard", "{name}");
    }
}
