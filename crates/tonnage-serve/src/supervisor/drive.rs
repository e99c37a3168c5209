//! The supervisor's loop: it waits for signals, for the bell and for the next deadline,
//! tells the machine what happened, and does what the machine asks for.

mod acting;
mod children;
mod measuring;
mod process_file;
mod sockets;
mod telling;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rustix::process::{Pid, Signal, getpid, getppid};

use self::measuring::Measured;
use self::sockets::Reopening;
use self::telling::Explaining;
use super::{
    Bell, Event, Hook, Host, Level, OutOfMemoryCounter, Pidfile, PidfileStep, Reasons, Reports,
    Signals, Supervisor, Wanted,
};
use crate::board::{Board, DEFAULT_SLOTS, SlotId, now_ms};
use crate::listen::{Inboxes, Inherited, Listeners};

/// How long the loop waits at most: heartbeats are looked at this often.
const TICK_MS: u64 = 1000;

/// What the supervisor is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the configuration asks for.
    pub wanted: Wanted,
    /// Sockets that were inherited; they are used instead of the addresses.
    pub inherited: Inherited,
    /// The server that this one is to replace, and which started it.
    pub parent: Option<Pid>,
    /// What the log calls the kind of worker, as `sync`.
    pub worker_kind: String,
    /// How many slots the board has.
    pub slots: u16,
    /// How many of them have an inbox, through which they are handed connections.
    pub inboxes: u16,
    /// Whether to bury processes that are nobody's children, as process 1 must.
    pub reaps_strangers: bool,
}

impl Options {
    /// Usual options: a board for hundreds of workers, and inboxes for twice as many as are
    /// wanted (a reload has both generations at once) and a few more.
    pub fn new(wanted: Wanted) -> Self {
        let workers = wanted.policy.workers.min(u32::from(DEFAULT_SLOTS / 2)) as u16;
        Self {
            wanted,
            inherited: Inherited::Nothing,
            parent: None,
            worker_kind: "sync".to_owned(),
            slots: DEFAULT_SLOTS,
            inboxes: (2 * workers + 4).min(128),
            reaps_strangers: getpid().is_init(),
        }
    }
}

/// Runs a server until it ends, and gives the code to exit with: 0; 1 where it could not
/// start; 3 and 4 where no worker ever could ([`super::EXIT_BOOT_ERROR`],
/// [`super::EXIT_APP_LOAD_ERROR`]).
pub fn run<H: Host>(host: &mut H, options: Options) -> i32 {
    let mut drive = match Drive::new(host, options) {
        Ok(drive) => drive,
        Err((host, error)) => {
            host.log(Level::Error, &format!("Cannot start: {error}"));
            return 1;
        }
    };
    if let Err(error) = drive.write_first_pidfile() {
        drive.say(Level::Error, &error.to_string());
        return 1;
    }
    if drive.may_start(&Hook::OnStarting) {
        drive.open_first();
        drive.explain();
    }
    loop {
        if let Some(code) = drive.exit {
            return code;
        }
        drive.turn();
    }
}

struct Drive<'h, H> {
    host: &'h mut H,
    machine: Supervisor,
    events: VecDeque<Event>,
    exit: Option<i32>,
    wanted: Wanted,
    inherited: Inherited,
    worker_kind: String,
    parent: Option<Pid>,
    reaps_strangers: bool,
    board: Board,
    bell: Arc<Bell>,
    reports: Arc<Reports>,
    inboxes: Arc<Inboxes>,
    signals: Arc<Signals>,
    memory: OutOfMemoryCounter,
    reasons: Arc<Reasons>,
    measured: Measured,
    listeners: Listeners,
    /// Sockets that are being opened, at the start or for a reload.
    reopening: Option<Reopening>,
    pidfile: Option<Pidfile>,
    /// Slots whose worker is gone, and may have left connections in its inbox.
    vacated: Vec<SlotId>,
    explaining: Explaining,
}

