//! What all pages promise: to browsers, and to programs that lose their way.

use warp::http::Response;

use super::*;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

pub(super) async fn look(service: &Service, path: &str) -> Response<Bytes> {
    let request = warp::test::request().path(path).header("accept", BROWSER);
    service.ask(request).await
}

pub(super) fn html_of(answer: &Response<Bytes>) -> String {
    assert_eq!(header(answer, "content-type"), "text/html; charset=utf-8");
    String::from_utf8(answer.body().to_vec()).unwrap()
}

/// That a browser is told what a page may do, and that no other origin may read it.
pub(super) fn assert_page(answer: &Response<Bytes>, status: u16) -> String {
    assert_eq!(answer.status(), status, "{answer:?}");
    let policy = header(answer, "content-security-policy");
    for word in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(word), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(answer, "referrer-policy"), "same-origin");
    assert_eq!(header(answer, "access-control-allow-origin"), "");
    let html = html_of(answer);
    for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
        assert!(!html.contains(inline), "{inline} in {html}");
    }
    html
}

#[tokio::test]
async fn a_browser_that_loses_its_way_sees_a_page_and_a_program_a_problem() {
    let service = Service::start().await;
    let page = assert_page(&look(&service, "/nothing-here").await, 404);
    assert!(page.contains("There is nothing at this address."), "{page}");
    assert_problem(&service.get("/nothing-here").await, 404);
    // Old clients read JSON on these, whoever asks.
    for path in ["/layouts/None.json", "/v1/builds/none", "/tmp/none.zip"] {
        assert_problem(&look(&service, path).await, 404);
    }
}

#[tokio::test]
async fn what_pages_load_is_named_by_its_content_and_kept_for_ever() {
    let service = Service::start().await;
    let page = assert_page(&look(&service, "/nothing-here").await, 404);
    let names: Vec<_> = page
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let asset = service.get(name).await;
        assert_eq!(asset.status(), 200, "{name}");
        assert!(header(&asset, "cache-control").contains("immutable"));
        assert_eq!(header(&asset, "x-content-type-options"), "nosniff");
        let etag = header(&asset, "etag");
        let again = warp::test::request()
            .path(name)
            .header("if-none-match", etag);
        assert_eq!(service.ask(again).await.status(), 304, "{name}");
    }
    assert_page(&look(&service, "/assets/style-0.css").await, 404);
}
