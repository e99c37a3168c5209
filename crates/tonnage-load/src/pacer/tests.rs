use std::time::Duration;

use proptest::prelude::*;
use tonnage_model::ThinkTime;

use super::*;
use crate::plan::Overload;
use crate::schedule::ArrivalLaw;

const MS: u64 = 1_000_000;
const ALONE: Part = Part {
    thread: 0,
    threads: 1,
};

fn closed(connections: u32, think: &str) -> LoadPlan {
    LoadPlan {
        connections,
        model: LoadModel::Closed {
            think: think.parse().unwrap_or(ThinkTime::None),
        },
        ..LoadPlan::for_tests()
    }
}

fn open(connections: u32, rate_rps: f64, overload: Overload) -> LoadPlan {
    LoadPlan {
        connections,
        model: LoadModel::Open {
            rate_rps,
            law: ArrivalLaw::Constant,
            overload,
        },
        ..LoadPlan::for_tests()
    }
}

fn all_due(pacer: &mut Pacer, now: u64) -> Vec<(u32, u64)> {
    let mut lag = Histogram::new();
    std::iter::from_fn(|| pacer.take_due(now, &mut lag))
        .map(|due| (due.slot, due.due_ns / MS))
        .collect()
}

#[test]
fn users_ask_again_at_once() {
    let mut pacer = Pacer::new(&closed(2, ""), ALONE, 2);
    assert_eq!(all_due(&mut pacer, 0), [(0, 0), (1, 0)]);
    assert_eq!(pacer.in_flight(), 2);
    pacer.ended(5 * MS);
    assert_eq!(pacer.next(1, 5 * MS), Some(5 * MS));
    assert_eq!(pacer.wake_ns(), u64::MAX);
}

#[test]
fn users_think_before_they_ask_again() {
    let mut pacer = Pacer::new(&closed(1, "const:10ms"), ALONE, 1);
    assert_eq!(all_due(&mut pacer, 0), [(0, 0)]);
    pacer.ended(3 * MS);
    assert_eq!(pacer.next(0, 3 * MS), None);
    assert_eq!(pacer.wake_ns(), 13 * MS);
    assert_eq!(all_due(&mut pacer, 12 * MS), []);
    assert_eq!(all_due(&mut pacer, 15 * MS), [(0, 13)]);
}

#[test]
fn users_come_and_go_by_stages() {
    let mut plan = closed(4, "");
    plan.stages = Some("0..4@1s,1@1s".parse().unwrap());
    let mut pacer = Pacer::new(&plan, ALONE, 4);
    assert_eq!(all_due(&mut pacer, 0), []);
    assert_eq!(all_due(&mut pacer, 500 * MS), [(0, 500), (1, 500)]);
    assert_eq!(all_due(&mut pacer, 999 * MS), [(2, 999), (3, 999)]);
    // One user is wanted; the others rest when they have their answer.
    all_due(&mut pacer, 1_500 * MS);
    pacer.ended(1_500 * MS);
    assert_eq!(pacer.next(3, 1_500 * MS), None);
    pacer.ended(1_500 * MS);
    assert_eq!(pacer.next(0, 1_500 * MS), Some(1_500 * MS));
}

#[test]
fn threads_share_the_users_of_a_stage() {
    let mut plan = closed(5, "");
    plan.threads = 2;
    let slots = [3, 2];
    let counts: Vec<usize> = (0..2)
        .map(|thread| {
            let part = Part { thread, threads: 2 };
            let mut pacer = Pacer::new(&plan, part, slots[thread as usize]);
            all_due(&mut pacer, 0).len()
        })
        .collect();
    assert_eq!(counts, [3, 2]);
}

#[test]
fn arrivals_wait_in_order_when_every_slot_is_busy() {
    let mut pacer = Pacer::new(&open(1, 1000.0, Overload::Queue), ALONE, 1);
    pacer.begin_window(0, u64::MAX);
    assert_eq!(all_due(&mut pacer, 3 * MS), [(0, 0)]);
    assert_eq!(pacer.queued(), 3);
    pacer.ended(4 * MS);
    assert_eq!(
        pacer.next(0, 4 * MS),
        Some(MS),
        "the one that waited longest"
    );
    pacer.ended(4 * MS);
    assert_eq!(pacer.next(0, 4 * MS), Some(2 * MS));
    let arrivals = pacer.arrivals().unwrap();
    assert_eq!(
        (
            arrivals.arrived,
            arrivals.sent,
            arrivals.queued,
            arrivals.queued_at_end
        ),
        (4, 3, 3, 1)
    );
}

#[test]
fn arrivals_are_dropped_where_that_is_wanted() {
    let mut pacer = Pacer::new(&open(1, 1000.0, Overload::Drop), ALONE, 1);
    pacer.begin_window(0, u64::MAX);
    assert_eq!(all_due(&mut pacer, 3 * MS), [(0, 0)]);
    pacer.ended(4 * MS);
    assert_eq!(pacer.next(0, 4 * MS), None);
    assert_eq!(all_due(&mut pacer, 4 * MS), [(0, 4)]);
    let arrivals = pacer.arrivals().unwrap();
    assert_eq!(
        (arrivals.arrived, arrivals.sent, arrivals.dropped),
        (5, 2, 3)
    );
}

