//! Is a request run by the thread that reads it, or handed to another and back? The
//! threads are this program's own, on the servers' core; the application is a loop that
//! takes as long as a small one of Python.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::super::process::SERVER_CPU;
use super::super::sample::Sample;
use super::{PORT, Settings, measure_in_turn, wrk};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!";

/// Tokens of what is no connection.
const LISTENER: u64 = u64::MAX;
const DONE: u64 = u64::MAX - 1;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    println!("\nA request by one thread, or handed to a second and back");
    let ways: [&[&str]; 8] = [
        &["inline", "0 µs", "64 connections"],
        &["handed over", "0 µs", "64 connections"],
        &["inline", "35 µs", "64 connections"],
        &["handed over", "35 µs", "64 connections"],
        &["inline", "0 µs", "1 connection"],
        &["handed over", "0 µs", "1 connection"],
        &["inline", "35 µs", "1 connection"],
        &["handed over", "35 µs", "1 connection"],
    ];
    let rounds_of_35_us = rounds_of(Duration::from_micros(35));
    measure_in_turn(settings, &ways, |way| {
        let rounds = if way[1] == "0 µs" {
            0
        } else {
            rounds_of_35_us
        };
        let connections = if way[2] == "1 connection" { 1 } else { 64 };
        let listener = TcpListener::bind(("127.0.0.1", PORT))?;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let server = scope.spawn(|| serve(&listener, way[0] == "inline", rounds, &stop));
            let own = [std::process::id()];
            let sample = Sample::take(
                &own,
                |seconds| Ok(wrk(connections, seconds)),
                settings.seconds,
            );
            stop.store(true, Ordering::Relaxed);
            match server.join() {
                Ok(result) => result.and(sample),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    })
}

/// The application.
fn work(rounds: u64) {
    let mut number = 1;
    for round in 0..rounds {
        number = black_box(number ^ round);
    }
}

/// How many rounds take so long, by the fastest of some tries.
fn rounds_of(wanted: Duration) -> u64 {
    const ROUNDS: u64 = 1_000_000;
    let tries = (0..5).map(|_| {
        let start = Instant::now();
        work(ROUNDS);
        start.elapsed()
    });
    let fastest = tries.min().unwrap_or(wanted);
    (ROUNDS as f64 * wanted.as_secs_f64() / fastest.as_secs_f64()) as u64
}

/// Serves until it is told to stop: reads and answers on this thread, and runs the
/// application here or on another, which is woken by a channel and wakes by an eventfd.
fn serve(
    listener: &TcpListener,
    inline: bool,
    rounds: u64,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(SERVER_CPU.parse()?);
    // A thread that this one starts inherits it.
    sched_setaffinity(None, &cpus)?;
    let bell = eventfd(0, EventfdFlags::NONBLOCK)?;
    let (requests, asked) = mpsc::channel();
    let (answers, answered) = mpsc::channel();
    thread::scope(|scope| {
        let bell = &bell;
        if inline {
            return Sockets::new(listener, bell)?.serve(
                stop,
                |_| {
                    work(rounds);
                    true
                },
                &answered,
            );
        }
        scope.spawn(move || {
            for token in asked {
                work(rounds);
                if answers.send(token).is_err() {
                    break;
                }
                // It fails only when it is full of wakes already.
                let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
            }
        });
        // Its end of the channel goes with this closure, and the thread with that.
        let requests = requests;
        Sockets::new(listener, bell)?.serve(stop, |token| requests.send(token).is_err(), &answered)
    })
}

/// What the thread that reads has.
struct Sockets<'a> {
    poll: OwnedFd,
    listener: &'a TcpListener,
    bell: &'a OwnedFd,
    connections: HashMap<u64, TcpStream>,
}

impl<'a> Sockets<'a> {
    fn new(listener: &'a TcpListener, bell: &'a OwnedFd) -> anyhow::Result<Self> {
        listener.set_nonblocking(true)?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64;
        epoll::add(&poll, listener, data(LISTENER), epoll::EventFlags::IN)?;
        epoll::add(&poll, bell, data(DONE), epoll::EventFlags::IN)?;
        Ok(Self {
            poll,
            listener,
            bell,
            connections: HashMap::new(),
        })
    }

    /// `run` says whether a request is answered at once; the others' tokens come back
    /// through `answered`.
    fn serve(
        mut self,
        stop: &AtomicBool,
        run: impl Fn(u64) -> bool,
        answered: &mpsc::Receiver<u64>,
    ) -> anyhow::Result<()> {
        let mut events = Vec::with_capacity(128);
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: 20_000_000,
        };
        while !stop.load(Ordering::Relaxed) {
            events.clear();
            epoll::wait(&self.poll, spare_capacity(&mut events), Some(&tick))?;
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    DONE => {
                        rustix::io::read(self.bell, &mut [0; 8])?;
                        for token in answered.try_iter() {
                            self.answer(token);
                        }
                    }
                    token if !self.has_request(token) => {
                        self.connections.remove(&token);
                    }
                    token if run(token) => self.answer(token),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nodelay(true)?;
        let token = stream.as_raw_fd() as u64;
        let data = epoll::EventData::new_u64(token);
        epoll::add(&self.poll, &stream, data, epoll::EventFlags::IN)?;
        self.connections.insert(token, stream);
        Ok(())
    }

    /// wrk sends a request in one piece, and the next when it is answered.
    fn has_request(&mut self, token: u64) -> bool {
        let stream = self.connections.get_mut(&token);
        stream.is_some_and(|stream| stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0))
    }

    fn answer(&mut self, token: u64) {
        // wrk may be gone by now.
        if let Some(stream) = self.connections.get_mut(&token)
            && stream.write_all(ANSWER).is_err()
        {
            self.connections.remove(&token);
        }
    }
}
