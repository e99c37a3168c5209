//! What Tonnage writes to disk and reads back: studies, stacks, workloads, load
//! reports, run and trial records, histograms, units and exit codes.
//!
//! Other crates exchange these types; nothing here opens a socket, starts a
//! process or knows how a figure was obtained.

mod assertion;
mod capacity;
mod catalog;
mod exit;
mod failure;
mod histogram;
mod ladder;
mod limits;
mod load;
mod merge;
mod noise;
mod published;
mod python;
mod record;
mod schema;
mod series;
mod server_side;
mod source;
mod stack;
mod stages;
mod study;
mod suggest;
mod template;
mod think;
mod units;
mod usage;
mod verdict;
mod workers;
mod workload;

pub use assertion::{Assertion, AssertionError, AssertionResult};
pub use capacity::{Capacity, CapacityError, InFlight};
pub use catalog::{App, Environment};
pub use exit::ExitStatus;
pub use failure::{Cause, FailureCount, Phase, StatusSet, StatusSetError};
pub use histogram::{Histogram, HistogramError, MIN_TAIL_SAMPLES, Percentile, QuantileStep};
pub use ladder::{Ladder, LadderPoint, NextStep, StopReason};
pub use limits::{CpuQuota, CpuSet, DEFAULT_CPU_PERIOD, HumanBytes, Isolation, LimitError, Limits};
pub use load::{
    Arrivals, Bodies, BodyKind, Counts, EndReason, Generator, LOAD_SCHEMA, LatencySummary,
    LoadReport, RequestSummary, ThroughputSummary,
};
pub use merge::MergeError;
pub use noise::{Finding, MachineFacts, Noise, NoiseGrade, Spin};
pub use published::{PublishedError, PublishedFigure, parse_published};
pub use python::PythonVersion;
pub use record::{
    Cell, Conditions, Host, RunRecord, RunStatus, TimeWait, TrialKind, TrialOutcome, TrialRecord,
    WarmUp,
};
pub use schema::load_report_schema;
pub use series::{MAX_SLICES, Series, Slice};
pub use server_side::{ServerSide, ServerTotals};
pub use source::{FileError, locate, parse_toml};
pub use stack::{Front, MAX_THREADS, Protocol, Requirement, Stack, StopSignal};
pub use stages::{Stage, Stages, StagesError};
pub use study::{
    CellPlan, Configuration, Console, ConsoleColumn, Experiment, Factors, Grid, GrpcRequest,
    MemorySearch, OneOrMany, Pause, PublishedRows, Quick, Rate, RateSearch, Request, Searches,
    SetError, Show, Study, StudyError, Unless,
};
pub use suggest::{did_you_mean, suggest};
pub use template::{Template, TemplateError};
pub use think::{ThinkTime, ThinkTimeError};
pub use units::{HumanDuration, format_bytes, format_micros, format_significant};
pub use usage::{ProcessUsage, Usage, UsagePoint};
pub use verdict::{Detector, Level, Reason, Verdict};
pub use workers::{WorkerRule, WorkerRuleError};
pub use workload::{GrpcQuestion, Verification, Workload, Workloads};
