//! A coder: bytes in, fewer bytes out.

use std::io::{self, Write as _};

use crate::codings::Coding;

/// gzip's levels are 0 to 9: at 5 most is won, at half the time of 9.
const GZIP_LEVEL: u32 = 5;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// How far back zstd looks, as a power of two: 128 KiB. Its memory grows with it, and an
/// answer that is longer repeats itself earlier than that.
const ZSTD_WINDOW_LOG: u32 = 17;

/// Encodes one response.
pub(crate) enum Encoder {
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
        })
    }
}

impl Encoder {
    /// For a coding that there is a coder for; `bytes`: how much there will be, if that is
    /// known.
    pub(crate) fn new(coding: Coding, bytes: Option<u64>) -> io::Result<Self> {
        match coding {
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.window_log(ZSTD_WINDOW_LOG)?;
                encoder.include_contentsize(false)?;
                encoder.set_pledged_src_size(bytes)?;
                Ok(Self::Zstd(Box::new(encoder)))
            }
            Coding::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                Ok(Self::Gzip(Box::new(encoder)))
            }
            Coding::Brotli => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Encodes a part so that the client can read all of it before the next one.
    pub(crate) fn part(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.write(bytes)?;
        match self {
            Self::Gzip(encoder) => encoder.flush()?,
            Self::Zstd(encoder) => encoder.flush()?,
        }
        Ok(std::mem::take(match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        }))
    }

    /// Encodes the last part.
    pub(crate) fn last(mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.write(bytes)?;
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }
}

/// What a client reads of such bytes, as far as they go.
#[cfg(test)]
pub(crate) fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut plain = Vec::new();
    // Where more is to come, the end is missing.
    let _ = match coding {
        Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        Coding::Zstd => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_end(&mut plain),
        Coding::Brotli => panic!("no coder"),
    };
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_went_in_comes_out_part_by_part(
            parts in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..3000), 0..6),
            coding in proptest::sample::select(&super::super::CODINGS),
            is_known in any::<bool>(),
        ) {
            let whole = parts.concat();
            let length = is_known.then_some(whole.len() as u64);
            let mut encoder = Encoder::new(coding, length).unwrap();
            let (mut sent, mut so_far) = (Vec::new(), Vec::new());
            for part in &parts {
                sent.extend(encoder.part(part).unwrap());
                so_far.extend_from_slice(part);
                prop_assert_eq!(&decoded(coding, &sent), &so_far);
            }
            sent.extend(encoder.last(b"").unwrap());
            prop_assert_eq!(decoded(coding, &sent), whole);
        }
    }
}
