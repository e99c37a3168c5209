//! A method of a gRPC service: found by its path among what files define.

use std::path::Path;
use std::time::Duration;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use tonnage_model::did_you_mean;

use super::error::GrpcError;
use super::reflection;
use crate::{LoadError, Target, TlsSettings};

/// The name of a text that comes from no file.
const TEXT_NAME: &str = "input.proto";

/// A unary gRPC method and the messages that it takes and gives.
#[derive(Debug, Clone)]
pub struct GrpcMethod {
    pub(super) method: MethodDescriptor,
    path: String,
}

impl GrpcMethod {
    /// Compiles a `.proto` file, whose imports are looked for in its own folder,
    /// and finds the method of `path` (`/package.Service/Method`) in it.
    pub fn from_proto_file(file: &Path, path: &str) -> Result<Self, GrpcError> {
        let fail = |error: protox::Error| GrpcError::Proto(format!("{error:?}"));
        if let Err(error) = std::fs::metadata(file) {
            return Err(GrpcError::Proto(format!("{}: {error}", file.display())));
        }
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut compiler = Compiler::new([folder]).map_err(fail)?;
        compiler.include_imports(true);
        compiler.open_file(file).map_err(fail)?;
        Self::find(&compiler.descriptor_pool(), path)
    }

    /// The same for the text of a `.proto` file that imports no others than
    /// Google's well-known ones.
    pub fn from_proto_text(text: &str, path: &str) -> Result<Self, GrpcError> {
        let fail = |error: protox::Error| GrpcError::Proto(format!("{error:?}"));
        let mut resolver = ChainFileResolver::new();
        resolver.add(Text(text.to_owned()));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        compiler.open_file(TEXT_NAME).map_err(fail)?;
        Self::find(&compiler.descriptor_pool(), path)
    }

    /// Asks the target itself, by server reflection (`grpc.reflection.v1`, or
    /// `v1alpha` where that is all it speaks), for the method of its path. Takes
    /// at most `timeout`.
    pub fn from_reflection(
        target: &Target,
        tls: &TlsSettings,
        timeout: Duration,
    ) -> Result<Self, LoadError> {
        let (service, _) = split(&target.path)?;
        let pool = reflection::ask(target, tls, service, timeout)?;
        Ok(Self::find(&pool, &target.path)?)
    }

    /// The path of its requests: `/package.Service/Method`.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn find(pool: &DescriptorPool, path: &str) -> Result<Self, GrpcError> {
        let (service_name, name) = split(path)?;
        let Some(service) = pool.get_service_by_name(service_name) else {
            let known: Vec<_> = pool.services().collect();
            let known: Vec<&str> = known.iter().map(ServiceDescriptor::full_name).collect();
            return Err(unknown_service(service_name, &known));
        };
        let Some(method) = service.methods().find(|method| method.name() == name) else {
            let known: Vec<_> = service.methods().collect();
            let known: Vec<&str> = known.iter().map(MethodDescriptor::name).collect();
            return Err(GrpcError::UnknownMethod {
                service: service_name.to_owned(),
                name: name.to_owned(),
                help: did_you_mean(name, &known),
            });
        };
        if method.is_client_streaming() || method.is_server_streaming() {
            return Err(GrpcError::Streaming(
                path.trim_start_matches('/').to_owned(),
            ));
        }
        Ok(Self {
            method,
            path: path.to_owned(),
        })
    }
}

/// A text in place of a file.
struct Text(String);

impl FileResolver for Text {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        (path == Path::new(TEXT_NAME)).then(|| TEXT_NAME.to_owned())
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            TEXT_NAME => File::from_source(name, &self.0),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// What to say of a service that is not among the `known` ones.
pub(super) fn unknown_service(name: &str, known: &[&str]) -> GrpcError {
    GrpcError::UnknownService {
        name: name.to_owned(),
        help: match known {
            [] => "no service is defined at all".to_owned(),
            known => did_you_mean(name, known),
        },
    }
}

/// Service and method of a path.
fn split(path: &str) -> Result<(&str, &str), GrpcError> {
    let parts = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    match parts {
        Some((service, method))
            if !service.is_empty() && !method.is_empty() && !method.contains(['/', '?']) =>
        {
            Ok((service, method))
        }
        _ => Err(GrpcError::Path(path.to_owned())),
    }
}
