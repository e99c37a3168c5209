//! `grpc`: the server zoo's workloads over gRPC, with server reflection. What is
//! computed and answered is HTTP's.

use axum::Router;
use axum::http::StatusCode;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use crate::answer::Refusal;
use crate::error::ServiceError;
use crate::fanout::IoBound;
use crate::matmul::CpuBound;
use crate::settings::Settings;
use crate::slow;
use crate::upstream::Upstream;

use self::interface::my_app_server::{MyApp, MyAppServer};
use self::interface::{MyAppRequest, MyAppResponse};

/// The largest message taken, in bytes: there is but a number in it.
const MAX_MESSAGE: usize = 64 * 1024;

/// What the build makes of `apps/grpc/myapp.proto`.
#[allow(clippy::pedantic, unreachable_pub, reason = "generated")]
mod interface {
    tonic::include_proto!("_");

    /// The interface as reflection hands it out.
    pub(super) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/myapp.bin"));
}

struct App {
    cpu_bound: CpuBound,
    /// None without an upstream, with which everything else still works.
    io_bound: Option<IoBound>,
    default_delay_s: f64,
}

pub(crate) fn router(settings: &Settings) -> Result<Router, ServiceError> {
    let upstream = settings
        .upstream
        .as_deref()
        .map(Upstream::new)
        .transpose()?;
    let app = App {
        cpu_bound: CpuBound::new(settings),
        io_bound: upstream.map(IoBound::new),
        default_delay_s: settings.default_delay.as_secs_f64(),
    };
    let app = MyAppServer::new(app).max_decoding_message_size(MAX_MESSAGE);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(interface::DESCRIPTORS)
    };
    let broken = |error: tonic_reflection::server::Error| ServiceError::Setting(error.to_string());
    // Clients ask for the older version as well, which is the same.
    Ok(Routes::new(app)
        .add_service(reflection().build_v1().map_err(broken)?)
        .add_service(reflection().build_v1alpha().map_err(broken)?)
        .prepare()
        .into_axum_router())
}

#[tonic::async_trait]
impl MyApp for App {
    async fn index(&self, _: Request<MyAppRequest>) -> Result<Response<MyAppResponse>, Status> {
        Ok(response("ready".to_owned()))
    }

    async fn io_bound(
        &self,
        request: Request<MyAppRequest>,
    ) -> Result<Response<MyAppResponse>, Status> {
        let missing = "the service was started without --upstream";
        let work = self.io_bound.as_ref();
        let work = work.ok_or_else(|| Status::failed_precondition(missing))?;
        let delay_s = match request.into_inner().num {
            0 => self.default_delay_s,
            num => f64::from(num),
        };
        if !(0.0..=slow::MAX_DELAY_S).contains(&delay_s) {
            let message = format!("num must be a number from 0 to {}", slow::MAX_DELAY_S);
            return Err(Status::invalid_argument(message));
        }
        work.answer(delay_s).await.map(response).map_err(status)
    }

    async fn cpu_bound(
        &self,
        request: Request<MyAppRequest>,
    ) -> Result<Response<MyAppResponse>, Status> {
        let num = request.into_inner().num;
        // What is negative is out of bounds however large the bounds are.
        let num = (num != 0).then(|| u32::try_from(num).unwrap_or(u32::MAX));
        let work = &self.cpu_bound;
        work.answer(num).await.map(response).map_err(status)
    }
}

fn response(text: String) -> Response<MyAppResponse> {
    Response::new(MyAppResponse { text })
}

/// An error of HTTP's, as gRPC calls it.
fn status(refusal: Refusal) -> Status {
    let code = match refusal.status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::BAD_GATEWAY => Code::Unavailable,
        StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
        _ => Code::Internal,
    };
    Status::new(code, refusal.message)
}
