//! Whether the clock tells the truth, against a server that keeps its own record.
//!
//! For a closed loop over one connection the record gives bounds that hold on any
//! machine, however busy. The engine's time of request k contains the server's
//! delay k. And it lies between the server's write of answer k − 1 (the engine
//! sends k only after that) and its read of request k + 1 (sent only after k was
//! done). Where every sample lies between two others, so does every percentile.
//!
//! How much the engine itself adds to what the machine does anyway is told by the
//! plainest client that there is, a thread that writes and reads. Since others use
//! the machine too, the best of a few attempts counts here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tonnage_load::{ArrivalLaw, LoadModel, Overload};
use tonnage_model::{Histogram, LoadReport};

use crate::scripted::{OK, Then, answer, plan, run, serve};

/// How far a percentile may be above the plain client's: this share, or this much.
const CLOSE_SHARE: f64 = 0.01;
const CLOSE_US: f64 = 60.0;
const ATTEMPTS: usize = 5;

/// What the server saw of one request.
#[derive(Debug, Clone, Copy)]
struct Seen {
    read: Instant,
    write: Instant,
}

/// The server's own record, as bounds of the engine's service time.
struct Bounds {
    least: Histogram,
    most: Histogram,
}

impl Bounds {
    fn of(seen: &[Seen]) -> Self {
        let (mut least, mut most) = (Histogram::new(), Histogram::new());
        for (k, now) in seen.iter().enumerate() {
            least.record((now.write - now.read).as_nanos() as u64);
            // The first and the last have no neighbour: no bound but the run's.
            let begin = k.checked_sub(1).map(|before| seen[before].write);
            let end = seen.get(k + 1).map(|next| next.read);
            most.record(match begin.zip(end) {
                Some((begin, end)) => (end - begin).as_nanos() as u64,
                None => u64::MAX,
            });
        }
        Self { least, most }
    }

    /// Every percentile of the engine's lies within the bounds.
    fn hold(&self, report: &LoadReport) {
        let measured = report.service_time.histogram();
        assert_eq!(measured.count(), self.least.count());
        let mut compared = 0;
        for percentile in 1..100 {
            let p = f64::from(percentile);
            let Some(value) = measured.percentile_us(p) else {
                continue;
            };
            let (least, most) = (
                self.least.percentile_us(p).unwrap(),
                self.most.percentile_us(p).unwrap(),
            );
            // A histogram's reading is up to 0.1 % off, on either side.
            assert!(value >= least * 0.998, "p{p}: {value} below {least} µs");
            assert!(value <= most * 1.002, "p{p}: {value} above {most} µs");
            compared += 1;
        }
        assert!(compared > 50, "too few samples to compare");
        // Of means it is true as well.
        let (mean, least) = (measured.mean_us().unwrap(), self.least.mean_us().unwrap());
        assert!(mean >= least * 0.999, "mean: {mean} below {least} µs");
    }
}

/// What both clients measured of the same server.
struct Measured {
    report: LoadReport,
    plain: Histogram,
}

impl Measured {
    fn percentile_us(&self, percentile: f64) -> f64 {
        self.report.service_time.percentile_us(percentile).unwrap()
    }

    /// Whether the engine comes as close to the plain client as it should.
    fn is_close(&self, percentile: f64) -> bool {
        let plain = self.plain.percentile_us(percentile).unwrap();
        self.percentile_us(percentile) - plain <= (plain * CLOSE_SHARE).max(CLOSE_US)
    }
}

/// Asks as a plain client does, with the clock around one write and one read.
fn ask_plainly(address: SocketAddr, requests: u64) -> Histogram {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Histogram::new();
    let mut buffer = [0; 1024];
    for _ in 0..requests {
        let began = Instant::now();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            .unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap(), OK.len());
        times.record(began.elapsed().as_nanos() as u64);
    }
    times
}

/// Measures a server that waits `delay(k)` before answer k, `requests` times by
/// each client, and holds the engine's figures against what the server saw.
fn measure(delay: fn(u64) -> Duration, requests: u64) -> Measured {
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let record = Arc::clone(&seen);
    let server = serve(move |stream, number| {
        let read = Instant::now();
        wait_exactly(delay(number), read);
        let write = Instant::now();
        // In the record before the client can know.
        record.lock().unwrap().push(Seen { read, write });
        stream.write_all(OK.as_bytes()).unwrap();
        Then::KeepOpen
    });
    let plain = ask_plainly(server.address, requests);
    seen.lock().unwrap().clear();
    let report = run(&plan(&server, requests));
    Bounds::of(&seen.lock().unwrap()).hold(&report);
    Measured { report, plain }
}

