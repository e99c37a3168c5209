//! The pidfile over the server's life: beside the old server's where this one is to replace
//! it, under its own name afterwards, and gone at the end.

use rustix::process::getpid;

use super::Drive;
use crate::supervisor::{Host, Level, Pidfile, PidfileError, PidfileStep};

impl<H: Host> Drive<'_, H> {
    pub(super) fn write_first_pidfile(&mut self) -> Result<(), PidfileError> {
        if let Some(path) = &self.wanted.pidfile {
            let mut path = path.clone().into_os_string();
            if self.parent.is_some() {
                path.push(".2");
            }
            self.pidfile = Some(Pidfile::create(path.as_ref(), getpid())?);
        }
        Ok(())
    }

    pub(super) fn pidfile(&mut self, step: PidfileStep) {
        match step {
            PidfileStep::Remove => {
                if let Some(pidfile) = self.pidfile.take() {
                    pidfile.remove();
                }
            }
            PidfileStep::Promote => self.move_pidfile(),
        }
    }

    /// Puts the pidfile where the configuration wants it.
    pub(super) fn move_pidfile(&mut self) {
        let result = match (&self.wanted.pidfile, self.pidfile.as_mut()) {
            (Some(path), Some(pidfile)) => pidfile.rename(path),
            (Some(path), None) => {
                Pidfile::create(path, getpid()).map(|pidfile| self.pidfile = Some(pidfile))
            }
            (None, Some(pidfile)) => {
                pidfile.remove();
                self.pidfile = None;
                Ok(())
            }
            (None, None) => Ok(()),
        };
        if let Err(error) = result {
            self.say(Level::Error, &error.to_string());
        }
    }
}
