//! CPU for each request: `tonnage load`, with all its recording and checking on,
//! beside wrk, against a static nginx on another core.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::process::{CLIENT_CPU, SERVER_CPU, Server, pinned, release_binary, run as run_to_end};
use super::{Settings, median, wrk};
use crate::packages::find;

const PORT: u16 = 18_099;
const CONNECTIONS: u32 = 64;

/// Most CPU for each request that `tonnage load` may use, as a multiple of wrk's.
const MAX_RATIO: f64 = 1.1;

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = start_nginx(folder.path())?;
    println!("CPU for each request at {CONNECTIONS} connections, in µs (requests/s)");
    println!(
        "{:>6} {:>20} {:>20} {:>7}",
        "repeat", "wrk", "tonnage", "ratio"
    );
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for repeat in 1..=settings.repeats {
        let wrk = measure_wrk(settings.seconds)?;
        let own = measure_tonnage(&tonnage, settings.seconds)?;
        println!(
            "{repeat:>6} {wrk:>20} {own:>20} {:>7.3}",
            own.cpu_us / wrk.cpu_us
        );
        theirs.push(wrk.cpu_us);
        ours.push(own.cpu_us);
    }
    let (their_us, our_us) = (median(&theirs), median(&ours));
    let ratio = our_us / their_us;
    println!(
        "medians: wrk {their_us:.2} µs, tonnage {our_us:.2} µs, ratio {ratio:.3} (at most {MAX_RATIO})"
    );
    ensure!(
        ratio <= MAX_RATIO,
        "tonnage load uses more than {MAX_RATIO} times wrk's CPU"
    );
    Ok(())
}

/// One run of a generator.
struct Cost {
    /// CPU time for each request, start and end of the program included.
    cpu_us: f64,
    requests_per_second: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!(
            "{:.2} ({:.0})",
            self.cpu_us, self.requests_per_second
        ))
    }
}

fn measure_wrk(seconds: u32) -> anyhow::Result<Cost> {
    let mut command = generator(Path::new("wrk"), seconds);
    let finished = run_to_end(command.arg(url()))?;
    let report = wrk::parse(&finished.text)?;
    Ok(Cost {
        cpu_us: finished.cpu_seconds * 1e6 / report.requests,
        requests_per_second: report.requests_per_second,
    })
}

fn measure_tonnage(tonnage: &Path, seconds: u32) -> anyhow::Result<Cost> {
    let mut command = generator(tonnage, seconds);
    let finished = run_to_end(command.args(["--json", "-", &url()]))?;
    let report: serde_json::Value = serde_json::from_str(&finished.text)?;
    let figure = |path: &str| {
        let value = report.pointer(path).and_then(serde_json::Value::as_f64);
        value.with_context(|| format!("the report has no {path}"))
    };
    ensure!(
        figure("/counts/failed")? < 1.0,
        "requests failed: {}",
        report["failures"]
    );
    Ok(Cost {
        cpu_us: finished.cpu_seconds * 1e6 / figure("/counts/succeeded")?,
        requests_per_second: figure("/throughput/goodput_rps")?,
    })
}

/// A generator on the client's core, with the flags that both understand.
fn generator(program: &Path, seconds: u32) -> Command {
    let mut command = pinned(CLIENT_CPU, program);
    if program.ends_with("tonnage") {
        command.arg("load");
    }
    command.args([
        "-t",
        "1",
        "-c",
        &CONNECTIONS.to_string(),
        "-d",
        &format!("{seconds}s"),
    ]);
    command
}

fn url() -> String {
    format!("http://127.0.0.1:{PORT}/")
}

fn start_nginx(folder: &Path) -> anyhow::Result<Server> {
    let nginx = find("nginx").context("nginx is gone")?;
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, nginx_configuration(folder))?;
    let mut command = pinned(SERVER_CPU, &nginx);
    command.arg("-p").arg(folder).arg("-c").arg(&configuration);
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
