//! From a cell to the load that is sent to its server: request, law of arrivals,
//! end of the window. Warm-up and window are the trial's.

use std::time::Duration;

use tonnage_load::{
    ArrivalLaw, DataPlan, GrpcMethod, Header, LoadModel, LoadPlan, Overload, Pick, Protocol,
    RequestError, RequestParts, SourcePlan, Target, Timeouts, TlsSettings, default_threads,
};
use tonnage_model::{CellPlan, GrpcRequest, Rate, Request, Template};

use crate::{Catalog, LabError};

/// How long the first connect of a load may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a load is made of beside its cell.
pub(crate) struct Loading<'a> {
    pub(crate) plan: &'a CellPlan,
    pub(crate) request: &'a Request,
    /// `http://host:port` or `grpc://host:port`.
    pub(crate) base: &'a str,
    pub(crate) clients: u32,
    /// CPUs that the generator may use.
    pub(crate) generator_cpus: usize,
    pub(crate) seed: u64,
}

impl Loading<'_> {
    /// The load of the measured window, warm-up included.
    pub(crate) fn load_plan(&self) -> Result<LoadPlan, LabError> {
        let plan = self.plan;
        let base = self.base.trim_end_matches('/');
        let grpc = base.starts_with("grpc:");
        let path = match &self.request.grpc {
            Some(grpc_request) if grpc => format!("/{}", grpc_request.method),
            None if grpc => {
                return Err(LabError::Usage(format!(
                    "the stack `{}` speaks gRPC, and the study does not say what `{}` is asked over it ([request.grpc])",
                    plan.stack, plan.workload
                )));
            }
            _ => self.fill(self.request.path.get_ref())?,
        };
        let target = Target::resolve(&format!("{base}{path}"), PROBE_TIMEOUT)?;
        let timeouts = self.timeouts();
        let (protocol, source) = match &self.request.grpc {
            Some(request) if grpc => self.grpc(request, &target, timeouts)?,
            _ => (Protocol::Http1, self.source(&target)?),
        };
        let requests = plan.requests.map(u64::from);
        // Each user needs something to do.
        let clients = requests.map_or(self.clients, |most| {
            u64::from(self.clients).min(most) as u32
        });
        Ok(LoadPlan {
            protocol,
            source,
            model: self.model(),
            threads: default_threads(clients, self.generator_cpus * 2).min(clients),
            // A gRPC channel is one connection by its nature.
            keepalive: plan.keepalive || grpc,
            requests_per_connection: (grpc && !plan.keepalive).then_some(1),
            warmup: plan.warmup.0,
            duration: Some(plan.duration.0),
            requests,
            timeouts,
            seed: self.seed,
            ..LoadPlan::new(target, clients)
        })
    }

    fn model(&self) -> LoadModel {
        match self.plan.rate {
            None => LoadModel::Closed {
                think: self.plan.think,
            },
            Some(Rate(rate_rps)) => LoadModel::Open {
                rate_rps,
                law: ArrivalLaw::Poisson,
                overload: Overload::Queue,
            },
        }
    }

    fn timeouts(&self) -> Timeouts {
        let all = Timeouts::all(self.request.timeout.0);
        Timeouts {
            connect: self
                .request
                .connect_timeout
                .map_or(all.connect, |limit| limit.0),
            ..all
        }
    }

    fn grpc(
        &self,
        request: &GrpcRequest,
        target: &Target,
        timeouts: Timeouts,
    ) -> Result<(Protocol, SourcePlan), LabError> {
        let method =
            GrpcMethod::from_reflection(target, &TlsSettings::default(), timeouts.connect)?;
        let parts = RequestParts {
            body: self.fill(request.send.get_ref())?.into_bytes(),
            ..RequestParts::default()
        };
        let source = SourcePlan::constant(&target.path, parts);
        Ok((Protocol::Grpc { streams: 1, method }, source))
    }

    fn source(&self, target: &Target) -> Result<SourcePlan, LabError> {
        let request = self.request;
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| Header::new(name, value));
        let parts = RequestParts {
            method: request.method.clone(),
            headers: headers
                .collect::<Result<_, RequestError>>()
                .map_err(usage)?,
            body: match &request.body_file {
                Some(file) => Catalog::app_file(file)?.to_vec(),
                None => Vec::new(),
            },
        };
        let mut source = SourcePlan::constant(&target.path, parts);
        if let Some(file) = &request.bodies_file {
            source.data = Some(DataPlan {
                text: bodies(file)?,
                pick: Pick::Random,
            });
        }
        Ok(source)
    }

    fn fill(&self, template: &Template) -> Result<String, LabError> {
        let filled = template.fill(|name| self.plan.parameters.get(name).cloned());
        filled.map_err(usage)
    }
}

/// A file with one body a line in the form of the engine's data.
fn bodies(file: &str) -> Result<String, LabError> {
    let bytes = Catalog::app_file(file)?;
    let text = std::str::from_utf8(bytes)
        .map_err(|error| LabError::Usage(format!("apps/{file}: {error}")))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let data = lines.map(|line| ["{\"body\":", line, "}\n"].concat());
    Ok(data.collect())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, which gives the error away"
)]
fn usage(error: impl ToString) -> LabError {
    LabError::Usage(error.to_string())
}
