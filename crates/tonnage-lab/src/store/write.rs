//! What goes into the store.

use rusqlite::params;
use tonnage_model::{RunRecord, RunStatus, TrialOutcome, TrialRecord};

use super::{Store, StoreError};
use crate::process::{Owner, OwnerState};

impl Store {
    /// Notes that a run has begun, made by this process.
    pub fn begin_run(&self, run: &RunRecord) -> Result<(), StoreError> {
        let json = |value: &dyn erased::Json| value.to_json().map_err(|error| self.record(&error));
        self.connection
            .execute(
                "INSERT INTO run (run_id, study, study_toml, sets, tool_version, argv, target, quick, host,
                                  folder, started_us, ended_us, status, reason, owner, conditions)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
                params![
                    run.run_id,
                    run.study,
                    run.study_toml,
                    json(&run.sets)?,
                    run.tool_version,
                    json(&run.argv)?,
                    run.target,
                    run.quick,
                    json(&run.host)?,
                    run.folder.to_string_lossy(),
                    run.started_unix_us as i64,
                    run.ended_unix_us.map(|us| us as i64),
                    run.status.name(),
                    run.reason,
                    json(&Owner::own())?,
                    json(&run.conditions)?,
                ],
            )
            .map_err(self.sqlite())?;
        Ok(())
    }

    /// Takes a run over from a process that is gone, so that this one may go on with
    /// it. Gives `false` where another process is at it.
    pub fn take_over(&mut self, run_id: &str) -> Result<bool, StoreError> {
        let own = serde_json::to_string(&Owner::own()).map_err(|error| self.record(&error))?;
        let sqlite = self.sqlite();
        // Immediate: of two that want the same run, one comes second and sees it.
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(&sqlite)?;
        let (status, owner): (String, String) = transaction
            .query_row(
                "SELECT status, owner FROM run WHERE run_id = ?1",
                [run_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(&sqlite)?;
        let owner: Option<Owner> = serde_json::from_str(&owner).ok();
        let at_work = owner.is_some_and(|owner| owner.state() == OwnerState::MayBeAlive);
        if status == RunStatus::Running.name() && at_work {
            return Ok(false);
        }
        transaction
            .execute(
                "UPDATE run SET status = ?2, reason = '', ended_us = NULL, owner = ?3 WHERE run_id = ?1",
                params![run_id, RunStatus::Running.name(), own],
            )
            .map_err(&sqlite)?;
        transaction.commit().map_err(&sqlite)?;
        Ok(true)
    }

    /// Notes how a run ended.
    pub fn end_run(
        &self,
        run_id: &str,
        status: RunStatus,
        reason: &str,
        ended_unix_us: u64,
    ) -> Result<(), StoreError> {
        self.connection
            .execute(
                "UPDATE run SET status = ?2, reason = ?3, ended_us = ?4 WHERE run_id = ?1",
                params![run_id, status.name(), reason, ended_unix_us as i64],
            )
            .map_err(self.sqlite())?;
        Ok(())
    }

    /// Keeps a trial, whole or not at all.
    pub fn add_trial(&mut self, trial: &TrialRecord) -> Result<(), StoreError> {
        let record = serde_json::to_string(trial).map_err(|error| self.record(&error))?;
        let parameters =
            serde_json::to_string(&trial.cell.parameters).map_err(|error| self.record(&error))?;
        let sqlite = self.sqlite();
        let transaction = self.connection.transaction().map_err(&sqlite)?;
        insert_trial(&transaction, trial, &parameters, &record).map_err(&sqlite)?;
        transaction.commit().map_err(&sqlite)
    }

    /// Marks the runs of processes that are gone as abandoned; gives their names.
    pub fn mark_abandoned(&self) -> Result<Vec<String>, StoreError> {
        let mut gone = Vec::new();
        for (run_id, owner) in self.running()? {
            if owner.is_some_and(|owner| owner.state() == OwnerState::MayBeAlive) {
                continue;
            }
            self.connection
                .execute(
                    "UPDATE run SET status = ?2, reason = ?3 WHERE run_id = ?1 AND status = ?4",
                    params![
                        run_id,
                        RunStatus::Abandoned.name(),
                        "its process vanished without cleaning up",
                        RunStatus::Running.name()
                    ],
                )
                .map_err(self.sqlite())?;
            gone.push(run_id);
        }
        Ok(gone)
    }

    /// Names of the runs that other processes are making now.
    pub fn other_runs(&self) -> Result<Vec<String>, StoreError> {
        let own = Owner::own();
        let running = self.running()?.into_iter();
        Ok(running
            .filter_map(|(run_id, owner)| {
                let other = owner.filter(|owner| *owner != own)?;
                (other.state() == OwnerState::MayBeAlive).then_some(run_id)
            })
            .collect())
    }

    fn running(&self) -> Result<Vec<(String, Option<Owner>)>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT run_id, owner FROM run WHERE status = ?1")
            .map_err(self.sqlite())?;
        let rows = statement
            .query_map([RunStatus::Running.name()], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            })
            .map_err(self.sqlite())?;
        rows.map(|row| {
            let (run_id, owner) = row.map_err(self.sqlite())?;
            // An owner that cannot be read is none that is at work.
            Ok((run_id, serde_json::from_str(&owner).ok()))
        })
        .collect()
    }
}

