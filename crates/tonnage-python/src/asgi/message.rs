//! What an application says by `send` (ASGI's HTTP specification), and what it is told by
//! `receive`.

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use tonnage_serve::reply::ReplyError;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    Body,
    /// The `http.response.pathsend` extension.
    File,
    /// The `http.response.trailers` extension.
    Trailers,
    /// The `http.response.early_hint` extension.
    EarlyHint,
    /// Any interim response, as gunicorn has it.
    Interim,
}

impl Kind {
    pub(super) fn of(message: &Bound<'_, PyDict>) -> PyResult<Self> {
        match kind(message)?.to_str()? {
            "http.response.body" => Ok(Self::Body),
            "http.response.start" => Ok(Self::Start),
            "http.response.pathsend" => Ok(Self::File),
            "http.response.trailers" => Ok(Self::Trailers),
            "http.response.early_hint" => Ok(Self::EarlyHint),
            "http.response.informational" => Ok(Self::Interim),
            other => Err(PyRuntimeError::new_err(format!(
                "unexpected ASGI message {other:?}"
            ))),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "http.response.start",
            Self::Body => "http.response.body",
            Self::File => "http.response.pathsend",
            Self::Trailers => "http.response.trailers",
            Self::EarlyHint => "http.response.early_hint",
            Self::Interim => "http.response.informational",
        }
    }
}

/// What a message says of itself.
pub(super) fn kind<'py>(message: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyString>> {
    let kind = required(message, intern!(message.py(), "type"))?;
    Ok(kind.cast_into::<PyString>()?)
}

fn required<'py>(
    message: &Bound<'py, PyDict>,
    key: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    let value = message.get_item(key)?;
    value.ok_or_else(|| PyValueError::new_err(format!("an ASGI message without {key:?}")))
}

/// An `http.response.start`.
#[derive(Debug)]
pub(super) struct Head<'py> {
    pub(super) status: u16,
    /// An `http.response.trailers` will follow the body.
    pub(super) trailers: bool,
    fields: Vec<Field<'py>>,
}

/// Name and value.
pub(super) type Field<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

impl<'py> Head<'py> {
    pub(super) fn of(message: &Bound<'py, PyDict>) -> PyResult<Self> {
        let py = message.py();
        let status = required(message, intern!(py, "status"))?.extract()?;
        let trailers = match message.get_item(intern!(py, "trailers"))? {
            Some(trailers) => trailers.is_truthy()?,
            None => false,
        };
        Ok(Self {
            status,
            trailers,
            fields: fields(message)?,
        })
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        pairs(&self.fields)
    }
}

/// The `headers` of a message; none where it has none.
pub(super) fn fields<'py>(message: &Bound<'py, PyDict>) -> PyResult<Vec<Field<'py>>> {
    let mut fields = Vec::new();
    if let Some(headers) = message.get_item(intern!(message.py(), "headers"))? {
        fields.reserve(headers.len().unwrap_or(0));
        for pair in headers.try_iter()? {
            fields.push(field(&pair?)?);
        }
    }
    Ok(fields)
}

/// The same as bytes.
pub(super) fn pairs<'a>(fields: &'a [Field<'_>]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let pairs = fields.iter();
    pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

/// An `http.response.trailers`: fields, and whether more of them will follow.
pub(super) fn trailers<'py>(message: &Bound<'py, PyDict>) -> PyResult<(Vec<Field<'py>>, bool)> {
    let more = match message.get_item(intern!(message.py(), "more_trailers"))? {
        Some(more) => more.is_truthy()?,
        None => false,
    };
    Ok((fields(message)?, more))
}

/// An `http.response.early_hint`: the values of Link fields.
pub(super) fn links<'py>(message: &Bound<'py, PyDict>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let links = required(message, intern!(message.py(), "links"))?;
    let links = links.try_iter()?.map(|link| {
        let link = link?.cast_into::<PyBytes>();
        link.map_err(|_| PyTypeError::new_err("links must be bytes"))
    });
    links.collect()
}

