//! Flags that are no settings here, but that people bring along from another server: what to
//! write instead. Of other strangers clap itself says which flag was perhaps meant.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// uvicorn's flags, and what they are here.
const FLAGS: [(&str, &str); 3] = [
    ("--host", "the address is one flag here, '-b HOST:PORT'"),
    ("--port", "the address is one flag here, '-b HOST:PORT'"),
    (
        "--factory",
        "a function that makes the application is called here, 'app:make()'",
    ),
];

/// The error with advice of ours in place of clap's, which is how to pass a flag as a value:
/// there is no value here that looks like one.
pub(super) fn with_advice(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    error.remove(ContextKind::Suggested);
    let advice = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(given)) => FLAGS.iter().find(|(flag, _)| flag == given),
        _ => None,
    };
    if let Some((_, advice)) = advice {
        error.remove(ContextKind::SuggestedArg);
        let advice = ContextValue::StyledStrs(vec![StyledStr::from(*advice)]);
        error.insert(ContextKind::Suggested, advice);
    }
    error
}
