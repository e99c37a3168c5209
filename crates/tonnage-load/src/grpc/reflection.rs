//! Asking a server what it serves (`grpc.reflection.v1`, formerly `v1alpha`; both
//! have the same messages).

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::FileDescriptorProto;

use super::error::GrpcError;
use super::message::{frame, open};
use super::method::unknown_service;
use crate::h2::Caller;
use crate::{LoadError, Target, TlsSettings};

const VERSIONS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// More files than this are no service's.
const MAX_FILES: usize = 1000;

/// `grpc-status`: the method is not there.
const UNIMPLEMENTED: u32 = 12;

/// Reflection's own code for what it does not know.
const NOT_FOUND: i32 = 5;

#[derive(Clone, PartialEq, prost::Message)]
struct Ask {
    #[prost(oneof = "Question", tags = "3, 4, 7")]
    question: Option<Question>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Question {
    #[prost(string, tag = "3")]
    FileByName(String),
    #[prost(string, tag = "4")]
    FileOfSymbol(String),
    #[prost(string, tag = "7")]
    Services(String),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Told {
    #[prost(oneof = "Answer", tags = "4, 6, 7")]
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Answer {
    #[prost(message, tag = "4")]
    Files(Files),
    #[prost(message, tag = "6")]
    Services(Services),
    #[prost(message, tag = "7")]
    Problem(Problem),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Problem {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    text: String,
}

/// What defines `service`, as the server tells it.
pub(super) fn ask(
    target: &Target,
    tls: &TlsSettings,
    service: &str,
    timeout: Duration,
) -> Result<DescriptorPool, LoadError> {
    let caller = Caller::connect(target, tls, timeout)?;
    let fail = |problem: String| GrpcError::Reflection {
        address: target.address.clone(),
        problem,
    };
    let mut caller = caller.map_err(fail)?;
    let mut asking = Asking {
        caller: &mut caller,
        version: VERSIONS[0],
    };
    let files = match asking
        .ask(Question::FileOfSymbol(service.to_owned()))
        .map_err(fail)?
    {
        Answer::Files(files) => asking.with_imports(files).map_err(fail)?,
        Answer::Problem(problem) if problem.code == NOT_FOUND => {
            let known = asking.services().map_err(fail)?;
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(unknown_service(service, &known).into());
        }
        Answer::Problem(problem) => return Err(fail(problem.text).into()),
        Answer::Services(_) => return Err(fail("it answers what was not asked".to_owned()).into()),
    };
    // It has Google's well-known files, which few servers send.
    let mut pool = DescriptorPool::global();
    let new = files
        .into_values()
        .filter(|file| pool.get_file_by_name(file.name()).is_none())
        .collect::<Vec<_>>();
    pool.add_file_descriptor_protos(new)
        .map_err(|error| fail(error.to_string()))?;
    Ok(pool)
}

struct Asking<'a> {
    caller: &'a mut Caller,
    version: &'static str,
}

impl Asking<'_> {
    /// Asks one question; where the server does not know the newer version of the
    /// service, the older one.
    fn ask(&mut self, question: Question) -> Result<Answer, String> {
        let ask = frame(&Ask {
            question: Some(question),
        });
        let mut called = self.caller.call(self.version, ask.clone())?;
        let is_unknown = called.http_status == 404 || called.status == Some(UNIMPLEMENTED);
        if is_unknown && self.version != VERSIONS[1] {
            self.version = VERSIONS[1];
            called = self.caller.call(self.version, ask)?;
        }
        match (called.http_status, called.status) {
            (200, Some(0)) => {}
            (_, Some(UNIMPLEMENTED)) | (404, _) => {
                return Err("it offers no server reflection".to_owned());
            }
            (200, Some(status)) => return Err(format!("it answers with gRPC status {status}")),
            (http, _) => return Err(format!("it answers with HTTP status {http} and no gRPC")),
        }
        open(&called.body)
            .and_then(|message| Told::decode(message).ok()?.answer)
            .ok_or_else(|| "its answer cannot be read".to_owned())
    }

    fn services(&mut self) -> Result<Vec<String>, String> {
        match self.ask(Question::Services(String::new()))? {
            Answer::Services(list) => Ok(list
                .services
                .into_iter()
                .map(|service| service.name)
                .collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// The files and whatever they import, by name: some servers send all at once,
    /// others want to be asked for each.
    fn with_imports(
        &mut self,
        files: Files,
    ) -> Result<BTreeMap<String, FileDescriptorProto>, String> {
        let known = DescriptorPool::global();
        let mut all = BTreeMap::new();
        let mut new = files;
        loop {
            for bytes in new.files {
                let file = FileDescriptorProto::decode(&bytes[..])
                    .map_err(|error| format!("it sends a file that cannot be read: {error}"))?;
                all.insert(file.name().to_owned(), file);
            }
            let mut imports = all.values().flat_map(|file| &file.dependency);
            let missing = imports
                .find(|name| !all.contains_key(*name) && known.get_file_by_name(name).is_none());
            let Some(missing) = missing.cloned() else {
                return Ok(all);
            };
            if all.len() >= MAX_FILES {
                return Err(format!("it sends more than {MAX_FILES} files"));
            }
            new = match self.ask(Question::FileByName(missing.clone()))? {
                Answer::Files(files) => files,
                _ => {
                    return Err(format!(
                        "it does not tell what {missing} is, which it imports"
                    ));
                }
            };
            let is_there = |bytes: &Vec<u8>| {
                FileDescriptorProto::decode(&bytes[..]).is_ok_and(|file| file.name() == missing)
            };
            if !new.files.iter().any(is_there) {
                return Err(format!(
                    "it does not tell what {missing} is, which it imports"
                ));
            }
        }
    }
}
