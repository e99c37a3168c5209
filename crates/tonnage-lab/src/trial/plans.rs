//! What a trial is made of: the record's cell, the server's size and bounds, the load
//! that is sent. Making the trial is `trial`'s part.

use tonnage_load::LoadPlan;
use tonnage_model::{Cell, CellPlan, CpuSet};

use super::{EXTERNAL, Facts, Order, Trials};
use crate::loading::Loading;
use crate::pin::{self, Apart};
use crate::server::{ServerPlan, Size};
use crate::{Bounds, FoundStack, LabError};

impl Trials<'_> {
    pub(super) fn cell(&self, order: &Order<'_>, lock: String) -> Cell {
        let plan = &order.plan;
        let external = self.target.is_some();
        let found = self.find(&plan.stack).filter(|_| !external);
        let size = found.and_then(|found| self.size(found, plan).ok());
        let size = size.unwrap_or_default();
        let own_rule = || found?.stack.workers;
        let rule = plan.workers.filter(|_| !external).or_else(own_rule);
        Cell {
            configuration: plan.configuration.clone(),
            stack: if external {
                EXTERNAL.to_owned()
            } else {
                plan.stack.clone()
            },
            workload: plan.workload.clone(),
            workers: size.workers,
            worker_rule: rule.map_or_else(String::new, |rule| rule.to_string()),
            threads: size.threads,
            in_flight: plan.in_flight,
            clients: order.job.clients,
            think: plan.think.to_string(),
            rate_rps: plan.rate.map(|rate| rate.0),
            limits: plan.limits.clone(),
            keepalive: plan.keepalive,
            requests: plan.requests,
            duration_us: plan.duration.0.as_micros() as u64,
            warmup_us: plan.warmup.0.as_micros() as u64,
            parameters: plan.parameters.clone(),
            environment: plan.environment.clone(),
            lock,
        }
    }

    /// Workers and threads of a cell's server.
    pub(crate) fn size(&self, found: &FoundStack, plan: &CellPlan) -> Result<Size, LabError> {
        let cpus = pin::server_cpus(self.cpus, &plan.limits, self.study.experiment.pin);
        match plan.in_flight {
            Some(in_flight) => Size::for_in_flight(found, in_flight, cpus),
            None => Size::choose(found, plan.workers, plan.threads, cpus),
        }
    }

    /// How the CPUs are divided between a cell's server and the generator.
    pub(super) fn apart(&self, plan: &CellPlan) -> Option<Apart> {
        pin::apart(self.cpus, &plan.limits, self.study.experiment.pin)
    }

    pub(super) fn server_plan(
        &self,
        order: &Order<'_>,
        apart: Option<&Apart>,
        facts: &mut Facts,
    ) -> Result<ServerPlan, LabError> {
        let plan = &order.plan;
        let found = self.find(&plan.stack);
        let found = found.ok_or_else(|| LabError::missing_data(&plan.stack))?;
        let mut limits = plan.limits.clone();
        // More than there is would be no limit, and is not what was asked for.
        if limits
            .memory_bytes
            .is_some_and(|bytes| bytes > self.machine_bytes)
        {
            limits.memory_bytes = Some(self.machine_bytes);
            facts.memory_clamped_bytes = limits.memory_bytes;
        }
        Ok(ServerPlan {
            stack: found.clone(),
            workload: plan.workload.clone(),
            size: self.size(found, plan)?,
            host: "127.0.0.1".to_owned(),
            port: None,
            environment: plan.environment.clone(),
            bounds: Bounds {
                backend: self.backend.clone(),
                limits,
                cpus: apart.and_then(|apart| apart.server.clone()),
                upstream_cpus: apart.map(|apart| apart.generator.clone()),
            },
        })
    }

    pub(super) fn load_plan(
        &self,
        base: &str,
        order: &Order<'_>,
        generator: Option<&CpuSet>,
    ) -> Result<LoadPlan, LabError> {
        let shared = self.cpus.len().div_ceil(2);
        let loading = Loading {
            plan: &order.plan,
            request: order.request,
            base,
            clients: order.job.clients,
            generator_cpus: generator.map_or(shared, |own| own.cpus().len()),
            // The same in every trial of a cell and block, and another in the next.
            seed: self.seed.wrapping_add(u64::from(order.job.block)),
        };
        let mut load = loading.load_plan()?;
        load.assertions = order.objective.iter().cloned().collect();
        load.ceiling_rps = self.ceiling_rps.filter(|_| load.keepalive);
        Ok(load)
    }
}
