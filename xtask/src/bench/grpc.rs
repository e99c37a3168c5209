//! Unary gRPC calls per second: `tonnage load` beside a loop over Python's grpcio,
//! both on one core, against nginx on another, which answers from a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::nginx::{self, HTTP2_PORT};
use super::own::Report;
use super::process::{CLIENT_CPU, pinned, release_binary, run as run_to_end};
use super::{Settings, median};

/// The client's library, at a version that is known.
const GRPCIO: &str = "grpcio==1.76.0";

/// Least rate of `tonnage load` as a multiple of the loop's.
const MIN_RATIO: f64 = 5.0;

const PROTO: &str = "syntax = \"proto3\";
service MyApp { rpc index (MyAppRequest) returns (MyAppResponse); }
message MyAppRequest { int32 num = 1; }
message MyAppResponse { string text = 1; }
";

/// Calls one after the other, as long as it is told to.
const LOOP: &str = "
import sys, time, grpc
channel = grpc.insecure_channel(sys.argv[1])
call = channel.unary_unary('/MyApp/index', request_serializer=bytes, response_deserializer=bytes)
call(b'\\x08\\x01')
start, calls = time.monotonic(), 0
while time.monotonic() - start < float(sys.argv[2]):
    call(b'\\x08\\x01')
    calls += 1
print(calls / (time.monotonic() - start))
";

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let python = python_with_grpcio()?;
    let folder = tempfile::tempdir()?;
    let _server = nginx::start(folder.path())?;
    let proto = folder.path().join("myapp.proto");
    fs::write(&proto, PROTO)?;
    println!("unary gRPC calls per second on one core");
    println!(
        "{:>6} {:>12} {:>12} {:>7}",
        "repeat", "grpcio", "tonnage", "ratio"
    );
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for repeat in 1..=settings.repeats {
        let their_rps = measure_loop(&python, settings.seconds)?;
        let our_rps = measure_tonnage(&tonnage, &proto, settings.seconds)?;
        println!(
            "{repeat:>6} {their_rps:>12.0} {our_rps:>12.0} {:>7.2}",
            our_rps / their_rps
        );
        theirs.push(their_rps);
        ours.push(our_rps);
    }
    let ratio = median(&ours) / median(&theirs);
    println!("ratio of medians {ratio:.2} (at least {MIN_RATIO})");
    ensure!(
        ratio >= MIN_RATIO,
        "tonnage load reaches less than {MIN_RATIO} times the loop's rate"
    );
    Ok(())
}

fn measure_loop(python: &Path, seconds: u32) -> anyhow::Result<f64> {
    let mut command = pinned(CLIENT_CPU, python);
    let address = format!("127.0.0.1:{HTTP2_PORT}");
    command.args(["-c", LOOP, &address, &seconds.to_string()]);
    let text = run_to_end(&mut command)?.text;
    text.trim()
        .parse()
        .with_context(|| format!("the loop printed `{text}`"))
}

fn measure_tonnage(tonnage: &Path, proto: &Path, seconds: u32) -> anyhow::Result<f64> {
    let mut command = pinned(CLIENT_CPU, tonnage);
    command.args(["load", "-q", "--no-calibration", "--json", "-", "-t", "1"]);
    command.args(["-c", "4", "--streams", "16", "-d", &format!("{seconds}s")]);
    command
        .arg("--proto")
        .arg(proto)
        .args(["-b", "{\"num\":1}"]);
    command.arg(format!("grpc://127.0.0.1:{HTTP2_PORT}/MyApp/index"));
    Report::parse(&run_to_end(&mut command)?.text)?.goodput_rps()
}

/// A Python with grpcio, installed once below the target folder.
fn python_with_grpcio() -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-grpcio");
    let python = target.join("bin/python");
    if !target.join("ready").exists() {
        println!("Installing {GRPCIO} (only the first time) …");
        run_checked(Command::new("python3").args(["-m", "venv"]).arg(&target))?;
        run_checked(Command::new(&python).args(["-m", "pip", "install", "-q", GRPCIO]))?;
        fs::write(target.join("ready"), GRPCIO)?;
    }
    Ok(python)
}

fn run_checked(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
