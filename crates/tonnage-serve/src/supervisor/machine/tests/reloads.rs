//! Reloads: the new generation proves itself, and replaces the old one piece by piece.

use rustix::process::Signal;

use super::{KILLED, World, policy};
use crate::board::Boot;
use crate::supervisor::{Cause, Ending, Event, Hook, Level};

fn reload(world: &mut World) {
    world.signal(Signal::HUP);
}

#[test]
fn one_worker_proves_the_new_generation_and_the_others_follow() {
    let mut world = World::serving(3);
    let old = world.ready();
    reload(&mut world);
    assert!(world.has_said("Hang up: Master"));
    assert_eq!(world.of_generation(2).len(), 1, "one first");
    assert_eq!(world.ready(), old, "all old ones go on");
    let first = world.of_generation(2)[0];
    world.make_ready(first);
    assert_eq!(world.asked_to_end(), [old[0]], "the oldest goes");
    assert_eq!(world.of_generation(2).len(), 3, "the others start");
    let second = world.starting()[0];
    world.make_ready(second);
    assert_eq!(world.asked_to_end(), [old[0], old[1]]);
    world.all_ready();
    world.obey();
    assert_eq!(world.of_generation(2).len(), 3);
    assert_eq!(world.living.len(), 3);
    assert!(world.has_said("Reloaded: 3 new workers serve"));
    assert!(
        world
            .hooks
            .contains(&Hook::GenerationReady { generation: 2 })
    );
}

#[test]
fn there_are_always_as_many_serving_as_were_wanted() {
    let mut world = World::serving(4);
    reload(&mut world);
    while let Some(pid) = world.starting().first().copied() {
        world.make_ready(pid);
        assert!(world.ready().len() >= 4);
        world.obey();
        assert!(world.ready().len() >= 4);
    }
    assert_eq!(world.of_generation(2).len(), 4);
}

#[test]
fn a_generation_that_does_not_start_changes_nothing_and_says_why() {
    for (ending, reason) in [
        (Ending::Code(4), "App failed to load"),
        (Ending::Code(3), "Worker failed to boot"),
        (Ending::Code(1), "it exited with code 1"),
        (KILLED, "it was sent SIGKILL"),
    ] {
        let mut world = World::serving(3);
        world.reload = Ok(policy(5));
        let old = world.ready();
        reload(&mut world);
        let first = world.of_generation(2)[0];
        world.die(first, ending);
        assert_eq!((world.exit, world.ready()), (None, old.clone()));
        assert!(world.log.contains(&(
            Level::Error,
            format!("Reload failed, the old workers go on: {reason}")
        )));
        assert!(world.hooks.contains(&Hook::GenerationFailed {
            generation: 2,
            kept: 1
        }));
        world.pass(60_000);
        assert_eq!(world.living.len(), 3, "the old number of workers too");
        assert_eq!(world.supervisor.policy(), &policy(3));
        // What dies afterwards is replaced, and the next reload is a new attempt.
        world.die(old[0], KILLED);
        world.all_ready();
        reload(&mut world);
        world.all_ready();
        world.obey();
        assert_eq!(world.of_generation(3).len(), 5);
    }
}

#[test]
fn a_first_worker_that_never_gets_ready_fails_its_generation_by_its_timeout() {
    let mut world = World::serving(2);
    reload(&mut world);
    let first = world.of_generation(2)[0];
    let slot = world.living[&first].slot;
    let booting = Some(Boot::StartingUp);
    world.tell(Event::Silent { slot, booting });
    assert!(world.has_said(
        "Reload failed, the old workers go on: a worker did not start within its timeout, \
         which went by for the application's startup (lifespan)"
    ));
    world.die(first, Ending::Code(1));
    world.pass(10_000);
    assert_eq!((world.ready().len(), world.living.len()), (2, 2));
}

#[test]
fn a_crash_after_the_first_success_does_not_fail_the_generation() {
    let mut world = World::serving(2);
    reload(&mut world);
    let first = world.of_generation(2)[0];
    world.make_ready(first);
    let second = world.starting()[0];
    world.die(second, Ending::Code(1));
    assert_eq!(world.starting().len(), 1, "another attempt");
    world.all_ready();
    world.obey();
    assert_eq!(world.of_generation(2).len(), 2);
}

#[test]
fn a_reload_during_a_reload_takes_its_place() {
    let mut world = World::serving(2);
    let old = world.ready();
    reload(&mut world);
    let abandoned = world.of_generation(2)[0];
    reload(&mut world);
    assert_eq!(world.asked_to_end(), [abandoned]);
    assert_eq!(world.ready(), old);
    let first = world.of_generation(3)[0];
    world.die(first, Ending::Code(4));
    assert!(world.hooks.contains(&Hook::GenerationFailed {
        generation: 3,
        kept: 1
    }));
    world.obey();
    world.pass(10_000);
    assert_eq!(world.ready(), old);
}

