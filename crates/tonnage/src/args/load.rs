//! Flags of `tonnage load`, named after those of hey, oha and wrk.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tonnage_load::{ArrivalLaw, Header, JsonExpectation, Overload};
use tonnage_model::{Assertion, HumanDuration, Stages, StatusSet, ThinkTime};
use tonnage_report::SummaryStyle;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LoadArgs {
    #[command(subcommand)]
    pub(crate) command: Option<LoadCommand>,
    /// Where to, such as <http://127.0.0.1:8000/path>, or grpc://host:port/package.Service/Method;
    /// several paths of one host are mixed
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    #[command(flatten)]
    pub(crate) expect: ExpectArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Web charts while it runs, at this address; 127.0.0.1:18888 by default
    #[arg(long, value_name = "ADDR", num_args = 0..=1, help_heading = "Output")]
    #[allow(clippy::option_option, reason = "the flag may stand alone")]
    pub(crate) live: Option<Option<String>>,
    /// Where the server says how it fares, as HOST:PORT, where that is `tonnage serve
    /// --status-bind`: its own split of the service time is shown beside the latency
    #[arg(long, value_name = "ADDR", value_parser = status_address, help_heading = "Output")]
    pub(crate) server_status: Option<SocketAddr>,
    /// Do not measure first what this client can do here (a third of a second)
    #[arg(long, help_heading = "Output")]
    pub(crate) no_calibration: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoadCommand {
    /// Add up reports that --json wrote: of generators that ran together, or in turn
    Merge(MergeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Reports, at least two
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    pub(crate) reports: Vec<PathBuf>,
    /// What is demanded of the sum, such as 'p99<50ms'; may be repeated
    #[arg(long = "assert", value_name = "DEMAND")]
    pub(crate) assertions: Vec<Assertion>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct PaceArgs {
    /// Users of the closed loop, each with one connection; with --rate, the most connections
    #[arg(short = 'c', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) connections: u32,
    /// How long to send load; 10s unless --requests or --stages is given
    #[arg(short = 'd', long, value_name = "TIME", conflicts_with = "stages")]
    pub(crate) duration: Option<HumanDuration>,
    /// How many requests to send
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// Threads that send load; one for each 64 connections, at most half of the CPUs, by default
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Open loop: arrivals per second in total, whatever the target does
    #[arg(short = 'r', long, value_name = "R", conflicts_with_all = ["stages", "think"])]
    pub(crate) rate: Option<f64>,
    /// How the arrivals of an open loop are spaced: constant or poisson [default: constant]
    #[arg(long, value_name = "LAW")]
    pub(crate) arrivals: Option<ArrivalLaw>,
    /// What becomes of an arrival that finds every connection busy: queue or drop [default: queue]
    #[arg(long, value_name = "POLICY")]
    pub(crate) overload: Option<Overload>,
    /// Closed loop: the pause after each answer, such as exp:1s, const:500ms, uniform:1s..2s,
    /// normal:1s,200ms or lognormal:1s,500ms
    #[arg(long, value_name = "LAW")]
    pub(crate) think: Option<ThinkTime>,
    /// Time before the measured window whose requests are not counted
    #[arg(long, default_value = "0s", value_name = "TIME")]
    pub(crate) warmup: HumanDuration,
    /// Time before the warm-up in which users or rate grow from nothing
    #[arg(
        long,
        default_value = "0s",
        value_name = "TIME",
        conflicts_with = "stages"
    )]
    pub(crate) ramp: HumanDuration,
    /// Users over time, such as 0..100@30s,100@60s, or arrivals per second: 50..500/s@30s
    #[arg(long, value_name = "STAGES")]
    pub(crate) stages: Option<Stages>,
    /// Seed of everything drawn at random
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct RequestArgs {
    /// The HTTP method; GET, or POST with a body
    #[arg(short = 'm', long, value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header, such as 'Accept: application/json'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<Header>,
    /// The request's body
    #[arg(short = 'b', long, value_name = "TEXT", conflicts_with = "body_file")]
    pub(crate) body: Option<String>,
    /// A file with the request's body
    #[arg(short = 'B', long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
    /// A file with one JSON object a line: method, path, headers, body, and fields for
    /// {{line.field}}
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Which line of the data each request takes
    #[arg(long, value_enum, default_value_t = PickArg::Seq, requires = "data", value_name = "ORDER")]
    pub(crate) pick: PickArg,
    /// How often each of several URLs is asked, such as 3,1
    #[arg(long, value_delimiter = ',', value_name = "N,N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) weights: Vec<u32>,
}

/// Which line of the data a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PickArg {
    /// One after the other
    Seq,
    /// Any
    Random,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct ConnectionArgs {
    /// How long each phase of a request (connect, write, wait, read) may take
    #[arg(long, default_value = "30s", value_name = "TIME")]
    pub(crate) timeout: HumanDuration,
    /// The limit of the connect (and TLS handshake) alone
    #[arg(long, value_name = "TIME")]
    pub(crate) connect_timeout: Option<HumanDuration>,
    /// The limit of sending the request alone
    #[arg(long, value_name = "TIME")]
    pub(crate) write_timeout: Option<HumanDuration>,
    /// The limit from there to the first byte of the response
    #[arg(long, value_name = "TIME")]
    pub(crate) wait_timeout: Option<HumanDuration>,
    /// The limit from there to the end of the response
    #[arg(long, value_name = "TIME")]
    pub(crate) read_timeout: Option<HumanDuration>,
    /// Use a new connection for each request
    #[arg(long)]
    pub(crate) no_keepalive: bool,
    /// Replace a connection after this many requests
    #[arg(long, value_name = "N", conflicts_with = "no_keepalive", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests_per_connection: Option<u32>,
    /// Connect to this Unix socket instead of the URL's host
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Protocol")]
pub(crate) struct ProtocolArgs {
    /// Speak HTTP/2: by ALPN over TLS, with prior knowledge without
    #[arg(long)]
    pub(crate) http2: bool,
    /// Requests at a time on each connection of HTTP/2 and gRPC [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) streams: Option<u32>,
    /// gRPC: the .proto file that describes the method; the body is its request as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "reflect")]
    pub(crate) proto: Option<PathBuf>,
    /// gRPC: ask the server's reflection service what the method is
    #[arg(long)]
    pub(crate) reflect: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// Trust whatever certificate the target shows
    #[arg(long, conflicts_with = "cacert")]
    pub(crate) insecure: bool,
    /// A PEM file with the authorities to trust in place of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// A PEM file with this client's certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// A PEM file with its private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Make a full TLS handshake for each connection, resuming no session
    #[arg(long)]
    pub(crate) no_resumption: bool,
}

/// An address by name or number, or as a URL, which is how the server's log has it.
fn status_address(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix("http://").unwrap_or(text);
    // Whichever of its pages it is.
    let bare = bare.split('/').next().unwrap_or_default();
    let found = bare.to_socket_addrs();
    let found: Vec<_> = found
        .map_err(|error| format!("not HOST:PORT: {error}"))?
        .collect();
    // Of `localhost` servers have seldom the address of version 6.
    let first = found.iter().find(|address| address.is_ipv4());
    let first = first.or(found.first()).copied();
    first.ok_or_else(|| "the host has no address".to_owned())
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Expectations")]
pub(crate) struct ExpectArgs {
    /// Statuses that count as success, such as 200,204 or 200-299; 200-399 by default
    #[arg(long, value_name = "LIST")]
    pub(crate) expect_status: Option<StatusSet>,
    /// A regular expression that the body must contain
    #[arg(long, value_name = "REGEX")]
    pub(crate) expect_body: Option<String>,
    /// A value in the JSON body, by its pointer, such as /user/id=7; may be repeated
    #[arg(long, value_name = "PTR=VALUE")]
    pub(crate) expect_json: Vec<JsonExpectation>,
    /// What is demanded of the result, such as 'p99<50ms', 'errors<0.1%' or 'rps>1000'; may be
    /// repeated; exit code 5 where it does not hold
    #[arg(long = "assert", value_name = "DEMAND")]
    pub(crate) assertions: Vec<Assertion>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The layout of the summary: tonnage, or that of wrk, hey, plow, ab or k6
    #[arg(long, default_value_t = SummaryStyle::Tonnage, value_name = "STYLE")]
    pub(crate) summary: SummaryStyle,
    /// Write the report as JSON to this file, or to standard output with -
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write one row for each second as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write the distribution for the HdrHistogram tools: .hgrm (percentiles) or .hlog (per second)
    #[arg(long, value_name = "FILE")]
    pub(crate) hdr: Option<PathBuf>,
    /// Write a self-contained page with charts
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Show no progress and no summary
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_address_is_a_name_a_number_or_the_url_of_any_of_its_pages() {
        for (text, port) in [
            ("127.0.0.1:9000", 9000),
            ("localhost:9001", 9001),
            ("[::1]:9002", 9002),
            ("http://127.0.0.1:9003", 9003),
            ("http://localhost:9004/status", 9004),
            ("http://[::1]:9005/metrics/", 9005),
        ] {
            assert_eq!(status_address(text).unwrap().port(), port, "{text}");
        }
        for text in ["127.0.0.1", "http://localhost/", "", "https://localhost:1/"] {
            let error = status_address(text).unwrap_err();
            assert!(error.starts_with("not HOST:PORT: "), "{text}: {error}");
        }
    }
}
