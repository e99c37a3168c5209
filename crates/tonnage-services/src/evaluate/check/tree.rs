//! What can be told from Starlark's tree alone.

use std::collections::BTreeSet;

use starlark::syntax::ast::{AssignTarget, AstLiteral, Expr, ParameterP, Stmt};

use super::super::functions::argument_counts;
use super::super::work::{Outcome, Refused};
use super::{Def, GIVEN, not_common};

pub(super) fn cannot_be_set(name: &str) -> Refused {
    Refused(format!("`{name}` cannot be set"))
}

/// The fewest and most arguments of a function.
pub(super) fn parameters(def: &Def) -> Outcome<(usize, usize)> {
    let plain = || Refused::new("a function takes plain parameters only");
    if def.return_type.is_some() {
        return Err(plain());
    }
    let mut least = 0;
    for parameter in &def.params {
        match &parameter.node {
            ParameterP::Normal(_, None, None) => least += 1,
            ParameterP::Normal(_, None, Some(default)) => {
                literal(default)?;
            }
            _ => return Err(plain()),
        }
    }
    let name = def.name.node.ident.as_str();
    if GIVEN.contains(&name) || name == "result" || argument_counts(name).is_some() {
        return Err(cannot_be_set(name));
    }
    Ok((least, def.params.len()))
}

/// A literal whose value fits, as both languages write it.
pub(super) fn literal(expr: &Expr) -> Outcome<String> {
    let literal = match expr {
        Expr::Literal(literal) => literal,
        Expr::Identifier(name) if ["None", "True", "False"].contains(&&*name.node.ident) => {
            return Ok(name.node.ident.clone());
        }
        _ => return Err(Refused::new("a default is a literal")),
    };
    match literal {
        AstLiteral::Int(value) => {
            let digits = value.node.to_string();
            let value: Result<i64, _> = digits.parse();
            value.map_err(|_| Refused::beyond_64_bits())?;
            Ok(digits)
        }
        AstLiteral::Float(value) if !value.node.is_finite() => Err(Refused::not_finite()),
        AstLiteral::Float(value) => Ok(format!("{:?}", value.node)),
        AstLiteral::String(text) => Ok(quoted(&text.node)),
        AstLiteral::Bytes(_) | AstLiteral::Ellipsis => Err(not_common()),
    }
}

pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}

/// The statements of a block, whether it is one or several.
pub(super) fn statements(stmt: &Stmt) -> Vec<&Stmt> {
    match stmt {
        Stmt::Statements(several) => several.iter().flat_map(|one| statements(one)).collect(),
        one => vec![one],
    }
}

pub(super) fn parts(target: &AssignTarget) -> Vec<&AssignTarget> {
    match target {
        AssignTarget::Tuple(parts) => parts.iter().map(|part| &part.node).collect(),
        one => vec![one],
    }
}

/// How many values a target takes apart, at least two; 0 for one that takes the
/// whole.
pub(super) fn width(target: &AssignTarget) -> usize {
    match target {
        AssignTarget::Tuple(parts) => parts.len().max(2),
        _ => 0,
    }
}

pub(super) fn name_of(target: &AssignTarget) -> Option<&str> {
    match target {
        AssignTarget::Identifier(name) => Some(&name.node.ident),
        _ => None,
    }
}

pub(super) fn names_of(target: &AssignTarget) -> BTreeSet<String> {
    let parts = parts(target);
    let names = parts.into_iter().filter_map(name_of);
    names.map(str::to_owned).collect()
}

/// The names that statements set in their own scope, functions left out.
pub(super) fn assigned(body: &[&Stmt]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stmt in body {
        match stmt {
            Stmt::Assign(assign) => names.extend(names_of(&assign.lhs)),
            Stmt::AssignModify(target, ..) => names.extend(names_of(target)),
            Stmt::For(stmt) => {
                names.extend(names_of(&stmt.var));
                names.extend(assigned(&statements(&stmt.body)));
            }
            Stmt::If(_, body) => names.extend(assigned(&statements(body))),
            Stmt::IfElse(_, branches) => {
                names.extend(assigned(&statements(&branches.0)));
                names.extend(assigned(&statements(&branches.1)));
            }
            _ => {}
        }
    }
    names
}