fn field<'py>(pair: &Bound<'py, PyAny>) -> PyResult<Field<'py>> {
    let (name, value) = if let Ok(pair) = pair.cast::<PyTuple>()
        && pair.len() == 2
    {
        (pair.get_item(0)?, pair.get_item(1)?)
    } else if let Ok(pair) = pair.cast::<PyList>()
        && pair.len() == 2
    {
        (pair.get_item(0)?, pair.get_item(1)?)
    } else {
        return Err(PyTypeError::new_err("headers must be pairs of bytes"));
    };
    let bytes = |part: Bound<'py, PyAny>| {
        part.cast_into::<PyBytes>()
            .map_err(|_| PyTypeError::new_err("names and values of headers must be bytes"))
    };
    Ok((bytes(name)?, bytes(value)?))
}

/// An `http.response.body`: the bytes, and whether more will follow.
pub(super) fn body<'py>(message: &Bound<'py, PyDict>) -> PyResult<(Bound<'py, PyBytes>, bool)> {
    let py = message.py();
    let part = match message.get_item(intern!(py, "body"))? {
        None => PyBytes::new(py, b""),
        Some(part) => match part.cast_into::<PyBytes>() {
            Ok(bytes) => bytes,
            Err(other) => copied(&other.into_inner())?,
        },
    };
    let more = match message.get_item(intern!(py, "more_body"))? {
        Some(more) => more.is_truthy()?,
        None => false,
    };
    Ok((part, more))
}

/// Other kinds of bytes, such as a memoryview; no numbers and no lists of numbers.
fn copied<'py>(part: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = part.py();
    let view = py
        .import(intern!(py, "builtins"))?
        .getattr(intern!(py, "memoryview"))?;
    let view = view.call1((part,)).map_err(|_| {
        let kind = part.get_type();
        PyTypeError::new_err(format!("a response's body is made of bytes, not of {kind}"))
    })?;
    let bytes = view.call_method0(intern!(py, "tobytes"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}

/// An `http.response.pathsend`: the file's path.
pub(super) fn path(message: &Bound<'_, PyDict>) -> PyResult<std::path::PathBuf> {
    required(message, intern!(message.py(), "path"))?.extract()
}

/// What `receive` gives, made by copying.
#[derive(Debug)]
pub(super) struct Messages {
    request: Py<PyDict>,
    disconnect: Py<PyDict>,
}

impl Messages {
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        let request = PyDict::new(py);
        request.set_item(intern!(py, "type"), intern!(py, "http.request"))?;
        request.set_item(intern!(py, "body"), PyBytes::new(py, b""))?;
        request.set_item(intern!(py, "more_body"), false)?;
        let disconnect = PyDict::new(py);
        disconnect.set_item(intern!(py, "type"), intern!(py, "http.disconnect"))?;
        Ok(Self {
            request: request.unbind(),
            disconnect: disconnect.unbind(),
        })
    }

    /// A part of the body.
    pub(super) fn request<'py>(
        &self,
        py: Python<'py>,
        part: Option<Bound<'py, PyBytes>>,
        more: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let message = self.request.bind(py).copy()?;
        if let Some(part) = part {
            message.set_item(intern!(py, "body"), part)?;
        }
        if more {
            message.set_item(intern!(py, "more_body"), true)?;
        }
        Ok(message)
    }

    /// The request is over.
    pub(super) fn disconnect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.disconnect.bind(py).copy()
    }
}

/// A response that cannot be, as an exception in the application that gave it.
pub(super) fn error(error: ReplyError) -> PyErr {
    match error {
        ReplyError::NotStarted => PyRuntimeError::new_err(
            "expected ASGI message \"http.response.start\", but got a part of the body",
        ),
        other => PyValueError::new_err(other.to_string()),
    }
}
