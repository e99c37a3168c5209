//! `report.html` of a run, opened from disk in a real browser that knows no host: on
//! screen, on a phone, in print and without scripts.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Home, text};
use crate::webdriver::Browser;
use crate::{chromium, wait};

/// A run with a grid, so that every kind of chart is there.
fn run(home: &Home) -> PathBuf {
    let study = home.path().join("small.toml");
    std::fs::write(&study, STUDY).unwrap();
    // Tests share the machine with each other: its noise is no matter here.
    let run = home.tonnage(&["study", "run", "--force", study.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let printed = text(&run.stdout);
    Path::new(printed.lines().last().unwrap()).join("report.html")
}

const STUDY: &str = r#"
title = "Small"
question = "Do more workers serve more users?"
[factors]
stack = "gunicorn-sync"
workload = "loop"
workers = [1, 2]
clients = [1, 2, 3]
keepalive = true
duration = "1s"
warmup = "200ms"
[parameters]
iterations = 2000
[request]
path = "/?it1={iterations}&it2=1"
[experiment]
blocks = 1
duplicate = false
steady_within = "500ms"
[pause]
max_wait = "1s"
[show]
grid = { x = "clients", y = "workers" }
"#;

#[test]
fn the_report_opens_from_disk_and_shows_its_answer() {
    let home = Home::new();
    let report = run(&home);

    let page = chromium(&["--dump-dom"], &report);
    let (dom, log) = (text(&page.stdout), text(&page.stderr));
    for part in ["requests/s", "<svg", "clients", "Machine and conditions"] {
        assert!(dom.contains(part), "{part} is missing");
    }
    assert!(
        !log.contains("ERR_"),
        "the page asks for something that is not in it: {log}"
    );

    let picture = home.path().join("report.png");
    chromium(
        &[
            &format!("--screenshot={}", picture.display()),
            "--window-size=1000,1400",
        ],
        &report,
    );
    assert!(
        std::fs::metadata(&picture).unwrap().len() > 20_000,
        "the picture is nearly empty"
    );
    let print = home.path().join("report.pdf");
    chromium(&[&format!("--print-to-pdf={}", print.display())], &report);
    assert!(
        std::fs::metadata(&print).unwrap().len() > 20_000,
        "the print is nearly empty"
    );

    let browser = Browser::start();
    browser.resize(1100, 900);
    let url = format!("file://{}", report.display());
    browser.allow_scripts(false);
    browser.open(&url);
    shows_pictures(&browser);
    browser.allow_scripts(true);
    browser.open(&url);
    draw_all(&browser);
    hover(&browser);
    zoom(&browser);
    asks_for_nothing(&browser);
    prints_pictures(&browser);
    fits_a_phone(&browser);
}

/// Scrolls to each figure and waits until it is drawn.
fn draw_all(browser: &Browser) {
    let count = browser.run("return document.querySelectorAll('figure').length");
    let count = count.as_u64().unwrap();
    assert!(count >= 6, "{count} figures");
    for index in 0..count {
        browser.run(&format!(
            "document.querySelectorAll('figure')[{index}].scrollIntoView({{block: 'center'}})"
        ));
        wait(&format!("figure {index} is drawn"), || {
            let drawn = "return document.querySelectorAll('figure.drawn').length";
            browser.run(drawn).as_u64().unwrap() > index
        });
    }
    let kinds = browser.run(
        "return [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.data[0].type)",
    );
    for kind in ["scatter", "bar", "heatmap", "surface"] {
        let has = kinds.as_array().unwrap().iter().any(|found| found == kind);
        assert!(has, "no {kind} in {kinds}");
    }
}

/// The middle of the throughput chart's plane, its width and height, in pixels.
fn plane(browser: &Browser) -> [f64; 4] {
    let script = "const plot = document.getElementById('chart-throughput');
         plot.scrollIntoView({block: 'center'});
         const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
         return [box.x + box.width / 2, box.y + box.height / 2, box.width, box.height];";
    let found = browser.run(script);
    let found: Vec<f64> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_f64().unwrap())
        .collect();
    found.try_into().unwrap()
}

/// On a point, a label with its figures appears.
fn hover(browser: &Browser) {
    let script = "const plot = document.getElementById('chart-throughput');
         plot.scrollIntoView({block: 'center'});
         const box = plot.querySelector('.scatterlayer .points path').getBoundingClientRect();
         return [box.x + box.width / 2, box.y + box.height / 2];";
    let label = "return document.querySelector('#chart-throughput .hovertext')?.textContent ?? ''";
    let mut nearer = 3.0;
    wait("a label tells of the point", || {
        let at = browser.run(script);
        // Only a mouse that moves is noticed.
        nearer = if nearer > 0.0 { 0.0 } else { 3.0 };
        browser.point_at(at[0].as_f64().unwrap() + nearer, at[1].as_f64().unwrap());
        browser.run(label).as_str().unwrap().contains("requests/s")
    });
}

/// Drawing a box zooms into it.
fn zoom(browser: &Browser) {
    let range = "return document.getElementById('chart-throughput').layout.xaxis.range";
    let before = browser.run(range);
    let [x, y, width, height] = plane(browser);
    browser.drag(
        (x - width * 0.2, y - height * 0.2),
        (x + width * 0.2, y + height * 0.2),
    );
    wait("the chart is zoomed", || browser.run(range) != before);
}

/// Nothing was asked for, and nobody complained.
fn asks_for_nothing(browser: &Browser) {
    let asked = browser.run(
        "return performance.getEntriesByType('resource').map(entry => entry.name)
             .filter(name => !name.startsWith('blob:') && !name.startsWith('data:'))",
    );
    assert_eq!(asked, Value::Array(vec![]));
    // How the browser draws is its own affair.
    let own = [
        "GPU stall",
        "willReadFrequently",
        "swiftshader",
        "SwiftShader",
    ];
    let said = browser.console();
    let said: Vec<_> = said
        .iter()
        .filter(|entry| {
            !own.iter()
                .any(|word| entry["message"].as_str().unwrap().contains(word))
        })
        .collect();
    assert!(said.is_empty(), "{said:?}");
}

/// How high each element of a class is, in pixels.
fn heights(browser: &Browser, class: &str) -> Vec<f64> {
    let heights = browser.run(&format!(
        "return [...document.querySelectorAll('{class}')].map(part => part.getBoundingClientRect().height)"
    ));
    let heights = heights.as_array().unwrap().iter();
    heights.map(|height| height.as_f64().unwrap()).collect()
}

/// There is one picture for each figure, and no chart.
fn shows_pictures(browser: &Browser) {
    let (still, live) = (heights(browser, ".still"), heights(browser, ".live"));
    assert!(
        still.len() >= 6 && still.iter().all(|height| *height > 80.0),
        "{still:?}"
    );
    assert!(live.iter().all(|height| *height == 0.0), "{live:?}");
}

/// In print every figure is a picture, on screen none is.
fn prints_pictures(browser: &Browser) {
    let still = heights(browser, ".still");
    assert!(
        still.iter().all(|height| *height < 2.0),
        "both are shown: {still:?}"
    );
    browser.emulate_print(true);
    shows_pictures(browser);
    browser.emulate_print(false);
}

/// On a narrow screen nothing but tables is wider than it.
fn fits_a_phone(browser: &Browser) {
    browser.resize(500, 900);
    wait("the page is as wide as the window", || {
        let width =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        browser.run(width) == 0
    });
    let overlaps = "return [...document.querySelectorAll('.live')]
        .filter(chart => chart.scrollWidth > chart.clientWidth + 1).length";
    wait("the charts have adapted", || browser.run(overlaps) == 0);
}
