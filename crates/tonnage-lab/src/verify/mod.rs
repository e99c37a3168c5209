//! Asks a server for what its workload promises, before any load is sent: a
//! wrong answer given fast is no result.

mod answer;
mod grpc;
mod http;

use tonnage_load::Stop;
use tonnage_model::Workload;

use crate::LabError;
pub(crate) use http::agent;

/// Checks that the server at `base` (`http://host:port`, or `grpc://host:port`)
/// answers as the workload promises, unless a stop is requested.
pub fn verify(base: &str, workload: &Workload, stop: &Stop) -> Result<(), LabError> {
    if !base.starts_with("grpc://") {
        return http::verify(base, &workload.verify, stop);
    }
    match &workload.grpc {
        Some(question) => grpc::verify(base, question, stop),
        None => Err(LabError::Usage(
            "the workload does not say how it is asked over gRPC".to_owned(),
        )),
    }
}
