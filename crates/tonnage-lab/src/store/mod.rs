//! The store: one SQLite file with every run and, the moment it ends, every
//! trial. Several processes may use it at once.

mod read;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

/// The newest version of the schema, kept in SQLite's `user_version`.
const VERSION: i64 = 2;

/// What leads from each version to the next, the first one to version 1.
const STEPS: [&str; VERSION as usize] = [include_str!("schema.sql"), include_str!("schema_2.sql")];

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A store that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says no.
    #[error("the store {path}: {source}")]
    Sqlite {
        /// The store's file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A record that cannot be written or read back.
    #[error("the store {path} holds a record that cannot be read: {reason}")]
    Record {
        /// The store's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The store was written by a newer Tonnage.
    #[error(
        "the store {path} has version {found}, this Tonnage knows up to {VERSION}: use a newer Tonnage, or another $TONNAGE_HOME"
    )]
    TooNew {
        /// The store's file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// The folder cannot be made.
    #[error("cannot make the folder {path}: {source} (records are kept below $TONNAGE_HOME)")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No run has that name.
    #[error("there is no run `{name}`: {hint}")]
    NoSuchRun {
        /// As given.
        name: String,
        /// A suggestion, or that there are none at all.
        hint: String,
    },
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the store at `path`, and makes it where there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        let sqlite = |source| StoreError::Sqlite {
            path: path.to_owned(),
            source,
        };
        let connection = Connection::open(path).map_err(sqlite)?;
        let mut store = Self {
            path: path.to_owned(),
            connection,
        };
        store
            .connection
            .busy_timeout(BUSY_TIMEOUT)
            .map_err(sqlite)?;
        store.prepare_when_free().map_err(sqlite)?;
        let found = store.version().map_err(sqlite)?;
        if found > VERSION {
            return Err(StoreError::TooNew {
                path: path.to_owned(),
                found,
            });
        }
        Ok(store)
    }

    /// Switching to write-ahead logging does not wait for others by itself, as
    /// everything else does.
    fn prepare_when_free(&mut self) -> rusqlite::Result<()> {
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            match self.prepare() {
                Err(error) if is_busy(&error) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                prepared => return prepared,
            }
        }
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.pragma_update(None, "foreign_keys", true)?;
        // Immediate: of two processes that find no tables, one waits here and
        // then finds them.
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version < VERSION {
            for step in &STEPS[version.max(0) as usize..] {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
    }

    fn sqlite(&self) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        let path = self.path.clone();
        move |source| StoreError::Sqlite {
            path: path.clone(),
            source,
        }
    }

    fn record(&self, reason: &dyn ToString) -> StoreError {
        StoreError::Record {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code == Some(ErrorCode::DatabaseBusy) || code == Some(ErrorCode::DatabaseLocked)
}

#[cfg(test)]
mod tests;
