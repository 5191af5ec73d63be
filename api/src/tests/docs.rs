//! The page that shows the description.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Service,
    pages::{assert_page, look},
};
use crate::openapi::TEXT;

/// What stands between quotation marks after each `before`.
fn all_after<'a>(html: &'a str, before: &str) -> Vec<&'a str> {
    let parts = html.split(before).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[tokio::test]
async fn the_page_shows_every_route_and_type_and_each_of_its_links_leads_somewhere() {
    let service = Service::start_without_worker(&[]).await;
    let html = assert_page(&look(&service, "/docs").await, 200);
    let ids = all_after(&html, " id=\"");
    let there: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(ids.len(), there.len(), "{ids:?}");
    for link in all_after(&html, "href=\"#") {
        assert!(there.contains(link), "{link} is nowhere");
    }
    let document: Value = serde_json::from_str(&TEXT).unwrap();
    let items = document["paths"].as_object().unwrap().values();
    for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(there.contains(id), "{id} is not shown");
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(there.contains(format!("type-{name}").as_str()), "{name}");
    }
    // Examples hold pictures and other markup, which must stay text.
    assert!(!html.contains("<svg"), "an example became markup");
    assert!(!html.contains('`'), "a backtick was left");
}

#[tokio::test]
async fn an_example_with_curl_has_what_the_route_needs() {
    let service = Service::start_without_worker(&[]).await;
    let html = assert_page(&look(&service, "/docs").await, 200);
    for command in [
        "curl localhost:3001/v1/builds \\\n  --data-binary @build.json</pre>",
        "curl localhost:3001/v1/queue/pause \\\n  -X POST \\\n  -H &#34;Authorization: Bearer $OPERATOR&#34;</pre>",
        "curl &#39;localhost:3001/v1/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c?wait=30&#39;</pre>",
    ] {
        assert!(html.contains(command), "{command} is not in {html}");
    }
}
