//! The page of `--status-bind` while workers have something to do: its numbers come, and on
//! a desk and on a phone they can be read.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::Home;
use crate::served::Served;
use crate::wait;
use crate::webdriver::Browser;

/// Words that are cut off, that lie on each other, or that are too small.
const UNREADABLE: &str = "
    const shown = [...document.querySelectorAll('h1, p, figcaption, figure b, small span, th, td')]
        .filter(part => part.textContent && part.getClientRects().length);
    const small = part => parseFloat(getComputedStyle(part).fontSize) < 11.5;
    const cut = part => part.scrollWidth > part.clientWidth + 1;
    const boxes = shown.map(part => part.getBoundingClientRect());
    const covers = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
        && one.top < other.bottom - 1 && other.top < one.bottom - 1;
    const covered = index => boxes.some((box, other) => other !== index && covers(box, boxes[index]));
    return shown.filter((part, index) => small(part) || cut(part) || covered(index))
        .map(part => part.textContent);";

/// By how much the page is wider than what is seen of it.
const OVERHANG: &str =
    "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[test]
fn the_status_page_can_be_read_under_load_on_every_screen() {
    let browser = Browser::start();
    let home = Home::new();
    let server = Served::start(&home, "browsed:wsgi", &["--workers=2", "--threads=4"]);
    let [url, failing] = [&server.url, &format!("{}/fails", server.url)];
    let load = ["load", "--no-calibration", "-c", "4", "-d", "10m"];
    let _load = home.start(&[&load[..], &["-r", "200", url]].concat());
    let _failing = home.start(&[&load[..], &["-r", "5", failing]].concat());
    browser.open(&format!("{}/", server.status));

    let figures = "return Object.fromEntries([...document.querySelectorAll('figure')]
        .map(one => [one.querySelector('figcaption').textContent, one.querySelector('b').textContent]))";
    let shown = |name: &str| {
        let figures = browser.run(figures);
        figures[name].as_str().unwrap_or("–").to_owned()
    };
    let number = |name: &str| shown(name).parse::<f64>().unwrap_or(0.0);
    wait("requests are counted", || number("requests/s") > 20.0);
    wait("failures are counted", || number("5xx/s") > 0.0);
    for name in ["service time, mean", "queue wait, mean", "GIL wait, mean"] {
        wait(name, || shown(name).ends_with('s'));
    }
    let cells = "return [...document.querySelectorAll('#workers tr')].slice(1)
        .map(line => [...line.cells].map(cell => cell.textContent))";
    wait("each worker has its numbers", || {
        let workers = browser.run(cells);
        let workers = workers.as_array().unwrap();
        // Only of the lag of an event loop, which there is none of, nothing is known.
        let unknown = |line: &Value| {
            let cells = line.as_array().unwrap().iter();
            cells.filter(|cell| *cell == "–").count()
        };
        workers.len() == 2 && workers.iter().all(|line| unknown(line) == 1)
    });

    for width in [1200, 400] {
        browser.emulate_screen(width, 900);
        wait("the page is as wide as the screen", || {
            browser.run(OVERHANG) == 0
        });
        assert_eq!(browser.run(UNREADABLE), json!([]), "{width} pixels");
        // For whoever wants to look.
        let file = format!("status-page-{width}.png");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
        fs::write(file, browser.screenshot()).unwrap();
    }
    assert_eq!(browser.console(), Vec::<Value>::new());
}
