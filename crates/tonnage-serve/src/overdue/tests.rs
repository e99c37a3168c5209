//! Registers and overseers with a clock of the tests' own, and a witness that has seen what
//! it is told.

use std::io::Read as _;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::overseer::Course;
use super::{InHand, Limits, Outlet, Overseer, Register, Ticket, TimeoutAction, Way, Witness};
use crate::board::{Board, Slot, SlotId, Split};
use crate::supervisor::{Bell, Level, Reports};

const S: u64 = 1_000_000_000;

const LIMITS: Limits = Limits {
    slow: Some(Duration::from_secs(1)),
    timeout: Some(Duration::from_secs(10)),
    action: TimeoutAction::Answer,
};

/// Says the same each time.
struct Seen {
    /// It can have late requests ended by others.
    ends: bool,
    asked_to_end: usize,
}

impl Witness for Seen {
    fn stacks(&mut self, requests: &[InHand]) -> String {
        format!("stacks of {}", requests.len())
    }

    fn stacks_from_outside(&mut self, requests: &[InHand]) -> String {
        format!("stacks of {} from outside", requests.len())
    }

    fn end_late(&mut self) -> bool {
        self.asked_to_end += 1;
        self.ends
    }
}

/// An overseer that looks when it is told to.
struct Watched {
    overseer: Overseer<Seen>,
    course: Course,
    register: Arc<Register>,
    place: &'static Slot,
}

impl Watched {
    fn new(limits: Limits, ends: bool) -> Self {
        let board = Board::new(1).unwrap();
        board.prepare(SlotId::new(0), 1, 1, 0);
        let place = board.slot(SlotId::new(0));
        // No test is so slow that it would seem to be held up.
        place.beat(u64::MAX);
        let register = Register::new(limits, Some(board.meters(SlotId::new(0))));
        let overseer = Overseer {
            register: Some(Arc::clone(&register)),
            limits,
            place,
            meters: Some(board.meters(SlotId::new(0))),
            bell: Arc::new(Bell::new().unwrap()),
            reports: Arc::new(Reports::new().unwrap()),
            witness: Seen {
                ends,
                asked_to_end: 0,
            },
        };
        Self {
            overseer,
            course: Course::default(),
            register,
            place,
        }
    }

    /// What it says when it looks at this second; the process is called `PID`.
    fn look_at(&mut self, s: u64) -> Vec<(Level, String)> {
        // What came before is no reason to be silent.
        self.course.be_heard();
        self.overseer.look(&mut self.course, s * S);
        let pid = std::process::id().to_string();
        let texts = self.overseer.reports.take().into_iter();
        texts
            .map(|(level, text)| (level, text.replace(&pid, "PID")))
            .collect()
    }
}

/// A request without a name that is given to the application at this second.
fn enter(register: &Arc<Register>, s: u64) -> Ticket {
    register.enter(None, s * S, Split::default(), None)
}

/// The same, with a client that waits for its answer.
fn enter_with_client(register: &Arc<Register>, s: u64) -> (Ticket, UnixStream, UnixStream) {
    let (ours, client) = UnixStream::pair().unwrap();
    let outlet = Outlet {
        socket: ours.as_raw_fd(),
        way: Way::Plain,
    };
    let ticket = register.enter(None, s * S, Split::default(), Some(outlet));
    (ticket, ours, client)
}