impl<'h, H: Host> Drive<'h, H> {
    fn new(host: &'h mut H, options: Options) -> Result<Self, (&'h mut H, io::Error)> {
        let made = (|| {
            let board = Board::new(options.slots)?;
            io::Result::Ok((
                board,
                Bell::new()?,
                Reports::new()?,
                Inboxes::new(options.inboxes.min(options.slots))?,
                Signals::new()?,
                Reasons::new()?,
            ))
        })();
        let (board, bell, reports, inboxes, signals, reasons) = match made {
            Ok(made) => made,
            Err(error) => return Err((host, error)),
        };
        let policy = options.wanted.policy.clone();
        let explaining = Explaining::new(&options.wanted.telling, &options.wanted.listen);
        Ok(Self {
            explaining,
            host,
            machine: Supervisor::new(policy, options.slots, options.parent.is_some()),
            events: VecDeque::new(),
            exit: None,
            wanted: options.wanted,
            inherited: options.inherited,
            worker_kind: options.worker_kind,
            parent: options.parent,
            reaps_strangers: options.reaps_strangers,
            board,
            bell: Arc::new(bell),
            reports: Arc::new(reports),
            inboxes: Arc::new(inboxes),
            signals: Arc::new(signals),
            memory: OutOfMemoryCounter::of_this_process(),
            reasons: Arc::new(reasons),
            measured: Measured::default(),
            listeners: Listeners::default(),
            reopening: None,
            pidfile: None,
            vacated: Vec::new(),
        })
    }

    /// Waits for something, and deals with it: with what has come to pass before what is
    /// asked for, so that a reload knows which workers serve already. Only the end comes
    /// first: a signal to the whole group ends workers, too, and they are not to be replaced.
    fn turn(&mut self) {
        self.wait();
        self.bell.take();
        // Before their end is told of that they have said before it.
        for (level, text) in self.reports.take() {
            self.say(level, &text);
        }
        let mut happened = self.read_board();
        happened.extend(self.bury());
        // After the dead were found: whatever killed them was sent here as well by then.
        let signals = self.signals.take().into_iter();
        let (ends, others): (Vec<_>, Vec<_>) = signals.partition(|signal| is_end(*signal));
        self.tell_signals(ends);
        for event in happened {
            self.tell(event);
        }
        self.place_orphans();
        self.tell_signals(others);
        for event in self.measure() {
            self.tell(event);
        }
        self.see_parent();
        self.go_on_opening();
        self.tell(Event::Tick);
        self.explain();
    }

    fn tell_signals(&mut self, signals: Vec<Signal>) {
        for signal in signals {
            self.tell(Event::Signal(signal));
        }
    }

    /// Tells the machine something, does what it asks for, and goes on as long as that
    /// makes something happen.
    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            for action in self.machine.on(event, now_ms()) {
                self.act(action);
                if self.exit.is_some() {
                    return;
                }
            }
        }
    }

    /// Calls a hook that may end the start, and does that if it wants to.
    fn may_start(&mut self, hook: &Hook) -> bool {
        let Err(reason) = self.host.hook(hook) else {
            return true;
        };
        self.say(Level::Error, &reason);
        self.give_up();
        false
    }

    /// Ends a start that came to nothing.
    fn give_up(&mut self) {
        self.listeners.close(true);
        self.pidfile(PidfileStep::Remove);
        self.exit = Some(1);
    }

    fn say(&mut self, level: Level, text: &str) {
        self.explaining.note_logged(level);
        self.host.log(level, text);
    }

    /// Whether the server that this one replaces is gone.
    fn see_parent(&mut self) {
        if self.parent.is_some() && getppid() != self.parent {
            self.parent = None;
            self.tell(Event::Promoted);
        }
    }
}

/// Whether a signal asks for the end of the server.
fn is_end(signal: Signal) -> bool {
    matches!(signal, Signal::TERM | Signal::INT | Signal::QUIT)
}
