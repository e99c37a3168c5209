//! A part of a tail: who holds its bytes, and how many are left.

use std::fs::File;

use crate::connection::spool::Spool;

/// Bytes somebody else holds, such as a Python object.
pub type Held = Box<dyn AsRef<[u8]> + Send + Sync>;

pub(super) enum Part {
    Bytes {
        data: Vec<u8>,
        sent: usize,
    },
    Held {
        data: Held,
        sent: usize,
    },
    /// Of a file that the application gave.
    File {
        file: File,
        offset: u64,
        left: u64,
    },
    /// In a file of ours, which goes with it.
    Spooled {
        spool: Spool,
        sent: u64,
    },
}

impl std::fmt::Debug for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes", self.left())
    }
}

impl Part {
    pub(super) fn left(&self) -> u64 {
        match self {
            Self::Bytes { data, sent } => (data.len() - sent) as u64,
            Self::Held { data, sent } => (data.as_ref().as_ref().len() - sent) as u64,
            Self::File { left, .. } => *left,
            Self::Spooled { spool, sent } => spool.len() - sent,
        }
    }
}

pub(super) fn is_file(part: Option<&Part>) -> bool {
    matches!(part, Some(Part::File { .. } | Part::Spooled { .. }))
}
