//! What the laboratory tells while it works.

use std::path::PathBuf;

use tonnage_load::LoadEvent;
use tonnage_model::{Conditions, StopReason, TrialKind, TrialRecord};

/// Progress of a preparation or a run, in the order in which it happens.
#[derive(Debug, Clone)]
pub enum LabEvent {
    /// Processes of a run that vanished without cleaning up were stopped.
    Swept {
        /// How many processes.
        processes: usize,
    },
    /// An environment is being built; it was not there yet.
    EnvironmentBegins {
        /// What it is for.
        what: String,
    },
    /// The installer says something.
    EnvironmentStep(String),
    /// The environment is there.
    EnvironmentDone {
        /// What it is for.
        what: String,
        /// How long it took.
        seconds: f64,
    },
    /// Another run is at work on this machine and disturbs this one's figures.
    OtherRun(String),
    /// The run has its name and folder.
    RunBegins {
        /// Its name.
        run_id: String,
        /// Its folder.
        folder: PathBuf,
        /// How it measures.
        conditions: Box<Conditions>,
    },
    /// It is being looked how noisy the machine is.
    Examining,
    /// The next trial, and what is left with it.
    TrialBegins {
        /// What is measured, shortly.
        name: String,
        /// What it is for.
        kind: TrialKind,
        /// Users.
        clients: u32,
        /// Its block, from 1, and how many there are at least.
        block: (u32, u32),
        /// Trials made so far.
        made: usize,
        /// Trials still to be made, this one included, as far as is known.
        left: usize,
        /// The time that they will take, in seconds.
        seconds_left: f64,
    },
    /// A trial could not be measured, for this reason; the run goes on.
    TrialFailed(String),
    /// A new cell, all but its number of clients.
    CellBegins {
        /// Its factors in words.
        label: String,
        /// Its number, from 1, and how many there are.
        number: (usize, usize),
    },
    /// Too many sockets are in TIME_WAIT; their number falls by itself.
    Draining {
        /// How many there are.
        sockets: u64,
        /// How many there may be.
        bound: u64,
    },
    /// The server process was started.
    Starting {
        /// Users of the step.
        clients: u32,
    },
    /// The server answers, and rightly.
    Ready {
        /// From start to first answer.
        boot_ms: u64,
    },
    /// Load is being sent, with this much time in all, warm-up included.
    Load {
        /// What the engine says.
        progress: LoadEvent,
        /// Warm-up and window together, in seconds.
        total_seconds: f64,
    },
    /// A trial has ended and is in the store.
    TrialEnded(Box<TrialRecord>),
    /// A cell needs no more steps.
    CellEnded(StopReason),
}
