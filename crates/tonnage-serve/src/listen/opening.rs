//! Opening all sockets of a server, again and again where an address is still in use:
//! the last server may need a moment to go. Nothing here waits; whoever calls does, so
//! that signals are heard meanwhile.

use std::os::fd::RawFd;
use std::time::Duration;

use super::{Address, Inherited, ListenError, ListenOptions, Listener, Listeners, Origin};

/// Something to be told to whoever runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Something went wrong, and is tried again.
    Error(String),
    /// Of interest only to those who look for a fault.
    Debug(String),
}

/// What came out of an attempt.
#[derive(Debug)]
pub enum Step {
    /// All sockets are open.
    Open(Listeners),
    /// Try again after this time.
    Again(Duration),
    /// Nothing will come of it; the address as the log writes it, and the reason.
    Failed(String, ListenError),
}

/// Sockets on their way to being open.
#[derive(Debug)]
pub struct Opening {
    asked: Vec<Address>,
    options: ListenOptions,
    inherited: Inherited,
    done: Vec<Listener>,
    tries: u32,
}

impl Opening {
    /// Opens these addresses, or takes over what was inherited.
    pub fn new(asked: Vec<Address>, options: ListenOptions, inherited: Inherited) -> Self {
        Self {
            asked,
            options,
            inherited,
            done: Vec::new(),
            tries: 0,
        }
    }

    /// Does what can be done without waiting, and says in `notes` what went wrong.
    /// Sockets of `current` that are asked for once more stay as they are.
    pub fn attempt(&mut self, current: &Listeners, notes: &mut Vec<Note>) -> Step {
        match &self.inherited {
            Inherited::Nothing => {}
            Inherited::FromServer(all) => return self.adopt_all(&all.clone(), Origin::Inherited),
            Inherited::FromSystemd(all) => return self.adopt_all(&all.clone(), Origin::Systemd),
        }
        while let Some(address) = self.asked.get(self.done.len()) {
            match open(address, &self.options, current) {
                Ok(listener) => {
                    self.done.push(listener);
                    self.tries = 0;
                }
                Err(error) => {
                    let address = address.log_text();
                    self.tries += 1;
                    report(&address, &error, notes);
                    if !may_pass(&error) || self.tries >= self.options.tries {
                        return Step::Failed(address, error);
                    }
                    let after = self.options.retry_after;
                    notes.push(Note::Debug(format!("Retrying in {}.", seconds(after))));
                    return Step::Again(after);
                }
            }
        }
        self.finish()
    }

    fn adopt_all(&mut self, descriptors: &[RawFd], origin: Origin) -> Step {
        for descriptor in descriptors {
            match Listener::adopt(*descriptor, origin, &self.options) {
                Ok(listener) => self.done.push(listener),
                Err(error) => return Step::Failed(descriptor.to_string(), error),
            }
        }
        self.finish()
    }

    fn finish(&mut self) -> Step {
        Step::Open(Listeners::new(
            std::mem::take(&mut self.done),
            self.asked.clone(),
        ))
    }
}

fn open(
    address: &Address,
    options: &ListenOptions,
    current: &Listeners,
) -> Result<Listener, ListenError> {
    match current.iter().find(|listener| listener.is_at(address)) {
        Some(listener) => listener.try_clone().map_err(ListenError::doing("dup")),
        None => Listener::open(address, options),
    }
}

/// Whether it may go better in a second.
fn may_pass(error: &ListenError) -> bool {
    error.is_in_use() || error.is_not_here() || matches!(error, ListenError::Resolve { .. })
}

fn report(address: &str, error: &ListenError, notes: &mut Vec<Note>) {
    if error.is_in_use() {
        notes.push(Note::Error(format!("Connection in use: {address}")));
    }
    if error.is_not_here() {
        notes.push(Note::Error(format!("Invalid address: {address}")));
    }
    notes.push(Note::Error(format!(
        "connection to {address} failed: {error}"
    )));
}

