//! From flags to a plan: files are read, the host is resolved, and what the flags
//! leave open is filled in.

use std::fs;
use std::path::Path;

use tonnage_load::{
    Checks, DEFAULT_DURATION, DataPlan, Endpoint, GrpcMethod, LoadModel, LoadPlan, Pick, Protocol,
    RequestParts, SourcePlan, Target, Timeouts, TlsSettings, default_threads,
};
use tonnage_model::{StatusSet, ThinkTime};

use crate::args::{
    ConnectionArgs, ExpectArgs, LoadArgs, PaceArgs, PickArg, ProtocolArgs, RequestArgs, TlsArgs,
};
use crate::commands::UsageError;

pub(super) fn plan(args: LoadArgs) -> anyhow::Result<LoadPlan> {
    let model = model(&args.pace)?;
    let streams = args.protocol.streams.unwrap_or(1);
    let connections = connections(&args.pace, &model, streams);
    let threads = threads(&args.pace, connections)?;
    let timeouts = timeouts(&args.connection);
    let source = source(&args.urls, args.request)?;
    let checks = checks(&args.expect)?;
    // Last, since it takes a connection: a typo elsewhere shows at once.
    let target = target(&args.urls, &args.connection, timeouts)?;
    if let Some(address) = args.server_status {
        // A typo must not cost a measurement.
        tonnage_load::server_totals(address).map_err(|error| usage(error.to_string()))?;
    }
    let tls = tls(&args.tls);
    let protocol = protocol(&args.protocol, &target, &tls, timeouts)?;
    let stages = args.pace.stages;
    let requests = args.pace.requests;
    // Stages, or a number of requests, end the window by themselves.
    let by_time = requests.is_none() && stages.is_none();
    let duration = args.pace.duration.map(|duration| duration.0);
    Ok(LoadPlan {
        source,
        protocol,
        tls,
        model,
        ramp: args.pace.ramp.0,
        stages,
        seed: args.pace.seed,
        threads,
        keepalive: !args.connection.no_keepalive,
        requests_per_connection: args.connection.requests_per_connection,
        warmup: args.pace.warmup.0,
        duration: duration.or(by_time.then_some(DEFAULT_DURATION)),
        requests,
        checks,
        timeouts,
        assertions: args.expect.assertions,
        server_status: args.server_status,
        ..LoadPlan::new(target, connections)
    })
}

fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}

fn model(pace: &PaceArgs) -> anyhow::Result<LoadModel> {
    let staged_rate = pace.stages.as_ref().is_some_and(|stages| stages.per_second);
    if pace.rate.is_some() || staged_rate {
        if pace.think.is_some() {
            return Err(usage(
                "--think is for users of a closed loop; arrivals do not think",
            ));
        }
        return Ok(LoadModel::Open {
            rate_rps: pace.rate.unwrap_or_default(),
            law: pace.arrivals.unwrap_or_default(),
            overload: pace.overload.unwrap_or_default(),
        });
    }
    for (given, flag) in [
        (pace.arrivals.is_some(), "--arrivals"),
        (pace.overload.is_some(), "--overload"),
    ] {
        if given {
            return Err(usage(format!(
                "{flag} needs an open loop: --rate, or --stages with rates such as 50..500/s@30s"
            )));
        }
    }
    Ok(LoadModel::Closed {
        think: pace.think.unwrap_or(ThinkTime::None),
    })
}

fn connections(pace: &PaceArgs, model: &LoadModel, streams: u32) -> u32 {
    let connections = match (&pace.stages, model) {
        // The stages say how many users there are.
        (Some(stages), LoadModel::Closed { .. }) => (stages.peak() as u32).div_ceil(streams),
        _ => pace.connections,
    };
    // Fewer requests than connections: the others would have nothing to do.
    pace.requests.map_or(connections, |requests| {
        u64::from(connections).min(requests) as u32
    })
}

