//! Request methods: those that a server is asked for every day as an enum.

/// A method of RFC 9110, section 9, or of RFC 5789.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `CONNECT`, after which the connection cannot serve another request.
    Connect,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `PATCH`
    Patch,
    /// Any other token.
    Other,
}

impl Method {
    const ALL: [Self; 9] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Delete,
        Self::Connect,
        Self::Options,
        Self::Trace,
        Self::Patch,
    ];

    /// The method's name; nothing for `Other`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other => "",
        }
    }

    /// The method of this name, in any case where `casefold`.
    pub(super) fn of(name: &[u8], casefold: bool) -> Self {
        Self::ALL
            .into_iter()
            .find(|method| {
                let known = method.name().as_bytes();
                known == name || (casefold && known.eq_ignore_ascii_case(name))
            })
            .unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_their_names() {
        for method in Method::ALL {
            assert_eq!(Method::of(method.name().as_bytes(), false), method);
            let small = method.name().to_ascii_lowercase();
            assert_eq!(Method::of(small.as_bytes(), false), Method::Other);
            assert_eq!(Method::of(small.as_bytes(), true), method);
        }
        assert_eq!(Method::of(b"BREW", true), Method::Other);
        assert_eq!(Method::of(b"", true), Method::Other);
    }
}
