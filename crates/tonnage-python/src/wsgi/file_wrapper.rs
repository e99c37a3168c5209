//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling"): a file that
//! the kernel sends by itself, where it is one, and otherwise an iterator over its blocks.

use std::os::fd::{BorrowedFd, RawFd};

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;

/// Bytes of a block, where the application names none.
const BLOCK_BYTES: usize = 8192;

/// A file as a response's body.
#[pyclass(module = "tonnage._tonnage", name = "FileWrapper")]
#[derive(Debug)]
pub(crate) struct FileWrapper {
    #[pyo3(get)]
    filelike: Py<PyAny>,
    #[pyo3(get)]
    blksize: usize,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, blksize=BLOCK_BYTES))]
    fn new(filelike: Py<PyAny>, blksize: usize) -> Self {
        Self { filelike, blksize }
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let block = self
            .filelike
            .bind(py)
            .call_method1(intern!(py, "read"), (self.blksize,))?;
        if block.is_truthy()? {
            Ok(block)
        } else {
            Err(PyStopIteration::new_err(()))
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let close = self.filelike.bind(py).getattr_opt(intern!(py, "close"))?;
        match close {
            Some(close) => close.call0().map(|_| ()),
            None => Ok(()),
        }
    }
}

/// A stretch of a regular file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) descriptor: RawFd,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl FileWrapper {
    /// What of it the kernel can send: from where the file stands to its end. `None`
    /// where it is no regular file.
    pub(super) fn stretch(&self, py: Python<'_>) -> Option<Stretch> {
        let file = self.filelike.bind(py);
        // Anything that fails here is a file that only Python can read.
        let descriptor: RawFd = file
            .call_method0(intern!(py, "fileno"))
            .ok()?
            .extract()
            .ok()?;
        let offset: u64 = file
            .call_method0(intern!(py, "tell"))
            .ok()?
            .extract()
            .ok()?;
        if descriptor < 0 {
            return None;
        }
        let length = regular_file_bytes(descriptor)?;
        Some(Stretch {
            descriptor,
            offset,
            bytes: length.saturating_sub(offset),
        })
    }
}

/// The length of an open regular file.
fn regular_file_bytes(descriptor: RawFd) -> Option<u64> {
    let status = rustix::fs::fstat(borrow(descriptor)).ok()?;
    let kind = rustix::fs::FileType::from_raw_mode(status.st_mode);
    (kind == rustix::fs::FileType::RegularFile).then_some(status.st_size as u64)
}

/// The descriptor of a Python file object that is held by whoever calls.
#[expect(unsafe_code, reason = "Python names descriptors by their numbers")]
pub(super) fn borrow<'fd>(descriptor: RawFd) -> BorrowedFd<'fd> {
    // SAFETY: the number is not -1 (`stretch` refuses negative ones). It may be closed by
    // then, if the application lies about its file: system calls on it fail with EBADF,
    // which is handled, and no memory is touched through it.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}
