//! How the server ends: asked to, in a hurry, or because nothing ever worked.

use rustix::process::Signal;

use super::{KILLED, World, policy};
use crate::supervisor::{Action, Ending, Event, Hook, Level, PidfileStep};

#[test]
fn term_lets_the_workers_finish() {
    let mut world = World::serving(2);
    world.signal(Signal::TERM);
    assert_eq!(world.others, [Action::CloseListeners { unlink: true }]);
    assert!(world.sent().all(|sent| sent == [Signal::TERM]));
    assert_eq!(world.exit, None);
    world.pass(5000);
    world.obey();
    assert_eq!(world.exit, Some(0));
    assert!(world.has_said("Handling signal: term") && world.has_said("Shutting down: Master"));
    assert_eq!(
        world.others.last(),
        Some(&Action::Pidfile(PidfileStep::Remove))
    );
    assert_eq!(world.hooks.last(), Some(&Hook::OnExit));
}

#[test]
fn int_and_quit_end_at_once() {
    for signal in [Signal::INT, Signal::QUIT] {
        let mut world = World::serving(2);
        world.signal(signal);
        assert!(world.sent().all(|sent| sent == [Signal::QUIT]));
        world.obey();
        assert_eq!(world.exit, Some(0));
    }
}

#[test]
fn workers_that_do_not_stop_are_killed_when_their_time_is_over() {
    let mut world = World::serving(2);
    world.signal(Signal::TERM);
    world.pass(10_400);
    assert!(world.sent().all(|sent| !sent.contains(&Signal::KILL)));
    world.pass(200);
    assert!(world.sent().all(|sent| sent.contains(&Signal::KILL)));
    world.obey();
    assert_eq!(world.exit, Some(0));
}

#[test]
fn not_even_a_process_that_cannot_be_killed_keeps_the_server() {
    let mut world = World::serving(1);
    world.signal(Signal::TERM);
    world.pass(13_000);
    assert_eq!((world.exit, world.living.len()), (Some(0), 1));
}

#[test]
fn a_second_signal_hurries_and_more_of_them_shorten_nothing() {
    let mut world = World::serving(1);
    world.signal(Signal::TERM);
    world.signal(Signal::TERM);
    world.pass(100);
    world.signal(Signal::INT);
    assert!(world.has_said("Quick shutdown requested"));
    let sent = |world: &World| world.living.values().next().unwrap().sent.clone();
    assert_eq!(sent(&world), [Signal::TERM, Signal::QUIT]);
    world.pass(1000);
    world.signal(Signal::INT);
    world.pass(900);
    assert_eq!(sent(&world).len(), 2);
    world.pass(200);
    assert_eq!(sent(&world), [Signal::TERM, Signal::QUIT, Signal::KILL]);
}

#[test]
fn one_ctrl_c_that_comes_twice_leaves_the_workers_their_time() {
    let mut world = World::serving(1);
    world.signal(Signal::INT);
    world.signal(Signal::INT);
    let sent = |world: &World| world.living.values().next().unwrap().sent.clone();
    world.pass(1900);
    assert_eq!(sent(&world), [Signal::QUIT]);
    world.pass(200);
    assert_eq!(sent(&world), [Signal::QUIT, Signal::KILL]);
}

#[test]
fn nothing_starts_and_nothing_is_replaced_at_the_end() {
    let mut world = World::serving(3);
    world.signal(Signal::TERM);
    let dead = *world.living.keys().next().unwrap();
    world.die(dead, KILLED);
    for signal in [Signal::HUP, Signal::TTIN, Signal::USR2, Signal::USR1] {
        world.signal(signal);
    }
    let slot = world.living.values().next().unwrap().slot;
    world.tell(Event::Silent {
        slot,
        booting: None,
    });
    world.pass(3000);
    assert_eq!(world.living.len(), 2);
    assert!(world.sent().all(|sent| sent == [Signal::TERM]));
}

#[test]
fn term_before_the_sockets_are_open_ends_at_once() {
    let mut world = World::new(policy(2));
    world.signal(Signal::TERM);
    assert_eq!(world.exit, Some(0));
}

#[test]
fn a_server_of_which_nothing_ever_worked_ends_with_gunicorns_codes() {
    for (code, reason) in [(3, "Worker failed to boot."), (4, "App failed to load.")] {
        let mut world = World::new(policy(2));
        world.tell(Event::Started);
        let dead = world.starting()[0];
        world.die(dead, Ending::Code(code));
        assert_eq!(world.exit, None, "the others are asked to stop first");
        world.obey();
        assert_eq!(world.exit, Some(code));
        let said = (Level::Error, format!("Reason: {reason}"));
        assert!(
            world.log.contains(&said)
                && world
                    .log
                    .contains(&(Level::Error, "Shutting down: Master".to_owned()))
        );
    }
}

#[test]
fn the_same_codes_end_nothing_once_something_has_worked() {
    for code in [3, 4] {
        let mut world = World::serving(2);
        let dead = world.ready()[0];
        world.die(dead, KILLED);
        let new = world.starting()[0];
        world.die(new, Ending::Code(code));
        world.pass(20_000);
        assert_eq!(world.exit, None);
        assert_eq!((world.ready().len(), world.starting().len()), (1, 1));
    }
}

#[test]
fn files_of_unix_sockets_stay_for_the_other_server() {
    let mut world = World::serving(1);
    world.signal(Signal::USR2);
    world.signal(Signal::TERM);
    assert_eq!(world.others, [Action::CloseListeners { unlink: false }]);
}
