//! What several targets share: how an input says where the network cuts its bytes.

/// What a client or a server sends, and where it is cut.
///
/// An input is a byte of flags, a byte with the number of cuts, two bytes for each cut, then
/// the data.
pub struct Pieces<'a> {
    /// Whatever the target makes of them.
    pub flags: u8,
    /// Everything that is sent.
    pub data: &'a [u8],
    cuts: Vec<usize>,
}

impl<'a> Pieces<'a> {
    /// `None` where the input is too short for its cuts.
    pub fn of(input: &'a [u8]) -> Option<Self> {
        let [flags, count, rest @ ..] = input else {
            return None;
        };
        let (cuts, data) = rest.split_at_checked(usize::from(count % 32) * 2)?;
        let mut cuts: Vec<usize> = cuts
            .chunks(2)
            .map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])))
            .filter(|&cut| cut < data.len())
            .collect();
        cuts.sort_unstable();
        Some(Self {
            flags: *flags,
            data,
            cuts,
        })
    }

    /// The ways to cut the data: as the input says, and after every byte.
    pub fn ways(&self) -> [Vec<usize>; 2] {
        [self.cuts.clone(), (1..self.data.len()).collect()]
    }
}
