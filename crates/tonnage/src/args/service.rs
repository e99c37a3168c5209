//! Flags of `tonnage service`.

use clap::Args;
use tonnage_model::HumanDuration;

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(
    after_help = "Services: hello, echo, loop, matmul, fanout, relay, evaluate and grpc do the work of \
the workloads; slow and restaurants are what fanout and relay call."
)]
pub(crate) struct ServiceArgs {
    /// The service
    #[arg(value_name = "NAME")]
    pub(crate) service: String,
    /// Address to listen on; 0.0.0.0 for every network
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Port to listen on; 0 for a free one
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// Threads that answer; the CPUs that may be used by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The service that this one calls (`$UPSTREAM_URL` by default)
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    #[command(flatten)]
    pub(crate) trouble: TroubleArgs,
}

/// What goes wrong from the start; POST /control changes it later.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trouble of the service `restaurants`")]
pub(crate) struct TroubleArgs {
    /// Wait so long before each answer
    #[arg(long, value_name = "DURATION")]
    pub(crate) delay: Option<HumanDuration>,
    /// Answer N requests per second, and the others with status 429
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate_limit: Option<u32>,
    /// Answer everything with this status
    #[arg(long, value_name = "STATUS")]
    pub(crate) fail_status: Option<u16>,
    /// Answer with what is no JSON
    #[arg(long)]
    pub(crate) garbage: bool,
    /// Close connections without an answer
    #[arg(long)]
    pub(crate) down: bool,
    /// Close connections in the middle of an answer
    #[arg(long)]
    pub(crate) cut: bool,
}

impl TroubleArgs {
    /// Whether any of it was asked for.
    pub(crate) fn is_any(&self) -> bool {
        self.delay.is_some()
            || self.rate_limit.is_some()
            || self.fail_status.is_some()
            || self.garbage
            || self.down
            || self.cut
    }
}
