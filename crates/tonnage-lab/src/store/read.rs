//! What comes out of the store.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row};
use serde::de::DeserializeOwned;
use tonnage_model::{RunRecord, RunStatus, TrialRecord, did_you_mean};

use super::{Store, StoreError};

/// How many runs a hint lists.
const HINTED_RUNS: usize = 5;

const RUN_COLUMNS: &str =
    "run_id, study, study_toml, sets, tool_version, argv, target, quick, host, folder,
     started_us, ended_us, status, reason, conditions";

impl Store {
    /// The run of that name or, without one, the newest.
    pub fn run(&self, name: Option<&str>) -> Result<RunRecord, StoreError> {
        let columns = |filter: &str| {
            format!(
                "SELECT {RUN_COLUMNS} FROM run {filter} ORDER BY started_us DESC, rowid DESC LIMIT 1"
            )
        };
        let found = match name {
            Some(name) => {
                self.connection
                    .query_row(&columns("WHERE run_id = ?1"), [name], read_run)
            }
            None => self.connection.query_row(&columns(""), [], read_run),
        };
        match found.optional().map_err(self.sqlite())? {
            Some(run) => run.map_err(|reason| self.record(&reason)),
            None => Err(self.no_such_run(name)?),
        }
    }

    fn no_such_run(&self, name: Option<&str>) -> Result<StoreError, StoreError> {
        let newest: Vec<String> = self
            .runs()?
            .into_iter()
            .map(|run| run.run_id)
            .take(HINTED_RUNS)
            .collect();
        let known: Vec<&str> = newest.iter().map(String::as_str).collect();
        Ok(StoreError::NoSuchRun {
            name: name.unwrap_or("(the newest)").to_owned(),
            hint: if known.is_empty() {
                "there are no runs yet, make one with `tonnage study run`".to_owned()
            } else {
                did_you_mean(name.unwrap_or_default(), &known)
            },
        })
    }

    /// Every run, newest first.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        let query = format!("SELECT {RUN_COLUMNS} FROM run ORDER BY started_us DESC, rowid DESC");
        let mut statement = self.connection.prepare(&query).map_err(self.sqlite())?;
        let rows = statement.query_map([], read_run).map_err(self.sqlite())?;
        rows.map(|row| {
            row.map_err(self.sqlite())?
                .map_err(|reason| self.record(&reason))
        })
        .collect()
    }

    /// The trials of a run, in order.
    pub fn trials(&self, run_id: &str) -> Result<Vec<TrialRecord>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT record FROM trial WHERE run_id = ?1 ORDER BY position")
            .map_err(self.sqlite())?;
        let rows = statement
            .query_map([run_id], |row| row.get::<_, String>(0))
            .map_err(self.sqlite())?;
        rows.map(|row| {
            serde_json::from_str(&row.map_err(self.sqlite())?).map_err(|error| self.record(&error))
        })
        .collect()
    }
}

/// A run's row; the inner error is a column that holds what it should not.
fn read_run(row: &Row<'_>) -> rusqlite::Result<Result<RunRecord, String>> {
    let status: String = row.get(12)?;
    let (sets, argv, host): (String, String, String) = (row.get(3)?, row.get(5)?, row.get(8)?);
    let conditions: String = row.get(14)?;
    let parts = (
        RunStatus::from_name(&status),
        json(&sets),
        json(&argv),
        json(&host),
        json(&conditions),
    );
    let (Some(status), Ok(sets), Ok(argv), Ok(host), Ok(conditions)) = parts else {
        return Ok(Err(format!(
            "a run has the status `{status}` or broken JSON"
        )));
    };
    Ok(Ok(RunRecord {
        run_id: row.get(0)?,
        study: row.get(1)?,
        study_toml: row.get(2)?,
        sets,
        tool_version: row.get(4)?,
        argv,
        target: row.get(6)?,
        quick: row.get(7)?,
        host,
        folder: PathBuf::from(row.get::<_, String>(9)?),
        started_unix_us: row.get::<_, i64>(10)? as u64,
        ended_unix_us: row.get::<_, Option<i64>>(11)?.map(|us| us as u64),
        status,
        reason: row.get(13)?,
        conditions,
    }))
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
