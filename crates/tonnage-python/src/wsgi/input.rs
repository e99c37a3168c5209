//! `wsgi.input`: the body of a request, which is complete before the application is called.

use std::os::fd::{IntoRawFd, OwnedFd};

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView, PySlice};
use tonnage_serve::connection::{Body, Memory};

use super::holders;

/// A body in memory, with the methods of a binary file that is read (`io.BufferedReader`).
/// What is read of it is copied once, and never all of it unless all is asked for.
#[pyclass(module = "tonnage._tonnage", name = "Input")]
#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Memory,
    at: usize,
    closed: bool,
}

#[pymethods]
impl Input {
    #[pyo3(signature = (size=None, /))]
    fn read<'py>(&mut self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        let left = self.left()?.len();
        let bytes = wanted(size).map_or(left, |most| left.min(most));
        Ok(self.take(py, bytes))
    }

    #[pyo3(signature = (size=None, /))]
    fn read1<'py>(
        &mut self,
        py: Python<'py>,
        size: Option<isize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.read(py, size)
    }

    #[pyo3(signature = (into, /))]
    fn readinto(&mut self, py: Python<'_>, into: &Bound<'_, PyAny>) -> PyResult<usize> {
        let room = PyMemoryView::from(into)?.call_method1(intern!(py, "cast"), ("B",))?;
        let bytes = self.left()?.len().min(room.len()?);
        let into = room.get_item(PySlice::new(py, 0, bytes.cast_signed(), 1))?;
        let part = self.take(py, bytes);
        into.set_item(PySlice::full(py), part)?;
        Ok(bytes)
    }

    #[pyo3(signature = (size=None, /))]
    fn readline<'py>(
        &mut self,
        py: Python<'py>,
        size: Option<isize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let left = self.left()?;
        let line = memchr::memchr(b'\n', left).map_or(left.len(), |end| end + 1);
        let bytes = wanted(size).map_or(line, |most| line.min(most));
        Ok(self.take(py, bytes))
    }

    /// Lines, until they have `hint` bytes together.
    #[pyo3(signature = (hint=None, /))]
    fn readlines<'py>(
        &mut self,
        py: Python<'py>,
        hint: Option<isize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let lines = PyList::empty(py);
        let most = hint
            .filter(|hint| *hint > 0)
            .and_then(|hint| wanted(Some(hint)));
        let until = most.map_or(usize::MAX, |most| self.at.saturating_add(most));
        while !self.left()?.is_empty() && self.at < until {
            lines.append(self.readline(py, None)?)?;
        }
        Ok(lines)
    }

    /// `whence` as `io.SEEK_SET`, `SEEK_CUR`, `SEEK_END`.
    #[pyo3(signature = (offset, whence=0, /))]
    fn seek(&mut self, offset: i64, whence: u8) -> PyResult<usize> {
        self.left()?;
        let from = match whence {
            0 => 0,
            1 => self.at,
            2 => self.bytes.len(),
            other => return Err(PyValueError::new_err(format!("invalid whence: {other}"))),
        };
        let to = i64::try_from(from)
            .ok()
            .and_then(|from| from.checked_add(offset));
        let to = to.and_then(|to| usize::try_from(to).ok());
        self.at = to.ok_or_else(|| PyValueError::new_err("a position before the beginning"))?;
        Ok(self.at)
    }

    fn tell(&self) -> PyResult<usize> {
        self.left()?;
        Ok(self.at)
    }

    fn readable(&self) -> PyResult<bool> {
        self.left().map(|_| true)
    }

    fn seekable(&self) -> PyResult<bool> {
        self.left().map(|_| true)
    }

    fn writable(&self) -> PyResult<bool> {
        self.left().map(|_| false)
    }

    fn flush(&self) -> PyResult<()> {
        self.left().map(|_| ())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.closed
    }

    fn close(&mut self) {
        self.closed = true;
        self.bytes = Memory::default();
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&mut self, _exception: &Bound<'_, PyAny>) {
        self.close();
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        if self.left()?.is_empty() {
            return Ok(None);
        }
        self.readline(py, None).map(Some)
    }
}

impl Input {
    /// What was not read yet.
    fn left(&self) -> PyResult<&[u8]> {
        if self.closed {
            return Err(PyValueError::new_err("I/O operation on closed file."));
        }
        // One may seek beyond the end.
        Ok(self.bytes.get(self.at..).unwrap_or_default())
    }

    fn is_untouched(&self) -> bool {
        self.at == 0 && !self.closed
    }

    fn take<'py>(&mut self, py: Python<'py>, bytes: usize) -> Bound<'py, PyBytes> {
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let taken = PyBytes::new(py, &left[..bytes]);
        self.at += bytes;
        taken
    }
}

/// How much is wanted at most; `None` where it is all there is.
fn wanted(size: Option<isize>) -> Option<usize> {
    size.and_then(|size| usize::try_from(size).ok())
}

/// Lets Python know that an input is a binary file: libraries ask.
pub(super) fn register(py: Python<'_>) -> PyResult<()> {
    let abstraction = py.import("io")?.getattr("BufferedIOBase")?;
    abstraction.call_method1("register", (py.get_type::<Input>(),))?;
    Ok(())
}

/// The input for a body: one of our own, or what Python itself reads files with. `empty`
/// is for requests without a body, again and again unless somebody has kept or used it.
pub(super) fn of<'py>(
    py: Python<'py>,
    body: Body,
    empty: &mut Py<Input>,
) -> PyResult<Bound<'py, PyAny>> {
    match body {
        Body::File(file, _) => of_file(py, file),
        Body::Memory(bytes) => {
            let input = Input {
                bytes,
                ..Input::default()
            };
            Bound::new(py, input).map(Bound::into_any)
        }
        Body::Empty => {
            if holders(empty.bind(py)) > 1 || !empty.borrow(py).is_untouched() {
                *empty = Py::new(py, Input::default())?;
            }
            Ok(empty.bind(py).clone().into_any())
        }
    }
}

fn of_file(py: Python<'_>, file: std::fs::File) -> PyResult<Bound<'_, PyAny>> {
    let descriptor = OwnedFd::from(file).into_raw_fd();
    let io = py.import(intern!(py, "io"))?;
    let options = PyDict::new(py);
    options.set_item(intern!(py, "closefd"), true)?;
    // From here on the descriptor is Python's, which closes it.
    io.call_method(intern!(py, "open"), (descriptor, "rb"), Some(&options))
}
