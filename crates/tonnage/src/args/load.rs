//! Flags of `tonnage load`, named after those of hey, oha and wrk.

use std::path::PathBuf;

use clap::Args;
use tonnage_load::Header;
use tonnage_model::{HumanDuration, StatusSet};

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// Where to, such as <http://127.0.0.1:8000/path>
    pub(crate) url: String,
    /// Users of the closed loop, each with one connection
    #[arg(short = 'c', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) connections: u32,
    /// How long to send load; 10s unless --requests is given
    #[arg(short = 'd', long, value_name = "TIME")]
    pub(crate) duration: Option<HumanDuration>,
    /// How many requests to send
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// Threads that send load; one for each 64 connections, at most half of the CPUs, by default
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Time before the measured window whose requests are not counted
    #[arg(long, default_value = "0s", value_name = "TIME")]
    pub(crate) warmup: HumanDuration,
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
    /// How long each phase of a request (connect, write, wait, read) may take
    #[arg(long, default_value = "30s", value_name = "TIME")]
    pub(crate) timeout: HumanDuration,
    /// The limit of the connect alone
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
    /// Statuses that count as success, such as 200,204 or 200-299; 200-399 by default
    #[arg(long, value_name = "LIST")]
    pub(crate) expect_status: Option<StatusSet>,
    /// Write the report as JSON to this file, or to standard output with -
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Show no progress and no summary
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
}
