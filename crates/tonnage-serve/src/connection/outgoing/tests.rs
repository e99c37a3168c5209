//! Of tails, between a writer and a reader who takes its time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::*;

fn pair() -> (Wire, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Wire::plain(ours.into()), theirs)
}

/// Reads all of it while the tail is flushed.
fn drain(out: &mut Outgoing, mut ours: Wire, mut theirs: UnixStream) -> Vec<u8> {
    let reader = std::thread::spawn(move || {
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).unwrap();
        read
    });
    while out.flush(&mut ours).unwrap() != Flushed::All {
        std::thread::yield_now();
    }
    drop(ours);
    reader.join().unwrap()
}

#[test]
fn a_tail_keeps_its_order_through_memory_held_bytes_files_and_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![b'f'; 300_000]).unwrap();
    let (mut ours, theirs) = pair();
    let mut out = Outgoing::new(folder.path().into());
    let big = vec![b'a'; 400_000];
    out.send(&mut ours, &[b"head", &big]).unwrap();
    assert!(
        !out.is_empty(),
        "a socket does not take 400,000 bytes at once"
    );
    let held: Held = Box::new(vec![b'h'; 50_000]);
    out.send_held(&mut ours, b"next", held).unwrap();
    out.send_file(&mut ours, file, 1, 299_999).unwrap();
    // Beyond a megabyte of memory: into the file, and what follows with it.
    let huge = vec![b's'; 1_100_000];
    out.send(&mut ours, &[&huge]).unwrap();
    out.send(&mut ours, &[b"end"]).unwrap();
    assert!(is_file(out.parts.back()));
    let wanted = [
        b"head".as_slice(),
        &big,
        b"next",
        &vec![b'h'; 50_000],
        &vec![b'f'; 299_999],
        &huge,
        b"end",
    ]
    .concat();
    assert!(drain(&mut out, ours, theirs) == wanted);
    assert_eq!(out.sent_bytes(), wanted.len() as u64);
    assert_eq!(out.memory_bytes, 0);
}

#[test]
fn a_long_tail_is_given_back_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, theirs) = pair();
    let mut out = Outgoing::new(folder.path().into());
    let block: Vec<u8> = (0..3_u32 << 20).map(|at| (at % 251) as u8).collect();
    let blocks = 2 * SPOOL_BYTES as usize / block.len() + 2;
    for _ in 0..blocks {
        out.send(&mut ours, &[&block]).unwrap();
    }
    let spools = |out: &Outgoing| out.parts.iter().filter(|part| is_file(Some(part))).count();
    assert_eq!(spools(&out), 2);
    let read = drain(&mut out, ours, theirs);
    assert!(read == block.repeat(blocks));
    assert_eq!(spools(&out), 0);
}

#[test]
fn what_is_held_is_let_go_where_it_is_more_than_a_tail_may_take() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, theirs) = pair();
    let mut out = Outgoing::new(folder.path().into());
    let body = vec![b'l'; 3 * MEMORY_BYTES];
    let holders = Arc::new(body.clone());
    let held = Shared(Arc::clone(&holders));
    out.send_held(&mut ours, b"head", Box::new(held)).unwrap();
    assert!(!out.is_empty());
    assert_eq!(Arc::strong_count(&holders), 1);
    assert!(drain(&mut out, ours, theirs) == [b"head".as_slice(), &body].concat());
}

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn where_the_folder_has_no_room_the_writer_waits() {
    let (mut ours, theirs) = pair();
    let mut out = Outgoing::new(Path::new("/does-not-exist").into());
    let block: Vec<u8> = (0..=MEMORY_BYTES / 2).map(|at| (at % 251) as u8).collect();
    let mut blocks = 0;
    while !out.is_full() {
        out.send(&mut ours, &[&block]).unwrap();
        blocks += 1;
    }
    assert!(blocks < 10, "{blocks}");
    assert_eq!(out.take_trouble().unwrap().kind(), io::ErrorKind::NotFound);
    assert!(drain(&mut out, ours, theirs) == block.repeat(blocks));
    assert!(!out.is_full() && out.take_trouble().is_none());
    assert_eq!(out.memory_bytes, 0);
}

#[test]
fn a_file_that_became_shorter_is_an_error() {
    let (mut ours, _theirs) = pair();
    let mut out = Outgoing::default();
    let file = tempfile::tempfile().unwrap();
    let sent = out.send_file(&mut ours, file, 0, 10);
    assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_closed_peer_is_an_error_and_no_signal() {
    let (mut ours, theirs) = pair();
    drop(theirs);
    let mut out = Outgoing::default();
    let sent = out.send(&mut ours, &[b"x"]);
    assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