fn read(client: &mut UnixStream) -> String {
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_request_is_slow_once_and_timed_out_once() {
    let register = Register::new(LIMITS, None);
    let _first = enter(&register, 100);
    let second = enter(&register, 105);
    let counts = |s: u64| {
        let late = register.look(s * S);
        (late.slow.len(), late.timed_out.len())
    };
    assert_eq!(counts(100), (0, 0));
    assert_eq!(counts(101), (1, 0));
    assert_eq!(counts(104), (0, 0));
    assert_eq!(counts(106), (1, 0));
    drop(second);
    assert_eq!(counts(110), (0, 1));
    assert_eq!(counts(200), (0, 0));
    // The place of one that is gone is taken by the next.
    let _third = enter(&register, 200);
    assert_eq!(counts(300), (0, 1));
}

#[test]
fn what_is_answered_or_waits_for_its_client_is_not_late() {
    let register = Register::new(LIMITS, None);
    let answered = enter(&register, 0);
    assert!(answered.claim() && answered.claim());
    // Early hints are no answer.
    let hinted = enter(&register, 0);
    assert!(hinted.claim());
    hinted.release();
    assert!(hinted.is_late(10 * S));
    drop(hinted);
    let paused = enter(&register, 0);
    paused.pause(None);
    assert_eq!(register.look(1000 * S), super::Late::default());
    assert!(!answered.is_late(1000 * S) && !paused.is_late(1000 * S));
    paused.pause(Some(1000 * S));
    assert!(!paused.is_late(1009 * S) && paused.is_late(1010 * S));
}

#[test]
fn only_one_of_the_two_answers() {
    let register = Register::new(LIMITS, None);
    let (late, ours, mut client) = enter_with_client(&register, 0);
    let (claimed, _held, mut other) = enter_with_client(&register, 0);
    assert!(claimed.claim());
    assert_eq!(register.answer_late(9 * S, Duration::ZERO), 0);
    assert_eq!(register.answer_late(10 * S, Duration::from_secs(1)), 0);
    assert_eq!(register.answer_late(10 * S, Duration::ZERO), 1);
    assert_eq!(register.answer_late(20 * S, Duration::ZERO), 0);
    assert!(!late.claim());
    let answer = read(&mut client);
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("Connection: close\r\n") && answer.ends_with("too long\n"));
    other.set_nonblocking(true).unwrap();
    assert!(other.read(&mut [0]).is_err());
    drop((late, ours));
}

#[test]
fn nothing_is_written_to_a_socket_whose_request_is_over() {
    let register = Register::new(LIMITS, None);
    let (ticket, _ours, mut client) = enter_with_client(&register, 0);
    drop(ticket);
    assert_eq!(register.answer_late(100 * S, Duration::ZERO), 0);
    client.set_nonblocking(true).unwrap();
    assert!(client.read(&mut [0]).is_err());
}

#[test]
fn a_worker_is_lost_when_all_that_it_has_is_far_too_late() {
    let register = Register::new(LIMITS, None);
    assert!(!register.is_lost(100 * S));
    let _first = enter(&register, 0);
    let second = enter(&register, 5);
    register.answer_late(15 * S, Duration::ZERO);
    assert!(!register.is_lost(20 * S));
    assert!(register.is_lost(25 * S));
    drop(second);
    let _third = enter(&register, 25);
    assert!(!register.is_lost(26 * S));
}