fn seconds(time: Duration) -> String {
    if time == Duration::from_secs(1) {
        "1 second".to_owned()
    } else {
        format!("{} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn options() -> ListenOptions {
        ListenOptions {
            tries: 3,
            ..ListenOptions::default()
        }
    }

    fn opening(asked: &[&str]) -> Opening {
        let asked = asked.iter().map(|text| text.parse().unwrap()).collect();
        Opening::new(asked, options(), Inherited::Nothing)
    }

    fn opened(opening: &mut Opening, current: &Listeners) -> Listeners {
        match opening.attempt(current, &mut Vec::new()) {
            Step::Open(listeners) => listeners,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_addresses_are_opened_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let unix = format!("unix:{}/s.sock", folder.path().display());
        let mut listeners = opened(&mut opening(&["127.0.0.1:0", &unix]), &Listeners::default());
        assert_eq!(listeners.len(), 2);
        let text = listeners.to_string();
        assert!(
            text.starts_with("http://127.0.0.1:") && text.ends_with(&format!(",{unix}")),
            "{text}"
        );
        assert_eq!(listeners.descriptors().len(), 2);
        listeners.close(true);
        assert!(listeners.is_empty() && !folder.path().join("s.sock").exists());
    }

    #[test]
    fn an_address_in_use_is_tried_again_and_then_given_up() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let mut opening = opening(&["127.0.0.1:0", &address.to_string()]);
        let current = Listeners::default();
        let mut notes = Vec::new();
        for _ in 0..2 {
            let step = opening.attempt(&current, &mut notes);
            assert!(
                matches!(step, Step::Again(after) if after == Duration::from_secs(1)),
                "{step:?}"
            );
        }
        let written = format!("('127.0.0.1', {})", address.port());
        assert_eq!(
            notes[0],
            Note::Error(format!("Connection in use: {written}"))
        );
        assert!(
            matches!(&notes[1], Note::Error(text) if text.starts_with(&format!("connection to {written} failed: ")))
        );
        assert_eq!(notes[2], Note::Debug("Retrying in 1 second.".to_owned()));
        let step = opening.attempt(&current, &mut notes);
        assert!(
            matches!(&step, Step::Failed(address, _) if *address == written),
            "{step:?}"
        );
    }

    #[test]
    fn the_last_server_may_go_meanwhile() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut opening = opening(&[&other.local_addr().unwrap().to_string()]);
        let current = Listeners::default();
        assert!(matches!(
            opening.attempt(&current, &mut Vec::new()),
            Step::Again(_)
        ));
        drop(other);
        assert_eq!(opened(&mut opening, &current).len(), 1);
    }

    #[test]
    fn what_cannot_pass_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let step = opening(&[&format!("unix:{}", path.display())])
            .attempt(&Listeners::default(), &mut Vec::new());
        assert!(
            matches!(step, Step::Failed(_, ListenError::NotASocket(_))),
            "{step:?}"
        );
    }

    #[test]
    fn a_reload_keeps_what_is_asked_for_again_and_removes_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let unix = |name: &str| format!("unix:{}/{name}", folder.path().display());
        let (kept, gone, new) = (unix("kept"), unix("gone"), unix("new"));
        let mut listeners = opened(&mut opening(&[&kept, &gone]), &Listeners::default());
        let inode = |name| {
            let path = folder.path().join(name);
            std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
        };
        let before = inode("kept");
        let reloaded = opened(&mut opening(&[&new, &kept]), &listeners);
        listeners.replace(reloaded);
        assert_eq!(inode("kept"), before);
        assert!(folder.path().join("new").exists() && !folder.path().join("gone").exists());
        std::os::unix::net::UnixStream::connect(folder.path().join("kept")).unwrap();
        assert_eq!(listeners.asked().len(), 2);
    }

    #[test]
    fn inherited_sockets_take_the_place_of_addresses() {
        use std::os::fd::IntoRawFd;
        let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = inherited.local_addr().unwrap();
        let number = rustix::io::fcntl_dupfd_cloexec(&inherited, 900)
            .unwrap()
            .into_raw_fd();
        let asked = vec!["127.0.0.1:1".parse().unwrap()];
        let mut opening = Opening::new(
            asked.clone(),
            options(),
            Inherited::FromSystemd(vec![number]),
        );
        let listeners = opened(&mut opening, &Listeners::default());
        assert_eq!(listeners.to_string(), format!("http://{address}"));
        let origins = listeners.iter().map(Listener::origin);
        assert_eq!(origins.collect::<Vec<_>>(), [Origin::Systemd]);
        assert_eq!(listeners.asked(), asked);
    }
}
