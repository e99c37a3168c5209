//! `tonnage load --live`, followed in a real browser from the first second to
//! after the end.

use std::net::TcpListener;

use crate::answerer::{OK, answer_with};
use crate::common::{Home, text};
use crate::wait;
use crate::webdriver::Browser;

#[test]
fn the_live_page_follows_a_load_and_can_be_saved_after_it() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let browser = Browser::start();
    let url = format!("http://{}/", answer_with(OK));
    let live = format!("--live={free}");
    let mut load = home.start(&["load", "-c", "4", "-r", "200", "-d", "6s", &live, &url]);
    wait("the page is served", || {
        std::net::TcpStream::connect(free).is_ok()
    });
    browser.open(&format!("http://{free}/"));
    let shown = |part: &str| {
        let main = browser.run("return document.querySelector('main').innerText");
        main.as_str().is_some_and(|text| text.contains(part))
    };
    wait("the first figures are there", || {
        shown("requests/s succeeded")
    });
    let charts = "return document.querySelectorAll('main svg').length";
    assert!(browser.run(charts).as_u64().unwrap() >= 3);
    let state = "return document.querySelector('[data-state]').dataset.state";
    assert_eq!(browser.run(state), "running");
    wait("the load has ended", || browser.run(state) == "finished");
    let (code, _, errors) = load.finish();
    assert_eq!(code, Some(0), "{errors}");
    // The server is gone; the page is not, and can still be saved.
    assert!(std::net::TcpStream::connect(free).is_err());
    assert!(browser.run(charts).as_u64().unwrap() >= 4);
    let saved = browser.run(
        "const link = [...document.links].find(link => link.textContent.includes('Save'));
         const request = new XMLHttpRequest();
         request.open('GET', link.href, false);
         request.send();
         return request.responseText;",
    );
    let saved = saved.as_str().unwrap();
    assert!(saved.contains("<svg") && saved.contains("requests/s succeeded"));
    assert_eq!(browser.console(), Vec::<serde_json::Value>::new());

    // What was saved is the page that --html writes, and opens from disk.
    let file = home.path().join("saved.html");
    std::fs::write(&file, saved).unwrap();
    browser.open(&format!("file://{}", file.display()));
    assert!(shown("requests/s succeeded"));
    assert_eq!(browser.console(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_taken_address_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let url = format!("http://{}/", answer_with(OK));
    let output = Home::new().tonnage(&["load", "--live", &address, &url]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("choose another"),
        "{}",
        text(&output.stderr)
    );
}
