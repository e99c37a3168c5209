//! What `tonnage serve` speaks with a browser: TLS, HTTP/2 and websockets. The page of
//! `apps/browsed.html` tries them and says what came of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::Home;
use crate::served::Served;
use crate::wait;
use crate::webdriver::Browser;

#[test]
fn a_browser_gets_http2_and_websockets_through_tls() {
    let browser = Browser::start();
    let home = Home::new();
    let [certificate, key] = certificate(home.path());
    let tls = [
        format!("--certfile={certificate}"),
        format!("--keyfile={key}"),
    ];
    let server = Served::start(&home, "browsed:app", &[&tls[0], &tls[1]]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    browser.open(&format!("{}/", server.url));

    let report = "return document.getElementById('report').textContent";
    wait("the page reports", || browser.run(report) != "");
    let report = browser.run(report);
    let mut report: Value = serde_json::from_str(report.as_str().unwrap()).unwrap();
    // It may name parameters, too.
    let extensions = report["websocket"]["extensions"].take();
    assert!(
        extensions
            .as_str()
            .is_some_and(|names| names.starts_with("permessage-deflate")),
        "{extensions}, {report}"
    );
    let expected = json!({
        "navigation": ["h2"],
        // The resources that wait for each other, and the uploads.
        "fetched": 16 + 5,
        "resources": ["h2"],
        "clients": 1,
        "versions": ["2"],
        "uploaded": true,
        "websocket": {
            "scheme": "wss",
            "offered": ["first", "second"],
            "protocol": "second",
            "extensions": null,
            "echoes": {
                "text": true,
                "empty": true,
                "binary": true,
                "100 KiB of text": true,
                "100 KiB of noise": true,
            },
            "code": 3456,
            "wasClean": true,
        },
    });
    assert_eq!(report, expected, "{report:#}");
    assert_eq!(browser.console(), Vec::<Value>::new());
}

/// Files of a certificate that nobody has signed, and of its key.
fn certificate(folder: &Path) -> [String; 2] {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let files = [
        ("certificate.pem", made.cert.pem()),
        ("key.pem", made.signing_key.serialize_pem()),
    ];
    files.map(|(name, text)| {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    })
}
