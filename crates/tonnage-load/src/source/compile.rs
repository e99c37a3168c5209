//! From what is asked for to what is sent: templates are linked, lines read, and
//! whatever is the same every time is put into bytes once.

use super::blend::{Common, Own, method, recipe};
use super::data;
use super::error::SourceError;
use super::link::Slots;
use super::plan::SourcePlan;
use super::recipe::{Recipe, Wire};
use super::{RequestSource, Script, SourceLine, Variant};
use crate::request::check_method;

const MIB: usize = 1024 * 1024;

/// How much is kept in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The longest data, in bytes.
    pub(super) data_bytes: usize,
    /// The bytes of all requests that are put together in advance; those beyond
    /// are rendered whenever they are sent.
    pub(super) fixed_bytes: usize,
    /// The most combinations of lines and URLs.
    pub(super) requests: usize,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        data_bytes: 256 * MIB,
        fixed_bytes: 256 * MIB,
        requests: 16 * MIB,
    };
}

/// A source as it grows.
struct Compiler<'a> {
    common: Common<'a>,
    wire: Wire<'a>,
    limits: Limits,
    fixed_bytes: usize,
    has_own_paths: bool,
    /// For each URL, its request where that is the same for all lines.
    same_for_all_lines: Vec<Option<u32>>,
    source: RequestSource,
}

pub(super) fn compile(
    plan: &SourcePlan,
    wire: Wire<'_>,
    limits: Limits,
) -> Result<RequestSource, SourceError> {
    check_endpoints(plan)?;
    check_method(&plan.request.method)?;
    let mut slots = Slots::default();
    let common = Common::link(plan, &mut slots)?;
    let mut compiler = Compiler::new(plan, common, wire, limits);
    let Some(data) = &plan.data else {
        compiler.add_line(Box::default(), None)?;
        return Ok(compiler.finish());
    };
    if data.text.len() > limits.data_bytes {
        return Err(SourceError::TooLarge {
            bytes: data.text.len(),
            limit: limits.data_bytes,
        });
    }
    for line in data::lines(&data.text) {
        let line = line?;
        let values = slots.values_of(&line)?;
        let own = match line.overrides()? {
            Some(overrides) => Some(Own::link(overrides, &line)?),
            None => None,
        };
        compiler.add_line(values, own.as_ref())?;
    }
    if compiler.source.lines.is_empty() {
        return Err(SourceError::NoLine);
    }
    Ok(compiler.finish())
}

fn check_endpoints(plan: &SourcePlan) -> Result<(), SourceError> {
    let count = plan.endpoints.len();
    if count == 0 {
        return Err(SourceError::NoEndpoint);
    }
    // One more number is for requests whose path is the data's.
    if count >= usize::from(u16::MAX) {
        return Err(SourceError::TooManyEndpoints(count));
    }
    match plan.endpoints.iter().find(|e| e.weight == 0) {
        Some(endpoint) => Err(SourceError::NoWeight(endpoint.path.clone())),
        None => Ok(()),
    }
}

impl<'a> Compiler<'a> {
    fn new(plan: &SourcePlan, common: Common<'a>, wire: Wire<'a>, limits: Limits) -> Self {
        let mut total = 0;
        let cumulative = plan.endpoints.iter().map(|endpoint| {
            total += u64::from(endpoint.weight);
            total
        });
        let source = RequestSource {
            fixed: Vec::new(),
            recipes: common
                .paths
                .iter()
                .map(|path| recipe(&common, None, path, wire))
                .collect(),
            variants: Vec::new(),
            lines: Vec::new(),
            cumulative_weights: cumulative.collect(),
            pick: plan.data.as_ref().map(|data| data.pick).unwrap_or_default(),
            endpoints: plan.endpoints.iter().map(|e| e.path.clone()).collect(),
            only: None,
        };
        Self {
            same_for_all_lines: vec![None; common.paths.len()],
            common,
            wire,
            limits,
            fixed_bytes: 0,
            has_own_paths: false,
            source,
        }
    }

    /// Adds a line's requests: one for each URL, or one for its own path.
    fn add_line(&mut self, values: Box<[Box<str>]>, own: Option<&Own>) -> Result<(), SourceError> {
        let has_own_path = own.is_some_and(|own| own.path.is_some());
        let urls = self.common.paths.len();
        let endpoints = if has_own_path {
            urls..urls + 1
        } else {
            0..urls
        };
        let first = self.source.variants.len();
        if first + endpoints.len() > self.limits.requests {
            return Err(SourceError::TooManyRequests {
                lines: self.source.lines.len() + 1,
                endpoints: urls,
                limit: self.limits.requests,
            });
        }
        for endpoint in endpoints {
            let script = match own {
                None => self.script_of_shared(endpoint, &values),
                Some(own) => self.script_of_own(own, endpoint, &values),
            };
            self.source.variants.push(Variant {
                script,
                is_head: method(&self.common, own) == "HEAD",
                endpoint: endpoint as u16,
            });
        }
        self.has_own_paths |= has_own_path;
        let is_rendered = self.source.variants[first..]
            .iter()
            .any(|variant| matches!(variant.script, Script::Recipe(_)));
        self.source.lines.push(SourceLine {
            first_variant: first as u32,
            has_own_path,
            // Nobody asks for them where all is fixed.
            values: if is_rendered { values } else { Box::default() },
        });
        Ok(())
    }

    fn script_of_shared(&mut self, index: usize, values: &[Box<str>]) -> Script {
        if let Some(fixed) = self.same_for_all_lines[index] {
            return Script::Fixed(fixed);
        }
        let recipe = &self.source.recipes[index];
        let is_same_for_all = !recipe.uses_line();
        let Some(bytes) = self.fixed_bytes_of(recipe, values) else {
            return Script::Recipe(index as u32);
        };
        let fixed = self.add_fixed(bytes);
        if is_same_for_all {
            self.same_for_all_lines[index] = Some(fixed);
        }
        Script::Fixed(fixed)
    }

    fn script_of_own(&mut self, own: &Own, endpoint: usize, values: &[Box<str>]) -> Script {
        let path = own.path.as_ref();
        let path = path.unwrap_or_else(|| &self.common.paths[endpoint]);
        let recipe = recipe(&self.common, Some(own), path, self.wire);
        if let Some(bytes) = self.fixed_bytes_of(&recipe, values) {
            return Script::Fixed(self.add_fixed(bytes));
        }
        self.source.recipes.push(recipe);
        Script::Recipe(self.source.recipes.len() as u32 - 1)
    }

    /// The bytes of a request that is the same every time, while there is room.
    fn fixed_bytes_of(&self, recipe: &Recipe, values: &[Box<str>]) -> Option<Vec<u8>> {
        let has_room = self.fixed_bytes < self.limits.fixed_bytes;
        let bytes = (has_room && recipe.is_constant()).then(|| recipe.render_constant(values))?;
        (self.fixed_bytes + bytes.len() <= self.limits.fixed_bytes).then_some(bytes)
    }

    fn add_fixed(&mut self, bytes: Vec<u8>) -> u32 {
        self.fixed_bytes += bytes.len();
        self.source.fixed.push(bytes.into());
        self.source.fixed.len() as u32 - 1
    }

    fn finish(mut self) -> RequestSource {
        if self.has_own_paths {
            self.source.endpoints.push("(paths of the data)".to_owned());
        }
        self.source.find_only();
        self.source
    }
}
