//! Python objects that were made of some bytes, for when the same bytes come again: most
//! clients send the same head with each request.

/// Places; a power of two.
const PLACES: usize = 64;

/// Objects by the bytes that they were made of. What comes for the second time in a row is
/// kept, in the place of another one if need be, so that bytes that never come again cost
/// nothing but a look.
#[derive(Debug)]
pub(super) struct Memo<V> {
    places: Vec<Place<V>>,
    most_bytes: usize,
}

#[derive(Debug)]
struct Place<V> {
    /// What was asked for last.
    seen: u64,
    kept: Option<(Box<[u8]>, V)>,
}

/// Where a key may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot(u64);

impl Spot {
    /// A quick hash that any client can find collisions of: they cost it what a miss costs.
    pub(super) fn of(key: &[u8]) -> Self {
        /// That of Firefox's and rustc's hash tables.
        const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
        let (eights, rest) = key.as_chunks::<8>();
        let mut hash = key.len() as u64;
        for eight in eights {
            hash = (hash.rotate_left(5) ^ u64::from_ne_bytes(*eight)).wrapping_mul(FACTOR);
        }
        for byte in rest {
            hash = (hash.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(FACTOR);
        }
        Self(hash)
    }

    /// The upper bits are the well mixed ones.
    fn index(self) -> usize {
        (self.0 >> 32) as usize % PLACES
    }
}

impl<V> Memo<V> {
    /// For keys of at most so many bytes.
    pub(super) fn new(most_bytes: usize) -> Self {
        let places = std::iter::repeat_with(|| Place {
            seen: 0,
            kept: None,
        });
        Self {
            places: places.take(PLACES).collect(),
            most_bytes,
        }
    }

    /// What was made of these bytes.
    pub(super) fn get(&self, spot: Spot, key: &[u8]) -> Option<&V> {
        let (bytes, value) = self.places[spot.index()].kept.as_ref()?;
        (**bytes == *key).then_some(value)
    }

    /// Whether what is made of these bytes now should be handed to [`Memo::keep`].
    pub(super) fn wants(&mut self, spot: Spot, key: &[u8]) -> bool {
        let place = &mut self.places[spot.index()];
        let again = place.seen == spot.0;
        place.seen = spot.0;
        again && key.len() <= self.most_bytes
    }

    /// Keeps what was made of these bytes.
    pub(super) fn keep(&mut self, spot: Spot, key: &[u8], value: V) {
        self.places[spot.index()].kept = Some((key.into(), value));
    }
}
