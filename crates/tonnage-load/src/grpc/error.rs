//! Why a gRPC method cannot be called.

use crate::Address;

/// A method that cannot be called, or a message that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrpcError {
    /// A URL whose path is no method's.
    #[error("`{0}` names no gRPC method (expected something like /package.Service/Method)")]
    Path(String),
    /// A `.proto` file that cannot be read or compiled; the text begins with file
    /// and line.
    #[error("{0}")]
    Proto(String),
    /// A service that nobody defines.
    #[error("there is no gRPC service `{name}`; {help}")]
    UnknownService {
        /// As asked for.
        name: String,
        /// What there is.
        help: String,
    },
    /// A method that the service does not have.
    #[error("the gRPC service `{service}` has no method `{name}`; {help}")]
    UnknownMethod {
        /// The service.
        service: String,
        /// As asked for.
        name: String,
        /// What there is.
        help: String,
    },
    /// A method that sends or takes streams of messages.
    #[error("`{0}` streams its messages; only unary methods can be called")]
    Streaming(String),
    /// JSON that is not what the method takes.
    #[error("the body does not fit `{message}`: {problem}")]
    Message {
        /// The message's full name.
        message: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// A call without an answer, or with one that tells of a failure.
    #[error("{address} does not answer {method}: {problem}")]
    Call {
        /// `package.Service/Method`.
        method: String,
        /// Who was asked.
        address: Address,
        /// What went wrong.
        problem: String,
    },
    /// A server that does not tell what it serves.
    #[error("cannot ask {address} for its gRPC services: {problem} (give a .proto file instead)")]
    Reflection {
        /// Who was asked.
        address: Address,
        /// What went wrong.
        problem: String,
    },
}
