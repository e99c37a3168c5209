//! For `cargo xtask bench evaluate`: writes bodies of requests of a seed, one a
//! line, or answers them and says how long that took.
//!
//!     evaluate-rate write LOGS SEED
//!     evaluate-rate replay LOGS SEED

#![expect(
    clippy::print_stdout,
    reason = "what it writes is what it is there for"
)]

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use tonnage_services::evaluate::{Engine, Payloads};

/// Bodies that are made before they are answered, so that making them is not timed.
const AT_A_TIME: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [task, logs, seed] = arguments.as_slice() else {
        return Err("usage: evaluate-rate write|replay LOGS SEED".into());
    };
    let (logs, seed) = (logs.parse()?, seed.parse()?);
    match task.as_str() {
        "write" => write(logs, seed)?,
        "replay" => replay(logs, seed),
        other => return Err(format!("there is no task `{other}`: write or replay").into()),
    }
    Ok(())
}

fn write(logs: usize, seed: u64) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for body in Payloads::new(seed).take(logs) {
        out.write_all(&body)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints the seconds of the monotonic clock that answering took, and the bytes of
/// all answers, which show that they were made.
fn replay(logs: usize, seed: u64) {
    let engine = Engine::new();
    let mut payloads = Payloads::new(seed).take(logs);
    let (mut took, mut bytes) = (Duration::ZERO, 0);
    loop {
        let bodies: Vec<Vec<u8>> = payloads.by_ref().take(AT_A_TIME).collect();
        if bodies.is_empty() {
            break;
        }
        let start = Instant::now();
        for body in &bodies {
            bytes += engine.answer(body).map_or(0, |answer| answer.len());
        }
        took += start.elapsed();
    }
    println!(
        "{{\"logs\": {logs}, \"seconds\": {}, \"answer_bytes\": {bytes}}}",
        took.as_secs_f64()
    );
}
