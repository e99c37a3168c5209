//! CPU for each request: `tonnage load`, with all its recording and checking on,
//! beside wrk, against a static nginx on another core.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::process::{Server, release_binary, run as run_to_end};
use super::{Settings, median, wrk};
use crate::packages::find;

const PORT: u16 = 18_099;
const CONNECTIONS: u32 = 64;

/// Most CPU for each request that `tonnage load` may use, as a multiple of wrk's.
const MAX_RATIO: f64 = 1.1;

/// The server has the first core to itself, the generators take turns on the
/// second.
const SERVER_CPU: &str = "0";
const CLIENT_CPU: &str = "1";

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = start_nginx(folder.path())?;
    let url = format!("http://127.0.0.1:{PORT}/");
    let (connections, seconds) = (CONNECTIONS.to_string(), format!("{}s", settings.seconds));
    let pinned = |program: &Path| {
        let mut command = Command::new("taskset");
        command.args(["-c", CLIENT_CPU]).arg(program);
        command
    };
    println!("CPU for each request at {CONNECTIONS} connections, in µs (requests/s)");
    println!(
        "{:>6} {:>20} {:>20} {:>7}",
        "repeat", "wrk", "tonnage", "ratio"
    );
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for repeat in 1..=settings.repeats {
        let mut command = pinned(Path::new("wrk"));
        let finished =
            run_to_end(command.args(["-t", "1", "-c", &connections, "-d", &seconds, &url]))?;
        let report = wrk::parse(&finished.text)?;
        let (their_us, their_rate) = (
            finished.cpu_seconds * 1e6 / report.requests,
            report.requests_per_second,
        );

        let mut command = pinned(&tonnage);
        command.args([
            "load",
            "-t",
            "1",
            "-c",
            &connections,
            "-d",
            &seconds,
            "--json",
            "-",
            &url,
        ]);
        let finished = run_to_end(&mut command)?;
        let report: serde_json::Value = serde_json::from_str(&finished.text)?;
        let figure = |path: &str| {
            report
                .pointer(path)
                .and_then(serde_json::Value::as_f64)
                .context(path.to_owned())
        };
        let (succeeded, our_rate) = (
            figure("/counts/succeeded")?,
            figure("/throughput/goodput_rps")?,
        );
        ensure!(
            figure("/counts/failed")? < 1.0,
            "requests failed: {}",
            report["failures"]
        );
        let our_us = finished.cpu_seconds * 1e6 / succeeded;

        println!(
            "{repeat:>6} {their_us:>8.2} {:>11} {our_us:>8.2} {:>11} {:>7.3}",
            format!("({their_rate:.0})"),
            format!("({our_rate:.0})"),
            our_us / their_us
        );
        theirs.push(their_us);
        ours.push(our_us);
    }
    let ratio = median(&ours) / median(&theirs);
    println!(
        "medians: wrk {:.2} µs, tonnage {:.2} µs, ratio {ratio:.3} (at most {MAX_RATIO})",
        median(&theirs),
        median(&ours)
    );
    ensure!(
        ratio <= MAX_RATIO,
        "tonnage load uses more than {MAX_RATIO} times wrk's CPU"
    );
    Ok(())
}

fn start_nginx(folder: &Path) -> anyhow::Result<Server> {
    let nginx = find("nginx").context("nginx is gone")?;
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, nginx_configuration(folder))?;
    let mut command = Command::new("taskset");
    command
        .args(["-c", SERVER_CPU])
        .arg(nginx)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&configuration);
    Server::start(&mut command, PORT)
}

fn nginx_configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{PORT};
        location / {{ return 200 'hello from a static server'; }}
    }}
}}
"
    )
}
