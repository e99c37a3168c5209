//! Tests of the page of a load: whole, self-contained, escaped, answer first.

use super::*;
use crate::fixture;

#[test]
fn the_answer_comes_first_and_then_the_verdict() {
    let page = load_html(&fixture::steady());
    let at = |text: &str| {
        page.find(text)
            .unwrap_or_else(|| panic!("{text} is missing"))
    };
    let order = [
        "<h1>967.0 requests/s succeeded, 60 requests failed.</h1>",
        "SUSPECT: 2 reasons",
        "<svg ",
        "<h2>Latency</h2>",
        "<h2>Failures</h2>",
        "<h2>Conditions</h2>",
    ];
    assert!(order.map(at).is_sorted());
    assert_eq!(page.matches("<svg ").count(), 4);
    assert!(page.contains("data-state=\"finished\""));
}

#[test]
fn the_page_needs_nothing_else() {
    for (name, report) in fixture::all_loads() {
        // An icon of nothing, or a browser would ask for one.
        let page = load_html(&report).replace("<link rel=\"icon\" href=\"data:,\">", "");
        for outside in ["src=", "<link", "@import", "url(", "<script"] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
        assert!(!page.contains("NaN"), "{name}");
        assert!(page.trim_end().ends_with("</html>"), "{name}");
    }
}

#[test]
fn what_came_from_outside_is_escaped() {
    let mut report = fixture::secured();
    let evil = "<script>alert(1)</script>";
    report.request.url = format!("http://a/{evil}");
    report.request.load_model = evil.to_owned();
    report.generator.version = evil.to_owned();
    report.verdict.reasons = fixture::steady().verdict.reasons;
    report.verdict.reasons[0].text = evil.to_owned();
    let page = load_html(&report);
    assert!(!page.contains("<script"));
    assert!(page.contains("&#60;script&#62;"));
    let live = live_html(evil);
    assert_eq!(live.matches("<script").count(), 1, "its own");
}

#[test]
fn a_load_that_runs_is_not_judged_yet() {
    let report = fixture::secured();
    let fragment = load_fragment(&report, Some(3.25));
    assert!(fragment.starts_with("<article data-state=\"running\">"));
    assert!(fragment.contains("Running for 3.25 s"));
    assert!(!fragment.contains("VALID"));
    let end = load_fragment(&report, None);
    assert!(end.contains("VALID: nothing speaks against these figures."));
}

#[test]
fn the_live_page_listens_and_can_be_saved() {
    let page = live_html("GET http://a/");
    for part in [
        "<main id=\"report\">",
        "new EventSource(\"events\")",
        "href=\"report.html\"",
        "<title>GET http://a/</title>",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn missing_figures_say_why() {
    let page = load_html(&fixture::steady());
    assert!(page.contains("title=\"9670 requests of 10 000 needed\">n/a</td>"));
}
