//! Content codings that a client takes (RFC 9110, sections 8.4.1 and 12.5.3).

/// A content coding that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// Its name in a field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn of(name: &[u8]) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            4 if is("gzip") => Some(Self::Gzip),
            6 if is("x-gzip") => Some(Self::Gzip),
            2 if is("br") => Some(Self::Brotli),
            4 if is("zstd") => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// What an Accept-Encoding says. Without one no coding is taken: a client that does not say
/// what it can read may be able to read none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    gzip: Option<Weight>,
    brotli: Option<Weight>,
    zstd: Option<Weight>,
    /// No coding at all.
    identity: Option<Weight>,
    /// Any that is not named.
    other: Option<Weight>,
}

/// Thousandths; 0 is a no.
type Weight = u16;

impl Accepted {
    /// Takes a field's value to what others of the same name said.
    pub fn add(&mut self, value: &[u8]) {
        for item in value.split(|byte| *byte == b',') {
            let mut parts = item.split(|byte| *byte == b';');
            let name = parts.next().unwrap_or_default().trim_ascii();
            // What is no weight is no yes.
            let weight = match parts.next() {
                Some(parameter) => weight(parameter.trim_ascii()).unwrap_or(0),
                None => 1000,
            };
            let place = match Coding::of(name) {
                Some(Coding::Gzip) => &mut self.gzip,
                Some(Coding::Brotli) => &mut self.brotli,
                Some(Coding::Zstd) => &mut self.zstd,
                None if name == b"*" => &mut self.other,
                None if name.eq_ignore_ascii_case(b"identity") => &mut self.identity,
                None => continue,
            };
            *place = Some(weight);
        }
    }

    /// Those of these that the client takes, what it likes best first, and otherwise in this
    /// order. What it likes less than no coding is left out.
    pub fn among<const N: usize>(&self, codings: [Coding; N]) -> impl Iterator<Item = Coding> {
        let mut liked = codings.map(|coding| (self.weight(coding), coding));
        liked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let least = self.identity.unwrap_or(0).max(1);
        let liked = liked.into_iter();
        liked
            .filter(move |(weight, _)| *weight >= least)
            .map(|(_, coding)| coding)
    }

    fn weight(&self, coding: Coding) -> Weight {
        let named = match coding {
            Coding::Gzip => self.gzip,
            Coding::Brotli => self.brotli,
            Coding::Zstd => self.zstd,
        };
        named.or(self.other).unwrap_or(0)
    }
}

/// `q=0.5`.
fn weight(parameter: &[u8]) -> Option<Weight> {
    let (name, value) = parameter.split_at_checked(2)?;
    if !name.eq_ignore_ascii_case(b"q=") {
        return None;
    }
    let (whole, fraction) = match value {
        [whole] | [whole, b'.'] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| Weight::from(byte - b'0'));
    let mut weight = digit(whole)? * 1000;
    let mut place = 100;
    for byte in fraction {
        weight += digit(byte)? * place;
        place /= 10;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    fn taken(value: &str) -> Vec<&'static str> {
        let mut accepted = Accepted::default();
        accepted.add(value.as_bytes());
        accepted.among(ALL).map(Coding::name).collect()
    }

    #[test]
    fn a_client_has_what_it_likes_best_and_nothing_that_it_does_not_take() {
        for (value, codings) in [
            ("", &[][..]),
            ("gzip", &["gzip"]),
            ("gzip, deflate, br, zstd", &["br", "zstd", "gzip"]),
            ("GZIP;q=1.0, br;q=0.5", &["gzip", "br"]),
            ("br ; q=0.1,x-gzip;q=0.999", &["gzip", "br"]),
            ("gzip;q=0, *", &["br", "zstd"]),
            ("*;q=0", &[]),
            ("*;q=0.3, zstd", &["zstd", "br", "gzip"]),
            ("identity, gzip;q=0.5", &[]),
            ("identity;q=0.5, gzip", &["gzip"]),
            ("identity;q=0, gzip;q=0.1", &["gzip"]),
            ("gzip;q=2", &[]),
            ("gzip;q=", &[]),
            ("gzip;q=0.0001", &[]),
            ("gzip;level=9", &[]),
            ("gzip;q=-1", &[]),
            ("deflate, compress", &[]),
            (",, ;;, gzip", &["gzip"]),
        ] {
            assert_eq!(taken(value), codings, "{value}");
        }
    }

    #[test]
    fn several_fields_are_one() {
        let mut accepted = Accepted::default();
        accepted.add(b"gzip;q=0.5");
        accepted.add(b"br");
        let names: Vec<_> = accepted.among(ALL).map(Coding::name).collect();
        assert_eq!(names, ["br", "gzip"]);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut accepted = Accepted::default();
            accepted.add(&value);
            prop_assert!(accepted.among(ALL).count() <= 3);
        }
    }
}
