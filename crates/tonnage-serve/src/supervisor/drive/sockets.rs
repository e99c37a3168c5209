//! The listening sockets while they are being opened: at the start, and when a reload asks
//! for other addresses. Meanwhile the loop goes on, so that signals are heard and workers
//! looked after.

use rustix::process::getpid;

use super::Drive;
use crate::board::now_ms;
use crate::listen::{Inherited, Listeners, Note, Opening, Step};
use crate::supervisor::{Event, Hook, Host, Level, Wanted};

/// Sockets that are to be open soon.
pub(super) struct Reopening {
    opening: Opening,
    at_ms: u64,
    /// The configuration that they belong to; `None` at the start.
    reloaded: Option<Wanted>,
}

impl Reopening {
    /// When the next attempt is due.
    pub(super) fn at_ms(&self) -> u64 {
        self.at_ms
    }
}

impl<H: Host> Drive<'_, H> {
    /// Begins to open the sockets.
    pub(super) fn open_first(&mut self) {
        let inherited = std::mem::take(&mut self.inherited);
        let opening = Opening::new(
            self.wanted.addresses.clone(),
            self.wanted.listen.clone(),
            inherited,
        );
        self.reopening = Some(Reopening {
            opening,
            at_ms: 0,
            reloaded: None,
        });
        self.go_on_opening();
    }

    /// Reads the configuration again, and opens other sockets if it asks for some.
    pub(super) fn reload(&mut self) {
        let wanted = match self.host.reload() {
            Ok(wanted) => wanted,
            Err(reason) => {
                self.events.push_back(Event::Reloaded(Err(reason)));
                return;
            }
        };
        if wanted.addresses == self.listeners.asked() {
            self.reopening = None;
            self.take_on(wanted);
            return;
        }
        let opening = Opening::new(
            wanted.addresses.clone(),
            wanted.listen.clone(),
            Inherited::Nothing,
        );
        self.reopening = Some(Reopening {
            opening,
            at_ms: 0,
            reloaded: Some(wanted),
        });
    }

    /// Makes an attempt at sockets that are to be opened, if one is due.
    pub(super) fn go_on_opening(&mut self) {
        let Some(mut reopening) = self
            .reopening
            .take_if(|reopening| reopening.at_ms <= now_ms())
        else {
            return;
        };
        let mut notes = Vec::new();
        let step = reopening.opening.attempt(&self.listeners, &mut notes);
        for note in notes {
            match note {
                Note::Error(text) => self.say(Level::Error, &text),
                Note::Debug(text) => self.say(Level::Debug, &text),
            }
        }
        match step {
            Step::Again(after) => {
                reopening.at_ms = now_ms() + after.as_millis() as u64;
                self.reopening = Some(reopening);
            }
            Step::Open(listeners) => {
                self.listeners.replace(listeners);
                match reopening.reloaded {
                    None => self.start(),
                    Some(wanted) => {
                        let names = named(&self.listeners, wanted.listen.tls).join(",");
                        let text = format!("Listening at: {names}");
                        self.say(Level::Info, &text);
                        self.take_on(wanted);
                        self.tell(Event::Tick);
                    }
                }
            }
            Step::Failed(address, error) => {
                let text = format!("Can't connect to {address}");
                self.say(Level::Error, &text);
                if reopening.reloaded.is_some() {
                    self.tell(Event::Reloaded(Err(format!("{text}: {error}"))));
                } else {
                    self.say(Level::Debug, &error.to_string());
                    self.give_up();
                }
            }
        }
    }

    /// The sockets are open for the first time.
    fn start(&mut self) {
        self.say(Level::Debug, "Arbiter booted");
        let listening = named(&self.listeners, self.wanted.listen.tls);
        let text = format!("Listening at: {} ({})", listening.join(","), getpid());
        self.say(Level::Info, &text);
        let text = format!("Using worker: {}", self.worker_kind);
        self.say(Level::Info, &text);
        if self.may_start(&Hook::WhenReady { listening }) {
            self.tell(Event::Started);
        }
    }

    /// The configuration is valid from now on.
    fn take_on(&mut self, wanted: Wanted) {
        let policy = wanted.policy.clone();
        self.explaining.change(&wanted.telling);
        self.wanted = wanted;
        // A new server that runs beside an old one has its own pidfile until the old one
        // is gone.
        if self.parent.is_none() {
            self.move_pidfile();
        }
        self.events.push_back(Event::Reloaded(Ok(policy)));
    }
}

/// What listeners are called.
fn named(listeners: &Listeners, tls: bool) -> Vec<String> {
    let names = listeners.iter().map(ToString::to_string);
    names
        .map(|name| match name.strip_prefix("http://") {
            Some(address) if tls => format!("https://{address}"),
            _ => name,
        })
        .collect()
}
