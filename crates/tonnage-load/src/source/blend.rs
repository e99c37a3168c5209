//! The parts of a request from two hands: what is common to all, and what a line
//! of the data says itself.

use std::sync::Arc;

use super::data::{Line, Overrides, OwnBody};
use super::error::{Place, SourceError};
use super::link::{Part, Slots, link_own};
use super::plan::SourcePlan;
use super::recipe::{Draft, Piece, Recipe, Wire};
use crate::request::{Header, check_method};

/// What all requests have in common, linked.
pub(super) struct Common<'a> {
    method: &'a str,
    pub(super) paths: Vec<Vec<Piece>>,
    headers: Vec<(&'a str, Vec<Piece>)>,
    body: Arc<[Piece]>,
}

impl<'a> Common<'a> {
    pub(super) fn link(plan: &'a SourcePlan, slots: &mut Slots) -> Result<Self, SourceError> {
        let has_data = plan.data.is_some();
        let mut paths = Vec::new();
        for endpoint in &plan.endpoints {
            let place = Place::Path(endpoint.path.clone());
            paths.push(slots.link(endpoint.path.as_bytes(), Part::Path, &place, has_data)?);
        }
        let mut headers = Vec::new();
        for header in &plan.request.headers {
            let place = Place::Header(header.name().to_owned());
            let value = slots.link(header.value().as_bytes(), Part::Header, &place, has_data)?;
            headers.push((header.name(), value));
        }
        let body = slots.link(&plan.request.body, Part::Body, &Place::Body, has_data)?;
        Ok(Self {
            method: &plan.request.method,
            paths,
            headers,
            body: body.into(),
        })
    }
}

/// What a line says itself, linked.
pub(super) struct Own {
    method: Option<String>,
    pub(super) path: Option<Vec<Piece>>,
    headers: Vec<(String, Vec<Piece>)>,
    body: Option<Arc<[Piece]>>,
    body_is_json: bool,
}

impl Own {
    pub(super) fn link(overrides: Overrides, line: &Line<'_>) -> Result<Self, SourceError> {
        let bad = |source| SourceError::LineRequest {
            line: line.number(),
            source,
        };
        let Overrides { method, path, .. } = overrides;
        if let Some(method) = &method {
            check_method(method).map_err(bad)?;
        }
        let path = match path {
            Some(path) => Some(link_own(&path, Part::Path, "path", line)?),
            None => None,
        };
        let mut headers = Vec::new();
        for (name, value) in overrides.headers {
            let header = Header::new(&name, &value).map_err(bad)?;
            let full_name = format!("headers.{name}");
            let value = link_own(header.value(), Part::Header, &full_name, line)?;
            headers.push((name, value));
        }
        let body_is_json = overrides.body.as_ref().is_some_and(|body| body.is_json);
        let body = match overrides.body {
            Some(OwnBody { text, .. }) => Some(link_own(&text, Part::Body, "body", line)?.into()),
            None => None,
        };
        Ok(Self {
            method,
            path,
            headers,
            body,
            body_is_json,
        })
    }

    /// The common headers without those that are replaced here, then the line's.
    fn headers<'a>(&'a self, common: &'a Common<'_>) -> Vec<(&'a str, &'a [Piece])> {
        let is_own = |name: &str| {
            self.headers
                .iter()
                .any(|(own, _)| own.eq_ignore_ascii_case(name))
        };
        let own = self.headers.iter().map(|(n, v)| (n.as_str(), &v[..]));
        let kept = common.headers.iter().map(|(n, v)| (*n, &v[..]));
        kept.filter(|(name, _)| !is_own(name)).chain(own).collect()
    }
}

/// The request of the common parts, of what a line says itself, and of `path`.
pub(super) fn recipe(
    common: &Common<'_>,
    own: Option<&Own>,
    path: &[Piece],
    wire: Wire<'_>,
) -> Recipe {
    let json_type = [Piece::text(*b"application/json")];
    let mut headers: Vec<(&str, &[Piece])> = match own {
        Some(own) => own.headers(common),
        None => common.headers.iter().map(|(n, v)| (*n, &v[..])).collect(),
    };
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if own.is_some_and(|own| own.body_is_json) && !has_type {
        headers.push(("Content-Type", &json_type));
    }
    let draft = Draft {
        method: method(common, own),
        path,
        headers: &headers,
        body: Arc::clone(
            own.and_then(|own| own.body.as_ref())
                .unwrap_or(&common.body),
        ),
    };
    Recipe::new(&draft, wire)
}

/// The request's method.
pub(super) fn method<'a>(common: &Common<'a>, own: Option<&'a Own>) -> &'a str {
    own.and_then(|own| own.method.as_deref())
        .unwrap_or(common.method)
}
