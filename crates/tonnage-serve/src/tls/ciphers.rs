//! Which ciphers are offered, in OpenSSL's names. Those of TLS 1.3 always are, as with
//! OpenSSL, whose lists are of TLS 1.2 and below.

use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

/// OpenSSL's name of a suite of TLS 1.2 that is here.
fn name_of(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => "",
    }
}

/// Leaves those that a list names. A list that names none leaves all: words such as `HIGH`
/// choose among ciphers that are not here.
pub(super) fn restrict(suites: &mut Vec<SupportedCipherSuite>, list: &str) {
    let words: Vec<&str> = list
        .split([':', ',', ' ', ';'])
        .filter(|word| !word.is_empty())
        .collect();
    let is_named = |suite: &SupportedCipherSuite| words.contains(&name_of(suite.suite()));
    if suites.iter().any(is_named) {
        suites.retain(|suite| is_tls13(suite.version()) || is_named(suite));
    }
}

fn is_tls13(version: &SupportedProtocolVersion) -> bool {
    *version == rustls::version::TLS13
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::ALL_CIPHER_SUITES;

    use super::*;

    fn left(list: &str) -> Vec<CipherSuite> {
        let mut suites = ALL_CIPHER_SUITES.to_vec();
        restrict(&mut suites, list);
        let old = suites.iter().filter(|suite| !is_tls13(suite.version()));
        old.map(SupportedCipherSuite::suite).collect()
    }

    #[test]
    fn a_list_leaves_what_it_names_and_never_nothing() {
        assert_eq!(
            left("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA:!aNULL"),
            [CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
        );
        let all = left("");
        assert_eq!(all.len(), 6);
        assert_eq!(left("HIGH:!MD5"), all);
        assert!(all.iter().all(|suite| !name_of(*suite).is_empty()));
    }
}
