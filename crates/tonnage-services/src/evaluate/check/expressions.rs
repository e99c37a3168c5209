//! Expressions, checked and written with guarded operations.

use std::fmt::Write as _;

use starlark::syntax::ast::{
    ArgumentP, AstExpr, AstNoPayload, BinOp, CallArgsP, Clause, Expr, ForClause,
};

use super::super::functions::argument_counts;
use super::super::methods::method_counts;
use super::super::work::{Outcome, Refused};
use super::tree::{literal, names_of};
use super::{Checker, MAX_NESTING, not_common};

type CallArgs = CallArgsP<AstNoPayload>;
type Comprehension<'a> = (&'a ForClause, &'a [Clause]);

impl Checker {
    pub(super) fn expression(&mut self, expr: &Expr, depth: usize) -> Outcome<String> {
        if depth >= MAX_NESTING {
            let message = format!("the text is nested deeper than {MAX_NESTING}");
            return Err(Refused(message));
        }
        let depth = depth + 1;
        match expr {
            Expr::Literal(_) => literal(expr),
            Expr::Identifier(name) => self.name(&name.node.ident),
            Expr::Not(value) => Ok(format!("(not {})", self.expression(value, depth)?)),
            Expr::Minus(value) => Ok(format!("_neg({})", self.expression(value, depth)?)),
            Expr::Op(left, operator, right) => self.operator(left, *operator, right, depth),
            Expr::If(parts) => {
                let test = self.expression(&parts.0, depth)?;
                let yes = self.expression(&parts.1, depth)?;
                let no = self.expression(&parts.2, depth)?;
                Ok(format!("({yes} if {test} else {no})"))
            }
            Expr::List(items) => Ok(format!("[{}]", self.all(items, depth)?.join(", "))),
            Expr::Tuple(items) => {
                let items = self.all(items, depth)?;
                let comma = if items.len() == 1 { "," } else { "" };
                Ok(format!("({}{comma})", items.join(", ")))
            }
            Expr::Dict(entries) => {
                let mut flat = Vec::with_capacity(2 * entries.len());
                for (key, value) in entries {
                    flat.push(self.expression(key, depth)?);
                    flat.push(self.expression(value, depth)?);
                }
                Ok(format!("_dict([{}])", flat.join(", ")))
            }
            Expr::ListComprehension(value, first, rest) => {
                let (loops, count) = self.clauses((first, rest), depth)?;
                let value = self.expression(value, depth)?;
                self.scopes.truncate(self.scopes.len() - count);
                Ok(format!("[{value}{loops}]"))
            }
            Expr::DictComprehension(entry, first, rest) => {
                let (loops, count) = self.clauses((first, rest), depth)?;
                let key = self.expression(&entry.0, depth)?;
                let value = self.expression(&entry.1, depth)?;
                self.scopes.truncate(self.scopes.len() - count);
                Ok(format!("{{_key({key}): {value}{loops}}}"))
            }
            Expr::Index(place) => {
                let container = self.expression(&place.0, depth)?;
                let index = self.expression(&place.1, depth)?;
                Ok(format!("_item({container}, {index})"))
            }
            Expr::Slice(value, start, stop, None) => {
                let value = self.expression(value, depth)?;
                let start = self.edge(start.as_deref().map(|edge| &edge.node), depth)?;
                let stop = self.edge(stop.as_deref().map(|edge| &edge.node), depth)?;
                Ok(format!("_slice({value}, {start}, {stop})"))
            }
            Expr::Call(function, arguments) => self.call(function, arguments, depth),
            _ => Err(not_common()),
        }
    }

    fn all(&mut self, items: &[AstExpr], depth: usize) -> Outcome<Vec<String>> {
        items
            .iter()
            .map(|item| self.expression(item, depth))
            .collect()
    }

    fn edge(&mut self, edge: Option<&Expr>, depth: usize) -> Outcome<String> {
        edge.map_or_else(
            || Ok("None".to_owned()),
            |edge| self.expression(edge, depth),
        )
    }

