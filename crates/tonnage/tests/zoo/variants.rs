//! What is varied from outside a stack (the evaluator's mode, gRPC's delay), and
//! gRPC stacks under load.

use std::time::{Duration, Instant};

use serde_json::Value;
use tonnage_load::{Target, TlsSettings, call_once};

use crate::answers::Native;
use crate::common::{Home, text};
use crate::up::Up;

#[test]
fn the_evaluator_s_other_modes_answer_the_same_behind_servers_that_fork() {
    let native = Native::default();
    for mode in ["pool", "inprocess"] {
        for stack in ["gunicorn-gthread", "uwsgi-threads", "fastapi-uvicorn"] {
            let up = Up::start_with(stack, "evaluate", &[], &[("EVALUATE_MODE", mode)]).unwrap();
            let compared = native.compare(&up.base, "evaluate");
            up.stop().unwrap();
            compared.unwrap_or_else(|problem| panic!("{stack} {mode}: {problem}"));
        }
    }
}

#[test]
fn a_mode_that_does_not_exist_ends_the_start() {
    let variables = [("EVALUATE_MODE", "pooll")];
    let started = Up::start_with("gunicorn-sync", "evaluate", &[], &variables);
    let problem = started.err().unwrap();
    assert!(problem.contains("exit code Some(3)"), "{problem}");
    assert!(problem.contains("EVALUATE_MODE"), "{problem}");
}

#[test]
fn the_original_s_delay_over_grpc_is_a_factor() {
    for stack in ["grpc-sync", "grpc-aio", "native-grpc"] {
        let variables = [("IO_BOUND_DEFAULT_DELAY", "2")];
        let up = Up::start_with(stack, "fanout", &[], &variables).unwrap();
        let patience = Duration::from_mins(1);
        let target = Target::resolve(&format!("{}/MyApp/io_bound", up.base), patience).unwrap();
        let start = Instant::now();
        call_once(&target, &TlsSettings::default(), "{}", patience).unwrap();
        // Never before its upstream, which takes one second where nobody says more.
        assert!(start.elapsed() >= Duration::from_secs(2), "{stack}");
        up.stop().unwrap();
    }
}

#[test]
fn grpc_stacks_are_loaded_by_the_command_line() {
    for stack in ["grpc-sync", "grpc-aio", "native-grpc"] {
        let up = Up::start(stack, "matmul", &[]).unwrap();
        let url = format!("{}/MyApp/cpu_bound", up.base);
        let loaded = Home::new().tonnage(&[
            "load",
            "-q",
            "-c",
            "2",
            "-n",
            "40",
            "--no-calibration",
            "--reflect",
            "-b",
            r#"{"num": 1}"#,
            "--expect-body",
            r"100, 100",
            "--json",
            "-",
            &url,
        ]);
        assert_eq!(
            loaded.status.code(),
            Some(0),
            "{stack}: {}",
            text(&loaded.stderr)
        );
        let report: Value = serde_json::from_slice(&loaded.stdout).unwrap();
        assert_eq!(report["counts"]["succeeded"], 40, "{stack}: {report}");
        up.stop().unwrap();
    }
}