#[test]
fn slow_requests_are_told_of_with_the_stacks_of_all() {
    let mut watched = Watched::new(LIMITS, false);
    let _one = enter(&watched.register, 0);
    assert_eq!(watched.look_at(0), []);
    let text = "Worker (pid:PID): slow request after 1.0 s: \nstacks of 1";
    assert_eq!(watched.look_at(1), [(Level::Warning, text.to_owned())]);
    let _more: Vec<_> = (0..20).map(|_| enter(&watched.register, 2)).collect();
    let said = watched.look_at(4);
    let [(Level::Warning, text)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert!(text.starts_with("Worker (pid:PID): slow request: 20 requests\n"));
    assert!(text.ends_with("\n  and 4 more\nstacks of 21"), "{text}");
    assert_eq!(watched.look_at(5), []);
}

#[test]
fn after_a_report_it_is_silent_for_a_while() {
    let mut watched = Watched::new(LIMITS, false);
    let _one = enter(&watched.register, 0);
    let now_ns = crate::dispatch::now_ns();
    watched.overseer.look(&mut watched.course, now_ns);
    assert_eq!(watched.overseer.reports.take().len(), 1);
    let _two = enter(&watched.register, 0);
    watched.overseer.look(&mut watched.course, now_ns);
    assert_eq!(watched.overseer.reports.take(), []);
    watched.overseer.look(&mut watched.course, now_ns + 60 * S);
    assert_eq!(watched.overseer.reports.take().len(), 1);
}

#[test]
fn a_late_request_is_answered_at_once_where_nobody_else_can() {
    let mut watched = Watched::new(LIMITS, false);
    let now_s = crate::dispatch::now_ns() / S;
    let (ticket, ours, mut client) = enter_with_client(&watched.register, now_s - 10);
    let said = watched.look_at(now_s);
    assert_eq!(said[0].0, Level::Error);
    assert!(said[0].1.contains("request timed out after"), "{said:?}");
    assert!(!ticket.claim());
    drop((ticket, ours));
    assert!(read(&mut client).contains(" 503 "));
    assert_eq!(watched.place.wants_replacement(), None);
    let totals = watched.overseer.meters.unwrap().snapshot();
    assert_eq!((totals.slow, totals.timed_out), (0, 1));
    // What it was answered is counted, whether or not its thread ever returns.
    assert_eq!(totals.statuses, [(503, 1)]);
    assert!(
        (10 * S..12 * S).contains(&totals.service.sum_ns),
        "{totals:?}"
    );
}

#[test]
fn what_was_answered_is_not_lost_with_its_worker() {
    let board = Board::new(1).unwrap();
    let id = SlotId::new(0);
    let register = Register::new(LIMITS, Some(board.meters(id)));
    let tickets: Vec<_> = (0..3).map(|_| enter(&register, 0)).collect();
    register.answer_late(10 * S, Duration::ZERO);
    let [_kept, returned, _other] = <[Ticket; 3]>::try_from(tickets).unwrap();
    drop(returned);
    let _begun = enter(&register, 11);
    board.slot(id).set_in_flight(3, None);
    board.clear(id);
    assert_eq!(board.meters(id).snapshot().lost, 1);
}

#[test]
fn those_who_can_end_it_have_a_moment_for_that() {
    let mut watched = Watched::new(LIMITS, true);
    let now_s = crate::dispatch::now_ns() / S;
    let (ticket, _ours, _client) = enter_with_client(&watched.register, now_s - 10);
    watched.look_at(now_s);
    assert_eq!(watched.overseer.witness.asked_to_end, 1);
    watched.look_at(now_s);
    assert!(ticket.is_late(now_s * S));
    watched.look_at(now_s + 60);
    assert!(!ticket.claim());
}

#[test]
fn a_worker_is_replaced_where_that_is_asked_for_and_where_no_thread_is_left() {
    let limits = Limits {
        action: TimeoutAction::Replace,
        ..LIMITS
    };
    let mut watched = Watched::new(limits, false);
    let _one = enter(&watched.register, 0);
    watched.look_at(10);
    assert!(watched.place.wants_replacement().is_some() && watched.overseer.bell.take());

    let mut watched = Watched::new(LIMITS, false);
    let _one = enter(&watched.register, 0);
    watched.place.set_in_flight(1, Some(1));
    watched.look_at(10);
    assert_eq!(watched.place.wants_replacement(), None);
    let said = watched.look_at(20);
    assert!(said[0].1.contains("every thread"), "{said:?}");
    assert!(watched.place.wants_replacement().is_some());
    assert_eq!(watched.look_at(21), []);
}

#[test]
fn a_worker_is_replaced_where_nothing_but_a_late_request_can_run() {
    let mut watched = Watched::new(LIMITS, false);
    let _one = enter(&watched.register, 0);
    watched.look_at(10);
    // An event loop that goes on, whatever one of its tasks does.
    watched.place.beat(19_000);
    watched.look_at(20);
    assert_eq!(watched.place.wants_replacement(), None);
    assert_eq!(watched.look_at(28), []);
    let said = watched.look_at(29);
    assert!(said[0].1.contains("nothing else"), "{said:?}");
    assert!(watched.place.wants_replacement().is_some());
}

#[test]
fn a_stuck_worker_that_does_not_say_so_itself_is_told_of_once() {
    let mut watched = Watched::new(Limits::default(), false);
    let _one = enter(&watched.register, 0);
    watched.place.mark_stuck();
    assert_eq!(watched.look_at(1), []);
    let text = "Worker (pid:PID): it is stuck\nstacks of 1 from outside";
    assert_eq!(watched.look_at(2), [(Level::Critical, text.to_owned())]);
    assert_eq!(watched.look_at(3), []);
}