    fn name(&self, name: &str) -> Outcome<String> {
        if ["None", "True", "False"].contains(&name) {
            return Ok(name.to_owned());
        }
        if self.functions.contains_key(name) || argument_counts(name).is_some() {
            let message = format!("the function `{name}` can only be called");
            return Err(Refused(message));
        }
        if !self.scopes.iter().any(|scope| scope.contains(name)) {
            return Err(Refused(format!("the name `{name}` is unknown")));
        }
        Ok(name.to_owned())
    }

    fn operator(
        &mut self,
        left: &Expr,
        operator: BinOp,
        right: &Expr,
        depth: usize,
    ) -> Outcome<String> {
        let operation = match operator {
            BinOp::And | BinOp::Or => {
                let left = self.expression(left, depth)?;
                let right = self.expression(right, depth)?;
                let word = if operator == BinOp::And { "and" } else { "or" };
                return Ok(format!("({left} {word} {right})"));
            }
            BinOp::Equal => "eq",
            BinOp::NotEqual => "ne",
            BinOp::Less => "lt",
            BinOp::LessOrEqual => "le",
            BinOp::Greater => "gt",
            BinOp::GreaterOrEqual => "ge",
            BinOp::In => "contains",
            BinOp::NotIn => "lacks",
            BinOp::Add => "add",
            BinOp::Subtract => "sub",
            BinOp::Multiply => "mul",
            BinOp::Divide => "div",
            BinOp::FloorDivide => "floordiv",
            BinOp::Percent => "mod",
            _ => return Err(not_common()),
        };
        let left = self.expression(left, depth)?;
        let right = self.expression(right, depth)?;
        Ok(format!("_{operation}({left}, {right})"))
    }

    /// The loops of a comprehension; each adds a scope, which the caller takes away.
    fn clauses(&mut self, loops: Comprehension<'_>, depth: usize) -> Outcome<(String, usize)> {
        let (mut written, mut count) = (String::new(), 0);
        let first = Clause::For(loops.0.clone());
        for clause in std::iter::once(&first).chain(loops.1) {
            match clause {
                Clause::For(clause) => {
                    let over = self.iterable(&clause.var, &clause.over, depth)?;
                    let target = self.target(&clause.var)?;
                    self.scopes.push(names_of(&clause.var));
                    count += 1;
                    // Writing to a string cannot fail.
                    let _ = write!(written, " for {target} in {over}");
                }
                Clause::If(test) => {
                    let test = self.expression(test, depth)?;
                    let _ = write!(written, " if {test}");
                }
            }
        }
        Ok((written, count))
    }

    fn call(&mut self, function: &Expr, arguments: &CallArgs, depth: usize) -> Outcome<String> {
        let mut plain = Vec::new();
        for argument in &arguments.args {
            let ArgumentP::Positional(value) = &argument.node else {
                return Err(Refused::new("a call takes plain arguments only"));
            };
            plain.push(value);
        }
        let written = |checker: &mut Self, first: String| -> Outcome<String> {
            let mut all = vec![first];
            for value in &plain {
                all.push(checker.expression(value, depth)?);
            }
            Ok(all.join(", "))
        };
        match function {
            Expr::Dot(value, name) => {
                check_count(method_counts(name), "method", name, plain.len())?;
                let value = self.expression(value, depth)?;
                let all = written(self, format!("\"{}\", {value}", name.node))?;
                Ok(format!("_method({all})"))
            }
            Expr::Identifier(name) => {
                let name = name.node.ident.as_str();
                let builtin = argument_counts(name);
                let counts = builtin.or_else(|| self.functions.get(name).copied());
                check_count(counts, "function", name, plain.len())?;
                if builtin.is_some() {
                    let all = written(self, format!("\"{name}\""))?;
                    return Ok(format!("_builtin({all})"));
                }
                let all = written(self, name.to_owned())?;
                Ok(format!("_call({all})"))
            }
            _ => Err(not_common()),
        }
    }
}

fn check_count(
    counts: Option<(usize, usize)>,
    what: &str,
    name: &str,
    given: usize,
) -> Outcome<()> {
    let Some((least, most)) = counts else {
        return Err(Refused(format!("the {what} `{name}` is unknown")));
    };
    if !(least..=most).contains(&given) {
        let message = format!("the {what} `{name}` takes other arguments");
        return Err(Refused(message));
    }
    Ok(())
}
