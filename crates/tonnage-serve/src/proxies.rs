//! What requests say of where they come from, and who is believed: fields by which proxies
//! tell of TLS, and names with an underscore, which can pass for others. The rules are
//! gunicorn's (its `forwarded_allow_ips`, `secure_scheme_headers`, `forwarder_headers` and
//! `header_map`).

use crate::http::{Known, Refusal};
use crate::listen::Peer;
use crate::settings::{HeaderMap, ProxySettings, TrustedPeers};

/// Stands for every name among the names that proxies may set.
const EVERY_NAME: &str = "*";

/// Who is believed what.
#[derive(Debug)]
pub struct Proxies {
    trusted: TrustedPeers,
    /// Fields, and the values of them that mean TLS.
    secure: Vec<(Vec<u8>, Vec<u8>)>,
    /// Which of the well-known names are among them, by their numbers.
    secure_names: u64,
    /// Names with an underscore that proxies may set.
    forwarder: Vec<Vec<u8>>,
    any_forwarder: bool,
    map: HeaderMap,
}

/// The fields of one request, looked at one after the other.
#[derive(Debug)]
pub struct Hearing<'a> {
    proxies: &'a Proxies,
    is_trusted: bool,
    https: Option<bool>,
}

impl Proxies {
    /// As the settings say.
    pub fn new(settings: &ProxySettings) -> Self {
        let secure = settings.secure_scheme_headers.iter();
        let secure: Vec<_> = secure
            .map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes()))
            .collect();
        let names = secure.iter().map(|(name, _)| bit(Known::of(name)));
        let forwarder = &settings.forwarder_headers;
        Self {
            trusted: settings.forwarded_allow_ips.clone(),
            secure_names: names.fold(0, |all, name| all | name),
            secure,
            any_forwarder: forwarder.iter().any(|name| name == EVERY_NAME),
            forwarder: forwarder.iter().map(|name| name.clone().into()).collect(),
            map: settings.header_map,
        }
    }

    /// Begins with the fields of a request of this peer.
    pub fn hear(&self, peer: Peer) -> Hearing<'_> {
        let address = match peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix => None,
        };
        Hearing {
            proxies: self,
            is_trusted: self.trusted.trusts(address),
            https: None,
        }
    }
}

impl Hearing<'_> {
    /// Looks at a field: whether the application is given it.
    pub fn admits(&mut self, known: Known, name: &[u8], value: &[u8]) -> Result<bool, Refusal> {
        if self.is_trusted && self.proxies.secure_names & bit(known) != 0 {
            self.note_scheme(name, value)?;
        }
        if known != Known::Other || !name.contains(&b'_') || self.is_forwarded(name) {
            return Ok(true);
        }
        match self.proxies.map {
            HeaderMap::Dangerous => Ok(true),
            HeaderMap::Drop => Ok(false),
            HeaderMap::Refuse => Err(Refusal::Underscore),
        }
    }

    fn note_scheme(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let mut secure = self.proxies.secure.iter();
        if let Some((_, means)) = secure.find(|(field, _)| field.eq_ignore_ascii_case(name)) {
            let https = means == value;
            if self.https.replace(https) == Some(!https) {
                return Err(Refusal::Scheme);
            }
        }
        Ok(())
    }

    /// Whether a field of this name is one that only a trusted proxy may set, and has.
    pub fn is_forwarded(&self, name: &[u8]) -> bool {
        let mut names = self.proxies.forwarder.iter();
        self.is_trusted
            && (self.proxies.any_forwarder || names.any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Whether the peer is one whose word counts.
    pub fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// Whether a field so far has said that the client speaks TLS, or that it does not.
    pub fn says_https(&self) -> Option<bool> {
        self.https
    }
}

/// Names without a number of their own share one.
fn bit(known: Known) -> u64 {
    1 << known as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(map: HeaderMap, forwarder: &[&str]) -> Proxies {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Proxies::new(&ProxySettings {
            forwarded_allow_ips: TrustedPeers::parse(&["10.0.0.1"]).unwrap(),
            secure_scheme_headers: vec![
                pair("X-FORWARDED-PROTO", "https"),
                pair("X-MADE-UP", "yes"),
            ],
            forwarder_headers: forwarder.iter().map(|&name| name.to_owned()).collect(),
            header_map: map,
            proxy_protocol: None,
            proxy_allow_ips: TrustedPeers::default(),
        })
    }

    fn peer(address: &str) -> Peer {
        Peer::Tcp(address.parse().unwrap())
    }

    fn hear(hearing: &mut Hearing<'_>, name: &str, value: &str) -> Result<bool, Refusal> {
        let name = name.as_bytes();
        hearing.admits(Known::of(name), name, value.as_bytes())
    }

    #[test]
    fn only_a_trusted_peer_tells_of_tls() {
        let proxies = proxies(HeaderMap::Drop, &[]);
        for (address, name, value, https) in [
            ("10.0.0.1:1", "x-forwarded-proto", "https", Some(true)),
            ("10.0.0.1:1", "X-Forwarded-Proto", "HTTPS", Some(false)),
            ("10.0.0.1:1", "X-Made-Up", "yes", Some(true)),
            ("10.0.0.1:1", "X-Forwarded-Ssl", "https", None),
            ("10.0.0.2:1", "X-Forwarded-Proto", "https", None),
        ] {
            let mut hearing = proxies.hear(peer(address));
            assert_eq!(hear(&mut hearing, name, value), Ok(true));
            assert_eq!(hearing.says_https(), https, "{address} {name}: {value}");
        }
        let mut hearing = proxies.hear(Peer::Unix);
        assert!(hear(&mut hearing, "X-Made-Up", "yes").is_ok());
        assert_eq!(hearing.says_https(), Some(true));
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused_of_a_trusted_peer() {
        let proxies = proxies(HeaderMap::Drop, &[]);
        for (address, answer) in [
            ("10.0.0.1:1", Err(Refusal::Scheme)),
            ("10.0.0.2:1", Ok(true)),
        ] {
            let mut hearing = proxies.hear(peer(address));
            assert_eq!(hear(&mut hearing, "X-Forwarded-Proto", "https"), Ok(true));
            assert_eq!(hear(&mut hearing, "X-Made-Up", "no"), answer);
        }
    }

    #[test]
    fn names_with_an_underscore_are_as_the_setting_says() {
        for (map, answer) in [
            (HeaderMap::Drop, Ok(false)),
            (HeaderMap::Refuse, Err(Refusal::Underscore)),
            (HeaderMap::Dangerous, Ok(true)),
        ] {
            let proxies = proxies(map, &["SCRIPT_NAME"]);
            let mut trusted = proxies.hear(peer("10.0.0.1:1"));
            assert_eq!(hear(&mut trusted, "X_Other", "1"), answer);
            assert_eq!(hear(&mut trusted, "Script_Name", "/app"), Ok(true));
            let mut other = proxies.hear(peer("10.0.0.2:1"));
            assert_eq!(hear(&mut other, "SCRIPT_NAME", "/app"), answer);
            assert_eq!(hear(&mut other, "X-Other", "1"), Ok(true));
        }
        let proxies = proxies(HeaderMap::Refuse, &["*"]);
        let mut trusted = proxies.hear(peer("10.0.0.1:1"));
        assert_eq!(hear(&mut trusted, "Any_Thing", "1"), Ok(true));
    }
}