fn insert_trial(
    transaction: &rusqlite::Transaction<'_>,
    trial: &TrialRecord,
    parameters: &str,
    record: &str,
) -> rusqlite::Result<()> {
    let (outcome, reason) = match &trial.outcome {
        TrialOutcome::Measured => ("measured", ""),
        TrialOutcome::Failed(reason) => ("failed", reason.as_str()),
        TrialOutcome::Interrupted => ("interrupted", ""),
    };
    let load = trial.load.as_ref();
    let counts = load.map(|load| load.counts);
    let usage = trial.usage.as_ref();
    transaction.execute(
        "INSERT INTO trial (run_id, position, stack, workload, workers, clients, keepalive, parameters, lock,
                            started_us, boot_ms, outcome, reason, window_us, started, succeeded, failed,
                            unfinished, goodput_rps, service_mean_us, service_p95_us, generator_cpu_share,
                            little_residual, record, block, kind, cell_number, verdict, took_us,
                            server_cpu_us, throttled_periods, throttled_us, memory_peak_bytes,
                            oom_kills, respawned)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35)",
        params![
            trial.run_id,
            trial.position,
            trial.cell.stack,
            trial.cell.workload,
            trial.cell.workers,
            trial.cell.clients,
            trial.cell.keepalive,
            parameters,
            trial.cell.lock,
            trial.started_unix_us as i64,
            trial.boot_ms.map(|ms| ms as i64),
            outcome,
            reason,
            load.map(|load| load.window_us as i64),
            counts.map(|counts| counts.started as i64),
            counts.map(|counts| counts.succeeded as i64),
            counts.map(|counts| counts.failed as i64),
            counts.map(|counts| counts.unfinished as i64),
            load.map(|load| load.throughput.goodput_rps),
            load.and_then(|load| load.service_time.mean_us),
            load.and_then(|load| load.service_time.percentile_us(95.0)),
            load.map(|load| load.generator.busiest_thread_cpu_share),
            load.and_then(|load| load.generator.little_residual),
            record,
            trial.block,
            trial.kind.name(),
            trial.cell_number,
            load.map(|load| load.verdict.level.name()),
            trial.took_us as i64,
            usage.map(|usage| usage.cpu_us as i64),
            usage.and_then(|usage| usage.throttled_periods.map(|periods| periods as i64)),
            usage.and_then(|usage| usage.throttled_us.map(|us| us as i64)),
            usage.and_then(|usage| usage.memory_peak_bytes.map(|bytes| bytes as i64)),
            usage.and_then(|usage| usage.oom_kills.map(|kills| kills as i64)),
            usage.map(|usage| usage.respawned as i64),
        ],
    )?;
    let trial_id = transaction.last_insert_rowid();
    for failure in load.map_or(&[][..], |load| &load.failures) {
        transaction.execute(
            "INSERT INTO failure_count (trial_id, phase, cause, count) VALUES (?1, ?2, ?3, ?4)",
            params![
                trial_id,
                failure.phase.name(),
                failure.cause.name(),
                failure.count as i64
            ],
        )?;
    }
    Ok(())
}

/// Anything that can be written as JSON, behind one pointer type.
mod erased {
    pub(super) trait Json {
        fn to_json(&self) -> serde_json::Result<String>;
    }

    impl<T: serde::Serialize> Json for T {
        fn to_json(&self) -> serde_json::Result<String> {
            serde_json::to_string(self)
        }
    }
}