#[test]
fn a_count_ends_either_loop() {
    for plan in [closed(1, ""), open(1, 1000.0, Overload::Queue)] {
        let mut pacer = Pacer::new(&plan, ALONE, 1);
        pacer.begin_window(0, 2);
        assert_eq!(all_due(&mut pacer, 0).len(), 1);
        assert!(!pacer.is_done());
        pacer.ended(10 * MS);
        if pacer.next(0, 10 * MS).is_none() {
            assert_eq!(all_due(&mut pacer, 10 * MS), [(0, 1)]);
        }
        pacer.ended(11 * MS);
        assert_eq!(pacer.next(0, 11 * MS), None);
        assert_eq!(all_due(&mut pacer, 99 * MS), []);
        assert!(pacer.is_done());
        assert_eq!(pacer.wake_ns(), u64::MAX);
    }
}

#[test]
fn what_waits_since_the_warm_up_counts_among_the_windows_requests() {
    let mut pacer = Pacer::new(&open(1, 1000.0, Overload::Queue), ALONE, 1);
    assert_eq!(all_due(&mut pacer, 2 * MS), [(0, 0)]);
    // One is under way and two wait: one more makes four.
    pacer.begin_window(2 * MS, 4);
    assert_eq!(all_due(&mut pacer, 50 * MS), []);
    let arrivals = pacer.arrivals().unwrap();
    assert_eq!((arrivals.queued_at_start, arrivals.arrived), (2, 1));
}

#[test]
fn occupancy_is_requests_times_time() {
    let mut pacer = Pacer::new(&closed(2, ""), ALONE, 2);
    pacer.begin_window(0, u64::MAX);
    all_due(&mut pacer, 0);
    pacer.ended(10 * MS);
    assert_eq!(pacer.occupancy_ns(30 * MS), u128::from(40 * MS));
}

#[test]
fn the_ramp_is_even() {
    let mut plan = closed(100, "");
    plan.ramp = Duration::from_secs(1);
    let mut pacer = Pacer::new(&plan, ALONE, 100);
    let begun: Vec<usize> = (0..=4)
        .map(|i| all_due(&mut pacer, i * 250 * MS).len())
        .collect();
    assert_eq!(begun, [0, 25, 25, 25, 25]);
}

proptest! {
    /// Whatever slots do, no arrival is lost, none is served twice, and the order
    /// of the schedule is kept.
    #[test]
    fn arrivals_are_served_once_and_in_order(
        slots in 1u32..5,
        steps in prop::collection::vec((0u64..5, any::<bool>()), 1..200),
    ) {
        let mut pacer = Pacer::new(&open(slots, 1000.0, Overload::Queue), ALONE, slots);
        pacer.begin_window(0, u64::MAX);
        let (mut now, mut busy, mut served) = (0, Vec::new(), Vec::new());
        let mut lag = Histogram::new();
        for (passed, ends) in steps {
            now += passed * MS / 2;
            while let Some(due) = pacer.take_due(now, &mut lag) {
                busy.push(due.slot);
                served.push(due.due_ns);
            }
            if ends && !busy.is_empty() {
                let slot = busy.remove(0);
                pacer.ended(now);
                if let Some(due) = pacer.next(slot, now) {
                    busy.push(slot);
                    served.push(due);
                }
            }
            prop_assert_eq!(busy.len() as u64, pacer.in_flight());
        }
        let expected: Vec<u64> = (0..served.len() as u64).map(|i| i * MS).collect();
        prop_assert_eq!(&served, &expected);
        let arrivals = pacer.arrivals().unwrap();
        prop_assert_eq!(arrivals.arrived, arrivals.sent + arrivals.queued_at_end);
        prop_assert_eq!(arrivals.sent, served.len() as u64);
    }
}

#[test]
fn every_user_has_a_stream_however_threads_share_the_connections() {
    const CONNECTIONS: u32 = 5;
    const STREAMS: u32 = 3;
    for threads in 1..=CONNECTIONS {
        for wanted in 0..=CONNECTIONS * STREAMS {
            let mine = (0..threads).map(|thread| {
                let share = Share {
                    part: Part { thread, threads },
                    streams: STREAMS,
                    connections: (CONNECTIONS + threads - 1 - thread) / threads,
                    all_connections: CONNECTIONS,
                };
                let mine = share.of(wanted);
                assert!(mine <= share.slots());
                // No connection has a second user before each has its first.
                assert!(wanted > CONNECTIONS || mine <= share.connections);
                mine
            });
            assert_eq!(mine.sum::<u32>(), wanted, "{threads} threads");
        }
    }
}
