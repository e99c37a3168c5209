//! One unary call, for whoever wants to know what a server answers rather than
//! how fast.

use std::time::Duration;

use serde_json::Value;

use super::error::GrpcError;
use super::method::GrpcMethod;
use crate::h2::Caller;
use crate::{LoadError, Target, TlsSettings};

/// `grpc-status`: all went well.
const OK: u32 = 0;

/// Calls the method that the target's path names (`/package.Service/Method`) with
/// a message given as JSON, learning from the server itself (by reflection) what
/// messages look like. Gives the answer's message, with names in `lowerCamelCase`
/// and defaults filled in. Asking and calling take at most `timeout` each.
pub fn call_once(
    target: &Target,
    tls: &TlsSettings,
    json: &str,
    timeout: Duration,
) -> Result<Value, LoadError> {
    let method = GrpcMethod::from_reflection(target, tls, timeout)?;
    let request = method.request(json.as_bytes())?;
    let fail = |problem: String| GrpcError::Call {
        method: target.path.trim_start_matches('/').to_owned(),
        address: target.address.clone(),
        problem,
    };
    let mut caller = Caller::connect(target, tls, timeout)?.map_err(fail)?;
    let reply = caller.call(method.path(), request).map_err(fail)?;
    match (reply.http_status, reply.status) {
        (200, Some(OK)) => {}
        (200, Some(status)) => return Err(fail(format!("gRPC status {status}")).into()),
        (status, _) => return Err(fail(format!("HTTP status {status} and no gRPC")).into()),
    }
    let answer = method.response(&reply.body);
    let answer = answer.and_then(|json| serde_json::from_slice(&json).ok());
    Ok(answer.ok_or_else(|| fail("an answer that cannot be read".to_owned()))?)
}
