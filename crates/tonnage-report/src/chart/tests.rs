//! Every kind of chart, with data that has every trait.

use super::*;
use crate::chart::axis::Scale;
use crate::chart::palette::{PUBLISHED, color, marker};
use crate::chart::plot::{Line, Marker, Series};

fn curves() -> Plot {
    let steps = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let usl = |n: f64| 150.0 * n / (1.0 + 0.12 * (n - 1.0) + 0.002 * n * (n - 1.0));
    let fine: Vec<f64> = (0..=50).map(|i| 2f64.powf(f64::from(i) / 10.0)).collect();
    Plot {
        title: "Flask behind 2n+1 gunicorn sync workers: best 950 requests/s, with workers=5 iterations=60000".to_owned(),
        y_title: "requests per second".to_owned(),
        y_unit: "requests/s",
        x_title: "clients (concurrent users, each waiting for its answer)".to_owned(),
        x_unit: "clients",
        scale: Scale::Doubling,
        ticks: steps.to_vec(),
        series: vec![
            Series {
                band: fine.iter().map(|n| (*n, usl(*n) * 0.93, usl(*n) * 1.07)).collect(),
                ..Series::bound("Universal Scalability Law, with 95 % band", fine.iter().map(|n| (*n, usl(*n))).collect())
            },
            Series {
                marker: Marker::Triangle,
                ..Series::new("published", PUBLISHED, steps.iter().map(|n| (*n, usl(*n) * 0.6)).collect())
            },
            Series {
                line: Line::None,
                marker: marker(0),
                whiskers: steps.iter().map(|n| (*n, usl(*n) * 0.95, usl(*n) * 1.04)).collect(),
                ..Series::new("gunicorn-sync <5 workers>", color(0), steps.iter().map(|n| (*n, usl(*n))).collect())
            },
        ],
        marks: vec![(14.2, "knee 14.2 (11–19)".to_owned())],
        ..Plot::default()
    }
}

fn memory() -> Plot {
    let curve = |scale: f64| -> Vec<(f64, f64)> {
        (0..=120)
            .map(|i| f64::from(i) / 4.0)
            .map(|t| (t, scale * (30.0 + 80.0 * (1.0 - (-t / 5.0).exp()))))
            .collect()
    };
    Plot {
        title: "Memory: at most 110 MiB, with cpus=0.5 memory=75MB".to_owned(),
        y_title: "memory in MiB".to_owned(),
        x_title: "seconds since the server's start".to_owned(),
        span: Some((0.0, 30.0)),
        ticks: crate::chart::axis::round_ticks(0.0, 30.0, 10.0),
        series: vec![
            Series::new("cgroup", color(0), curve(1.0)),
            Series {
                line: Line::Dashed,
                ..Series::new("PSS", color(0), curve(0.8))
            },
        ],
        cross: Some((30.0, 110.0, "peak 110 MiB after 30.0 s".to_owned())),
        ..Plot::default()
    }
}

fn bars() -> Bars {
    let row = |label: &str, value: Option<f64>, published, note: &str| Bar {
        label: label.to_owned(),
        value,
        interval: value.map(|value| (value * 0.95, value * 1.06)),
        published,
        note: note.to_owned(),
        doubtful: note.contains("failed"),
    };
    Bars {
        title: "Server zoo: uwsgi 4p×50t is best with 967 requests/s".to_owned(),
        x_title: "requests per second".to_owned(),
        unit: "requests/s",
        line: Some(500.0),
        rows: vec![
            row(
                "uwsgi 4p×50t keepalive=true",
                Some(967.0),
                Some(1203.0),
                "967 (919–1025)",
            ),
            row(
                "gunicorn 4p×50t with a very long name that needs several lines in any case",
                Some(900.0),
                Some(700.0),
                "900 (855–954) ≈ best",
            ),
            row(
                "dev single",
                Some(210.0),
                Some(205.0),
                "210 (200–223) 12 failed",
            ),
            row(
                "japronto",
                None,
                Some(300.0),
                "failed: the server exited with status 3 before it answered anything",
            ),
        ],
    }
}

fn grid() -> Grid {
    let (xs, ys) = (
        ["2", "4", "5", "10", "20"],
        ["14", "15", "16", "17", "18", "19", "20"],
    );
    let value = |x: usize, y: usize| {
        15.0 - 1.9 * x as f64 + 0.35 * (x as f64 - 2.4).powi(2) + (y as f64 - 3.0).powi(2) * 0.05
    };
    Grid {
        title: "Evaluator: FastAPI needs 7.06 ms a request with 10 clients and 17 workers"
            .to_owned(),
        x_title: "clients".to_owned(),
        y_title: "workers".to_owned(),
        z_title: "ms per request".to_owned(),
        xs: xs.map(str::to_owned).to_vec(),
        ys: ys.map(str::to_owned).to_vec(),
        values: (0..7)
            .map(|y| {
                (0..5)
                    .map(|x| Some(value(x, y)).filter(|_| (x, y) != (3, 6)))
                    .collect()
            })
            .collect(),
    }
}

fn all() -> [(&'static str, Drawing); 5] {
    [
        ("curves", Drawing::Curves(curves())),
        ("memory", Drawing::Curves(memory())),
        ("bars", Drawing::Bars(bars())),
        ("map", Drawing::Map(grid())),
        ("surface", Drawing::Surface(grid())),
    ]
}

#[test]
fn every_chart_is_whole_and_the_same_each_time() {
    for (name, drawing) in all() {
        let chart = drawing.chart().unwrap();
        assert!(chart.svg.starts_with("<svg "), "{name}");
        assert!(chart.svg.trim_end().ends_with("</svg>"), "{name}");
        assert!(chart.svg.contains("font-family=\"sans-serif\""), "{name}");
        assert!(!chart.svg.contains("NaN"), "{name}");
        assert!(chart == drawing.chart().unwrap(), "{name}");
        assert_eq!(drawing.interactive(), drawing.interactive(), "{name}");
    }
}

#[test]
fn what_plotly_gets_is_json_and_cannot_end_its_element() {
    for (name, drawing) in all() {
        let json = drawing.interactive();
        assert!(!json.contains('<'), "{name}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(
            value["data"]
                .as_array()
                .is_some_and(|data| !data.is_empty()),
            "{name}"
        );
        assert!(
            value["layout"].is_object() && value["config"]["responsive"] == true,
            "{name}"
        );
    }
    assert!(
        Drawing::Curves(curves())
            .interactive()
            .contains("&lt;5 workers&gt;")
    );
}

#[test]
fn a_note_is_our_figure_and_stands_at_our_bar() {
    let place = |bars: Bars| {
        let svg = Drawing::Bars(bars).chart().unwrap().svg;
        let note = svg.find("210 (200–223) 12 failed").unwrap();
        let element = svg[..note].rfind("<text ").unwrap();
        svg[element..note]
            .split(' ')
            .find(|part| part.starts_with("x="))
            .unwrap()
            .to_owned()
    };
    let mut far = bars();
    let row = far.rows.iter_mut().find(|row| row.label == "dev single");
    row.unwrap().published = Some(700.0);
    assert_eq!(place(bars()), place(far));
}