/// What is spoken, and for gRPC what the method is.
fn protocol(
    args: &ProtocolArgs,
    target: &Target,
    tls: &TlsSettings,
    timeouts: Timeouts,
) -> anyhow::Result<Protocol> {
    let streams = args.streams.unwrap_or(1);
    if target.is_grpc() {
        let method = match &args.proto {
            Some(file) => GrpcMethod::from_proto_file(file, &target.path)
                .map_err(tonnage_load::LoadError::from)?,
            None if args.reflect => GrpcMethod::from_reflection(target, tls, timeouts.connect)?,
            None => {
                return Err(usage(
                    "gRPC needs to know the method: --proto FILE, or --reflect to ask the server",
                ));
            }
        };
        return Ok(Protocol::Grpc { streams, method });
    }
    for (given, flag) in [
        (args.proto.is_some(), "--proto"),
        (args.reflect, "--reflect"),
    ] {
        if given {
            return Err(usage(format!(
                "{flag} is for gRPC: grpc://host:port/package.Service/Method"
            )));
        }
    }
    if args.http2 {
        return Ok(Protocol::Http2 { streams });
    }
    if args.streams.is_some() {
        return Err(usage("--streams needs --http2 or a grpc:// URL"));
    }
    Ok(Protocol::Http1)
}

fn threads(pace: &PaceArgs, connections: u32) -> anyhow::Result<u32> {
    let threads = pace
        .threads
        .unwrap_or_else(|| default_threads(connections, tonnage_lab::usable_cpus()));
    if threads > connections {
        return Err(usage(format!(
            "{threads} threads for {connections} connections: each thread needs at least one"
        )));
    }
    Ok(threads)
}

fn timeouts(connection: &ConnectionArgs) -> Timeouts {
    let limit = |own: Option<tonnage_model::HumanDuration>| own.unwrap_or(connection.timeout).0;
    Timeouts {
        connect: limit(connection.connect_timeout),
        write: limit(connection.write_timeout),
        wait: limit(connection.wait_timeout),
        read: limit(connection.read_timeout),
    }
}

fn target(
    urls: &[String],
    connection: &ConnectionArgs,
    timeouts: Timeouts,
) -> anyhow::Result<Target> {
    let [first, others @ ..] = urls else {
        return Err(usage(
            "no URL to load; expected something like http://127.0.0.1:8000/path",
        ));
    };
    for other in others {
        if tonnage_load::same_host(first, other)? {
            continue;
        }
        return Err(usage(format!(
            "{first} and {other} are on different hosts; one load goes to one host (run two, and add them up with `tonnage load merge`)"
        )));
    }
    Ok(match &connection.unix {
        Some(path) => Target::resolve_unix(first, path)?,
        None => Target::resolve(first, timeouts.connect)?,
    })
}

fn source(urls: &[String], request: RequestArgs) -> anyhow::Result<SourcePlan> {
    let weights = if request.weights.is_empty() {
        vec![1; urls.len()]
    } else {
        request.weights
    };
    if weights.len() != urls.len() {
        return Err(usage(format!(
            "--weights has {} numbers for {} URLs",
            weights.len(),
            urls.len()
        )));
    }
    let endpoints = urls.iter().zip(weights).map(|(url, weight)| {
        let path = tonnage_load::path_of(url)?;
        Ok(Endpoint { path, weight })
    });
    let body = match (&request.body, &request.body_file) {
        (Some(text), _) => Some(text.clone().into_bytes()),
        (None, Some(path)) => Some(read(path, "the body")?),
        (None, None) => None,
    };
    let default_method = if body.is_some() { "POST" } else { "GET" };
    let data = match &request.data {
        None => None,
        Some(path) => Some(DataPlan {
            text: String::from_utf8(read(path, "the data")?)
                .map_err(|_| usage(format!("the data {} is not UTF-8", path.display())))?,
            pick: match request.pick {
                PickArg::Seq => Pick::Sequential,
                PickArg::Random => Pick::Random,
            },
        }),
    };
    Ok(SourcePlan {
        endpoints: endpoints.collect::<anyhow::Result<_>>()?,
        request: RequestParts {
            method: request.method.unwrap_or_else(|| default_method.to_owned()),
            headers: request.headers,
            body: body.unwrap_or_default(),
        },
        data,
    })
}

fn read(path: &Path, what: &str) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|error| usage(format!("cannot read {what} {}: {error}", path.display())))
}

fn tls(args: &TlsArgs) -> TlsSettings {
    TlsSettings {
        insecure: args.insecure,
        authorities: args.cacert.clone(),
        identity: args.cert.clone().zip(args.key.clone()),
        resume: !args.no_resumption,
    }
}

fn checks(expect: &ExpectArgs) -> anyhow::Result<Checks> {
    let body = expect.expect_body.as_deref().map(Checks::pattern);
    Ok(Checks {
        statuses: expect
            .expect_status
            .clone()
            .unwrap_or_else(StatusSet::success),
        body: body
            .transpose()
            .map_err(|error| usage(format!("--expect-body: {error}")))?,
        json: expect.expect_json.clone(),
    })
}