#[test]
fn fewer_workers_are_taken_only_when_the_new_generation_works() {
    let mut world = World::serving(4);
    world.reload = Ok(policy(2));
    reload(&mut world);
    assert_eq!(world.ready().len(), 4);
    let first = world.of_generation(2)[0];
    world.make_ready(first);
    assert_eq!(world.ready().len(), 2);
    world.all_ready();
    world.obey();
    assert_eq!((world.of_generation(2).len(), world.living.len()), (2, 2));
}

#[test]
fn a_number_changed_during_a_reload_survives_its_failure() {
    let mut world = World::serving(3);
    reload(&mut world);
    world.signal(Signal::TTOU);
    assert_eq!(world.ready().len(), 2);
    let first = world.of_generation(2)[0];
    world.die(first, Ending::Code(4));
    world.obey();
    world.pass(10_000);
    assert_eq!((world.ready().len(), world.living.len()), (2, 2));
}

#[test]
fn a_configuration_that_cannot_be_read_changes_nothing() {
    let mut world = World::serving(2);
    world.reload = Err("line 3: nonsense".to_owned());
    let old = world.ready();
    reload(&mut world);
    assert!(world.has_said("Reload failed, the old configuration stays: line 3: nonsense"));
    assert_eq!((world.ready(), world.living.len()), (old, 2));
}

fn change(world: &mut World, pid: i32, mark: u32) {
    let slot = world.living[&pid].slot;
    world.tell(Event::CodeChanged { slot, mark });
}

#[test]
fn a_change_of_files_is_a_reload_and_every_worker_may_tell_of_it() {
    let mut world = World::serving(2);
    let old = world.ready();
    change(&mut world, old[0], 7);
    assert_eq!(world.ready(), old, "they go on");
    let first = world.of_generation(2)[0];
    change(&mut world, old[1], 7);
    assert_eq!(world.starting(), [first], "known already");
    world.die(first, Ending::Code(3));
    assert!(world.hooks.contains(&Hook::CodeChanged));
    assert!(!world.hooks.contains(&Hook::OnReload));
    // The second worker looks later than the first one has failed.
    change(&mut world, old[1], 7);
    world.pass(60_000);
    assert_eq!((world.ready(), world.living.len()), (old.clone(), 2));
    // Another edit is another attempt.
    change(&mut world, old[1], 8);
    world.all_ready();
    world.obey();
    assert_eq!(world.of_generation(3).len(), 2);
    assert!(world.has_said("Reloaded: 2 new workers serve"));
}

#[test]
fn what_changes_while_a_new_worker_starts_begins_anew() {
    let mut world = World::serving(1);
    let old = world.ready()[0];
    change(&mut world, old, 1);
    let abandoned = world.starting()[0];
    change(&mut world, abandoned, 2);
    assert_eq!(world.asked_to_end(), [abandoned]);
    assert_eq!(world.of_generation(3).len(), 1);
    world.all_ready();
    world.obey();
    assert_eq!(world.ready(), world.of_generation(3));
}

#[test]
fn a_worker_that_cannot_start_says_why() {
    let mut world = World::serving(1);
    reload(&mut world);
    let first = world.of_generation(2)[0];
    world.living.remove(&first);
    world.tell(Event::Exited {
        pid: crate::supervisor::Pid::from_raw(first).unwrap(),
        ending: Ending::Code(3),
        out_of_memory: false,
        reason: Some("no database".to_owned()),
    });
    assert!(world.has_said("Reload failed, the old workers go on: no database"));
}

#[test]
fn only_who_serves_beside_others_that_are_to_go_takes_a_place() {
    let mut world = World::new(policy(2));
    world.tell(Event::Started);
    assert_eq!(world.supervisor.outgoing().count(), 0);
    world.all_ready();
    assert_eq!(world.supervisor.outgoing().count(), 0);
    reload(&mut world);
    assert_eq!(world.supervisor.outgoing().count(), 2);
    world.all_ready();
    world.obey();
    assert_eq!(world.supervisor.outgoing().count(), 0);
    let slot = world.living[&world.ready()[0]].slot;
    let cause = Cause::Age(std::time::Duration::from_secs(9));
    world.tell(Event::WantsReplacement { slot, cause });
    assert_eq!(world.supervisor.outgoing().count(), 1);
    let pid = world.ready()[0];
    assert!(world.has_said(&format!("Replacing worker (pid:{pid}): it is 9.0 s old")));
}
