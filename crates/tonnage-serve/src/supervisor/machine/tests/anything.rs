//! Whatever happens in whatever order: the rules of the world hold (`World::check`), a
//! healthy world comes to rest with what was wanted, and the end always comes.

use proptest::prelude::*;
use rustix::process::Signal;

use super::{World, policy};
use crate::supervisor::{Cause, Ending, Event};

#[derive(Debug, Clone)]
enum Step {
    Signal(Signal),
    Reload(Result<u32, ()>),
    /// What happens to the process with this number, counted around.
    Ready(usize),
    Dies(usize, Ending),
    Obeys(usize),
    WantsReplacement(usize),
    CodeChanged(usize, u32),
    Silent(usize),
    ForksFail(bool),
    Pass(u64),
}

fn steps(with_ends: bool) -> impl Strategy<Value = Vec<Step>> {
    let mut signals = vec![
        Signal::TTIN,
        Signal::TTOU,
        Signal::USR1,
        Signal::USR2,
        Signal::WINCH,
    ];
    if with_ends {
        signals.extend([Signal::TERM, Signal::INT, Signal::QUIT]);
    }
    let ending = prop_oneof![
        Just(Ending::Code(0)),
        Just(Ending::Code(1)),
        Just(Ending::Code(3)),
        Just(Ending::Code(4)),
        Just(Ending::Signal(9)),
    ];
    let which = 0..16usize;
    let step = prop_oneof![
        2 => proptest::sample::select(signals).prop_map(Step::Signal),
        2 => prop_oneof![4 => (1..5u32).prop_map(Ok), 1 => Just(Err(()))].prop_map(Step::Reload),
        8 => which.clone().prop_map(Step::Ready),
        3 => (which.clone(), ending).prop_map(|(which, ending)| Step::Dies(which, ending)),
        4 => which.clone().prop_map(Step::Obeys),
        2 => which.clone().prop_map(Step::WantsReplacement),
        2 => (which.clone(), 1..4u32).prop_map(|(which, mark)| Step::CodeChanged(which, mark)),
        1 => which.prop_map(Step::Silent),
        1 => any::<bool>().prop_map(Step::ForksFail),
        4 => (1..4000u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

fn nth(pids: &[i32], which: usize) -> Option<i32> {
    (!pids.is_empty()).then(|| pids[which % pids.len()])
}

fn happen(world: &mut World, step: &Step) {
    let all: Vec<i32> = world.living.keys().copied().collect();
    match *step {
        Step::Signal(signal) => world.signal(signal),
        Step::Reload(result) => {
            world.reload = result.map(policy).map_err(|()| "nonsense".to_owned());
            world.signal(Signal::HUP);
        }
        Step::Ready(which) => {
            if let Some(pid) = nth(&world.starting(), which) {
                world.make_ready(pid);
            }
        }
        Step::Dies(which, ending) => {
            if let Some(pid) = nth(&all, which) {
                world.die(pid, ending);
            }
        }
        Step::Obeys(which) => {
            if let Some(pid) = nth(&world.asked_to_end(), which) {
                world.die(pid, Ending::Code(0));
            }
        }
        Step::WantsReplacement(which) => {
            if let Some(pid) = nth(&world.ready(), which) {
                let slot = world.living[&pid].slot;
                world.tell(Event::WantsReplacement {
                    slot,
                    cause: Cause::Requests,
                });
            }
        }
        Step::CodeChanged(which, mark) => {
            if let Some(pid) = nth(&all, which) {
                let slot = world.living[&pid].slot;
                world.tell(Event::CodeChanged { slot, mark });
            }
        }
        Step::Silent(which) => {
            if let Some(pid) = nth(&all, which) {
                let slot = world.living[&pid].slot;
                world.tell(Event::Silent {
                    slot,
                    booting: None,
                });
            }
        }
        Step::ForksFail(fail) => world.forks_fail = fail,
        Step::Pass(ms) => world.pass(ms),
    }
}

/// Runs a world until its steps are over or the server is.
fn run(workers: u32, steps: Vec<Step>) -> World {
    let mut world = World::new(policy(workers));
    world.tell(Event::Started);
    for step in steps {
        if world.exit.is_some() {
            break;
        }
        happen(&mut world, &step);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        // Many worlds end before their steps do, and are passed over.
        max_global_rejects: 1_000_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_healthy_world_comes_to_rest_with_what_was_wanted(workers in 1..5u32, steps in steps(false)) {
        let mut world = run(workers, steps);
        prop_assume!(!world.supervisor.is_halting());
        world.forks_fail = false;
        for _ in 0..8 {
            world.all_ready();
            world.obey();
            world.pass(11_000);
        }
        let target = world.supervisor.target() as usize;
        prop_assert_eq!(world.living.len(), target);
        prop_assert_eq!(world.of_generation(world.supervisor.generation()).len(), target);
        prop_assert!(world.supervisor.workers().all(|worker| worker.is_ready() && worker.leaving.is_none()));
    }

    #[test]
    fn the_end_always_comes(workers in 1..5u32, steps in steps(true), obeys in any::<bool>()) {
        let mut world = run(workers, steps);
        if world.exit.is_none() {
            world.signal(Signal::TERM);
        }
        // The patience of the longest policy, its margin, and the last two seconds.
        for _ in 0..14 {
            if obeys {
                world.obey();
            }
            if world.exit.is_some() {
                break;
            }
            world.pass(1000);
        }
        prop_assert!(world.exit.is_some());
        prop_assert!(!obeys || world.living.is_empty());
    }
}
