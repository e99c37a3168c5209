//! The machine's decisions, one situation after the other, and then whatever may happen.

mod anything;
mod ends;
mod reloads;

use rustix::process::Signal;

use super::world::{World, policy};
use crate::supervisor::{Action, Cause, Ending, Event, Hook, Level, Policy};

const KILLED: Ending = Ending::Signal(9);

#[test]
fn workers_start_when_the_sockets_are_open_and_not_before() {
    let mut world = World::new(policy(3));
    world.tell(Event::Tick);
    world.signal(Signal::TTIN);
    assert!(world.living.is_empty());
    world.tell(Event::Started);
    assert_eq!(world.starting().len(), 3);
    assert_eq!(
        world
            .living
            .values()
            .map(|process| process.age)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(world.hooks.is_empty());
    world.all_ready();
    assert_eq!(world.hooks, [Hook::GenerationReady { generation: 1 }]);
}

#[test]
fn a_worker_that_dies_is_replaced_at_once() {
    let mut world = World::serving(2);
    let dead = world.ready()[0];
    world.die(dead, KILLED);
    assert_eq!(world.starting().len(), 1);
    assert!(world.log.contains(&(
        Level::Error,
        format!("Worker (pid:{dead}) was sent SIGKILL!")
    )));
    let hook = Hook::ChildExit {
        pid: super::world::pid(dead),
        age: 1,
    };
    assert!(world.hooks.contains(&hook));
}

#[test]
fn memory_is_mentioned_only_where_the_kernel_counts_a_kill() {
    let mut world = World::serving(1);
    let dead = world.ready()[0];
    world.living.remove(&dead);
    let pid = super::world::pid(dead);
    world.tell(Event::Exited {
        pid,
        ending: KILLED,
        out_of_memory: true,
        reason: None,
    });
    assert!(world.has_said(&format!(
        "Worker (pid:{dead}) was sent SIGKILL! It was out of memory."
    )));
}

#[test]
fn ends_are_reported_as_gunicorn_reports_them() {
    for (ending, level, text) in [
        (Ending::Code(1), Level::Error, "exited with code 1."),
        (Ending::Signal(15), Level::Info, "was sent SIGTERM!"),
        (Ending::Signal(11), Level::Warning, "was sent SIGSEGV!"),
    ] {
        let mut world = World::serving(1);
        let dead = world.ready()[0];
        world.log.clear();
        world.die(dead, ending);
        assert_eq!(world.log, [(level, format!("Worker (pid:{dead}) {text}"))]);
    }
}

#[test]
fn a_stranger_is_buried_without_consequences() {
    let mut world = World::serving(1);
    let before = world.living.len();
    world.tell(Event::Exited {
        pid: super::world::pid(9999),
        ending: Ending::Code(3),
        out_of_memory: false,
        reason: None,
    });
    assert_eq!((world.living.len(), world.exit), (before, None));
}

#[test]
fn ttin_and_ttou_change_the_number_the_oldest_go_first_and_one_stays() {
    let mut world = World::serving(1);
    world.hooks.clear();
    world.signal(Signal::TTIN);
    assert_eq!(world.starting().len(), 1);
    world.all_ready();
    let oldest = world.ready()[0];
    world.signal(Signal::TTOU);
    assert!(world.living[&oldest].was_sent(Signal::TERM));
    world.obey();
    world.signal(Signal::TTOU);
    assert_eq!(world.ready().len(), 1);
    let expected = [
        Hook::WorkersChanged { new: 2, old: 1 },
        Hook::WorkersChanged { new: 1, old: 2 },
    ];
    let changed: Vec<_> = world
        .hooks
        .iter()
        .filter(|hook| matches!(hook, Hook::WorkersChanged { .. }))
        .collect();
    assert_eq!(changed, expected.iter().collect::<Vec<_>>());
    assert!(world.has_said("Handling signal: ttin") && world.has_said("Handling signal: ttou"));
}

#[test]
fn ttou_takes_a_worker_that_does_not_serve_yet_rather_than_one_that_does() {
    let mut world = World::serving(2);
    world.signal(Signal::TTIN);
    let starting = world.starting()[0];
    world.signal(Signal::TTOU);
    assert_eq!(world.asked_to_end(), [starting]);
}

#[test]
fn usr1_reopens_the_logs_of_all() {
    let mut world = World::serving(2);
    world.signal(Signal::USR1);
    assert_eq!(world.others, [Action::ReopenLogs]);
    assert!(
        world
            .living
            .values()
            .all(|process| process.was_sent(Signal::USR1))
    );
    assert_eq!(world.ready().len(), 2);
}

#[test]
fn winch_stops_the_workers_of_a_daemon_and_hup_brings_them_back() {
    let mut world = World::new(Policy {
        daemon: true,
        ..policy(2)
    });
    world.tell(Event::Started);
    world.all_ready();
    world.signal(Signal::WINCH);
    assert!(world.has_said("graceful stop of workers"));
    world.obey();
    world.pass(5000);
    assert!(world.living.is_empty() && world.exit.is_none());
    world.signal(Signal::HUP);
    assert_eq!(world.starting().len(), 2);

    let mut world = World::serving(1);
    world.signal(Signal::WINCH);
    assert!(world.has_said("SIGWINCH ignored. Not daemonized"));
    assert_eq!(world.ready().len(), 1);
}

#[test]
fn a_second_new_server_is_refused_until_the_first_is_gone() {
    let mut world = World::serving(1);
    world.signal(Signal::USR2);
    world.signal(Signal::USR2);
    assert!(world.has_said("USR2 signal ignored. Child exists."));
    let new = world.supervisor.pids().last().unwrap().as_raw_pid();
    world.die(new, Ending::Code(0));
    assert_eq!(world.ready().len(), 1);
    let said = world.log.len();
    world.signal(Signal::USR2);
    assert_eq!(world.log.len(), said + 1, "only that it is handled");
    world.tell(Event::Reexecuted(Err("no".to_owned())));
    assert!(world.has_said("Cannot start a new server: no"));
}

#[test]
fn the_new_server_is_promoted_when_the_old_one_is_gone() {
    let mut world = World::new(policy(1));
    world.supervisor = super::Supervisor::new(policy(1), super::world::SLOTS, true);
    world.tell(Event::Started);
    world.signal(Signal::USR2);
    assert!(world.has_said("USR2 signal ignored. Parent exists."));
    world.signal(Signal::HUP);
    assert!(world.has_said("Hang up: Master.2"));
    world.tell(Event::Promoted);
    assert!(world.has_said("Master has been promoted."));
    assert_eq!(world.others, [Action::Pidfile(super::PidfileStep::Promote)]);
    assert_eq!(world.hooks.last(), Some(&Hook::Promoted));
    world.signal(Signal::HUP);
    assert!(world.has_said("Hang up: Master"));
}

#[test]
fn a_worker_that_wants_a_replacement_serves_until_it_is_there() {
    let mut world = World::serving(2);
    let tired = world.ready()[1];
    let slot = world.living[&tired].slot;
    for _ in 0..3 {
        world.tell(Event::WantsReplacement {
            slot,
            cause: Cause::Requests,
        });
        world.pass(1000);
    }
    assert_eq!((world.starting().len(), world.asked_to_end().len()), (1, 0));
    world.all_ready();
    assert_eq!(world.asked_to_end(), [tired]);
    assert!(world.living[&tired].was_sent(Signal::TERM));
    world.obey();
    assert_eq!((world.ready().len(), world.starting().len()), (2, 0));
}

#[test]
fn replacements_come_one_after_the_other() {
    let mut world = World::serving(4);
    for slot in world
        .living
        .values()
        .map(|process| process.slot)
        .collect::<Vec<_>>()
    {
        world.tell(Event::WantsReplacement {
            slot,
            cause: Cause::Requests,
        });
    }
    for left in (0..4).rev() {
        assert_eq!(world.starting().len(), 1);
        let new = world.starting()[0];
        world.make_ready(new);
        world.obey();
        let old = world
            .living
            .values()
            .filter(|process| process.age <= 4)
            .count();
        assert_eq!((old, world.ready().len()), (left, 4));
    }
    assert_eq!(world.starting().len(), 0);
}

#[test]
fn a_silent_worker_is_aborted_then_killed_and_replaced_meanwhile() {
    let mut world = World::serving(1);
    let stuck = world.ready()[0];
    let slot = world.living[&stuck].slot;
    world.tell(Event::Silent {
        slot,
        booting: None,
    });
    assert!(
        world
            .log
            .contains(&(Level::Critical, format!("WORKER TIMEOUT (pid:{stuck})")))
    );
    assert_eq!(world.living[&stuck].sent, [Signal::ABORT]);
    assert_eq!(world.starting().len(), 1);
    world.tell(Event::Silent {
        slot,
        booting: None,
    });
    assert_eq!(world.living[&stuck].sent, [Signal::ABORT]);
    world.pass(1000);
    assert_eq!(world.living[&stuck].sent, [Signal::ABORT, Signal::KILL]);
    world.die(stuck, KILLED);
    assert_eq!(world.living.len(), 1);
}

#[test]
fn a_worker_that_does_not_stop_is_killed() {
    let mut world = World::serving(2);
    world.signal(Signal::TTOU);
    let stubborn = world.asked_to_end()[0];
    world.pass(10_400);
    assert!(!world.living[&stubborn].was_sent(Signal::KILL));
    world.pass(200);
    assert!(world.living[&stubborn].was_sent(Signal::KILL));
    assert!(world.has_said(&format!("Worker (pid:{stubborn}) did not stop in time")));
}

#[test]
fn workers_that_keep_dying_at_their_start_are_started_ever_later() {
    let mut world = World::serving(1);
    let mut waits_ms = Vec::new();
    for _ in 0..12 {
        let dead = *world.living.keys().next().unwrap();
        world.die(dead, Ending::Code(1));
        let begin_ms = world.now_ms;
        while world.living.is_empty() {
            world.pass(1);
        }
        waits_ms.push(world.now_ms - begin_ms);
    }
    assert_eq!(
        waits_ms,
        [0, 0, 0, 0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
    );
    // A worker that lives ends it.
    world.all_ready();
    world.pass(1500);
    let dead = world.ready()[0];
    world.die(dead, KILLED);
    assert_eq!(world.starting().len(), 1);
}

#[test]
fn forks_that_fail_are_tried_again_later() {
    let mut world = World::serving(1);
    world.forks_fail = true;
    let dead = world.ready()[0];
    world.die(dead, KILLED);
    assert!(world.has_said("Cannot fork a worker: no memory"));
    assert!(world.living.is_empty());
    world.forks_fail = false;
    world.pass(200);
    assert_eq!(world.starting().len(), 1);
}