/// Sleeps for the most part and spins for the rest, since a sleep may be long.
fn wait_exactly(delay: Duration, since: Instant) {
    thread::sleep(delay.saturating_sub(Duration::from_millis(1)));
    while since.elapsed() < delay {
        std::hint::spin_loop();
    }
}

#[test]
fn a_constant_delay_is_measured_as_it_was() {
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let measured = measure(|_| Duration::from_millis(2), 300);
        assert!(measured.report.service_time.min_us.unwrap() >= 2_000.0 * 0.999);
        if measured.is_close(50.0) {
            return;
        }
        seen.push((
            measured.percentile_us(50.0),
            measured.plain.percentile_us(50.0),
        ));
    }
    panic!("the engine's and a plain client's medians in µs: {seen:?}");
}

#[test]
fn two_delays_are_told_apart() {
    const SHORT_US: f64 = 1_000.0;
    const LONG_US: f64 = 10_000.0;
    let delay = |number| Duration::from_millis(if number % 10 == 9 { 10 } else { 1 });
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let measured = measure(delay, 1_000);
        // One in ten is long: on any machine those beyond p90 are.
        assert!(measured.percentile_us(50.0) >= SHORT_US * 0.999);
        assert!(measured.percentile_us(95.0) >= LONG_US * 0.999);
        assert!(measured.percentile_us(99.0) >= LONG_US * 0.999);
        let is_close = [50.0, 95.0].iter().all(|&p| measured.is_close(p));
        if is_close && measured.percentile_us(50.0) < LONG_US {
            return;
        }
        seen.push(
            [50.0, 95.0].map(|p| (measured.percentile_us(p), measured.plain.percentile_us(p))),
        );
    }
    panic!("the engine's and a plain client's p50 and p95 in µs: {seen:?}");
}

/// A server that answers at once but for [`STALL`] after [`BEFORE`], counted from
/// its first request: whoever asks meanwhile is answered at the stall's end.
const BEFORE: Duration = Duration::from_secs(1);
const STALL: Duration = Duration::from_secs(2);
const LENGTH: Duration = Duration::from_secs(5);
const RATE_RPS: f64 = 300.0;
/// Fewer than 1 % of the requests, so that p99 of the service time lies outside.
const CONNECTIONS: u32 = 4;

#[test]
fn a_stall_is_in_the_response_times_of_all_who_came_meanwhile() {
    let began = Mutex::new(None);
    let server = serve(move |stream, number| {
        let began: Instant = *began.lock().unwrap().get_or_insert_with(Instant::now);
        let passed = began.elapsed();
        if (BEFORE..BEFORE + STALL).contains(&passed) {
            thread::sleep((BEFORE + STALL).saturating_sub(passed));
        }
        answer(OK)(stream, number)
    });
    let mut plan = plan(&server, 1);
    plan.requests = None;
    plan.duration = Some(LENGTH);
    plan.connections = CONNECTIONS;
    plan.model = LoadModel::Open {
        rate_rps: RATE_RPS,
        law: ArrivalLaw::Constant,
        overload: Overload::Queue,
    };
    let report = run(&plan);

    // An arrival u after the stall's beginning waits for the rest of it, S − u.
    // The arrivals come evenly over the time T, so that a share of (S − x) ÷ T
    // waits longer than x: the percentile p is x = S − (1 − p) · T.
    let stall_us = STALL.as_micros() as f64;
    let predicted_us = |p: f64| stall_us - (1.0 - p / 100.0) * LENGTH.as_micros() as f64;
    for percentile in [75.0, 90.0, 95.0, 99.0] {
        let measured_us = report.response_time.percentile_us(percentile).unwrap();
        let off = (measured_us - predicted_us(percentile)).abs() / stall_us;
        assert!(
            off < 0.05,
            "p{percentile}: {measured_us} µs instead of {}",
            predicted_us(percentile)
        );
    }
    // Only those that were on their way saw it in their service time.
    let service = &report.service_time;
    assert!(service.max_us.unwrap() > stall_us * 0.9, "{service:?}");
    assert!(
        service.percentile_us(99.0).unwrap() < stall_us * 0.1,
        "{service:?}"
    );
    assert!(report.arrivals.unwrap().most_queued as f64 > RATE_RPS * STALL.as_secs_f64() * 0.9);
}
