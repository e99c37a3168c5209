//! A tail that goes on in other ways than to a socket: it is kept in the same memory and
//! files, and whoever sends it takes piece by piece.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::buffer::spare_capacity;

use super::{MEMORY_BYTES, Outgoing, Part};

impl Outgoing {
    /// Keeps bytes.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }

    /// Keeps a stretch of a file.
    pub(crate) fn keep_file(&mut self, file: File, offset: u64, bytes: u64) {
        let left = bytes;
        self.parts.push_back(Part::File { file, offset, left });
    }

    /// Bytes that are in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Counts so many bytes that others keep in memory as if they were kept here.
    pub(crate) fn share_memory(&mut self, others_bytes: usize) {
        self.others_bytes = others_bytes.min(MEMORY_BYTES);
    }

    /// Takes the next bytes, at most so many.
    pub(crate) fn pull(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let Some(part) = self.parts.front_mut() else {
            return Ok(Vec::new());
        };
        let bytes = match part {
            Part::Bytes { data, sent: 0 } if data.len() <= most => {
                let bytes = std::mem::take(data);
                self.memory_bytes -= bytes.len();
                bytes
            }
            Part::Bytes { data, sent } => {
                let end = data.len().min(*sent + most);
                let bytes = data[*sent..end].to_vec();
                *sent = end;
                if end == data.len() {
                    self.memory_bytes -= data.len();
                }
                bytes
            }
            Part::Held { data, sent } => {
                let data = data.as_ref().as_ref();
                let end = data.len().min(*sent + most);
                let bytes = data[*sent..end].to_vec();
                *sent = end;
                bytes
            }
            Part::File { file, offset, left } => {
                let bytes = read(file.as_fd(), *offset, most, *left)?;
                *offset += bytes.len() as u64;
                *left -= bytes.len() as u64;
                bytes
            }
            Part::Spooled { spool, sent } => {
                let file = spool.file().as_fd();
                let bytes = read(file, *sent, most, spool.len() - *sent)?;
                *sent += bytes.len() as u64;
                bytes
            }
        };
        if is_empty(self.parts.front()) {
            self.parts.pop_front();
        }
        if self.parts.is_empty() {
            self.is_folder_full = false;
        }
        self.sent_bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

fn is_empty(part: Option<&Part>) -> bool {
    match part {
        // Its bytes may have been taken as they were.
        Some(Part::Bytes { data, sent }) => *sent == data.len(),
        Some(part) => part.left() == 0,
        None => false,
    }
}

/// Reads some bytes of a file, of which so many have to be there.
fn read(file: BorrowedFd<'_>, offset: u64, most: usize, left: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(most.min(usize::try_from(left).unwrap_or(most)));
    if rustix::io::pread(file, spare_capacity(&mut bytes), offset)? == 0 {
        // The file became shorter than was promised: the client must not wait for more.
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes.truncate(most.min(usize::try_from(left).unwrap_or(most)));
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_tail_is_taken_in_its_order_through_memory_files_and_the_spool() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'f'; 3000]).unwrap();
        let mut out = Outgoing::new(folder.path().into());
        out.keep(b"head");
        out.keep_file(file, 1, 2999);
        out.share_memory(MEMORY_BYTES);
        out.keep(&[b's'; 5000]);
        out.keep(b"end");
        assert_eq!(out.waiting_bytes(), 4 + 2999 + 5003);
        // What others have in memory sends it to the file.
        assert_eq!(out.memory_bytes(), 4);
        let mut taken = Vec::new();
        while !out.is_empty() {
            let bytes = out.pull(700).unwrap();
            assert!((1..=700).contains(&bytes.len()));
            taken.extend(bytes);
        }
        let wanted = [b"head".as_slice(), &[b'f'; 2999], &[b's'; 5000], b"end"].concat();
        assert!(taken == wanted);
        assert_eq!(out.memory_bytes(), 0);
        assert!(out.pull(10).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let mut out = Outgoing::default();
        out.keep_file(tempfile::tempfile().unwrap(), 0, 10);
        assert!(out.pull(10).is_err());
    }
}
