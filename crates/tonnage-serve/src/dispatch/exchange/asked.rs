//! What was asked, and by whom: as an interface tells its application.

use std::borrow::Cow;
use std::sync::Arc;

use super::Exchange;
use crate::connection::Head;
use crate::http::{Known, Version};
use crate::listen::Peer;
use crate::proxy_protocol::Introduced;
use crate::request::Request;
use crate::tls::TlsInfo;

impl Exchange {
    /// The parsed head; its offsets point into [`Exchange::head_bytes`].
    pub fn head(&self) -> Option<&Head> {
        self.connection.head.as_deref()
    }

    /// The bytes of the request, from its first line on.
    pub fn head_bytes(&self) -> &[u8] {
        self.connection.head_bytes()
    }

    /// The request's head.
    pub fn request(&self) -> Option<Request<'_>> {
        self.connection.request()
    }

    /// Method and target, for people.
    pub fn name(&self) -> String {
        self.request()
            .map(|request| request.to_string())
            .unwrap_or_default()
    }

    /// The method; in capitals, where that was asked for.
    pub fn method(&self) -> Cow<'_, [u8]> {
        self.request().map_or(Cow::Borrowed(&[]), Request::method)
    }

    /// The target, as it was sent.
    pub fn target(&self) -> &[u8] {
        self.request().map_or(&[], Request::target)
    }

    /// The target's path, as it was sent.
    pub fn path(&self) -> &[u8] {
        self.request().map_or(&[], Request::path)
    }

    /// What follows the question mark, as it was sent.
    pub fn query(&self) -> &[u8] {
        self.request().map_or(&[], Request::query)
    }

    /// The version of HTTP that the client speaks.
    pub fn version(&self) -> Version {
        self.request().map_or(Version::Http11, Request::version)
    }

    /// The fields in their order: what is known of the name, the name and the value as
    /// they were sent.
    pub fn fields(&self) -> impl Iterator<Item = (Known, &[u8], Cow<'_, [u8]>)> {
        self.request().into_iter().flat_map(Request::fields)
    }

    /// Who asks.
    pub fn peer(&self) -> Peer {
        self.connection.peer
    }

    /// Who holds the other end of the socket: the client, or a proxy that has said who that is
    /// (see [`crate::proxy_protocol`]). Its fields are the proxy's to set.
    pub fn neighbour(&self) -> Peer {
        let introduced = self.introduced();
        introduced.map_or(self.connection.peer, |introduced| introduced.proxy)
    }

    /// What a proxy has said of the client before its first request.
    pub fn introduced(&self) -> Option<&Introduced> {
        self.connection.introduced.as_deref()
    }

    /// What protects the connection, where TLS does.
    pub fn tls(&self) -> Option<&Arc<TlsInfo>> {
        self.connection.wire.tls()
    }

    /// The number of the listener that it came through.
    pub fn listener(&self) -> usize {
        self.connection.listener as usize
    }
}
