//! What a condition's text may say, and how it is made safe to run: Starlark's
//! tree is checked and written anew, with each operator, index, loop and call
//! going through the operations of [`super::operations`]. The twin of `Checker` in
//! `apps/common/condition_language.py`.

use std::collections::{BTreeMap, BTreeSet};

use starlark::syntax::ast::{
    ArgumentP, AssignOp, AssignP, AssignTarget, AstLiteral, AstNoPayload, BinOp,
    CallArgsP, Clause, DefP, Expr, ForClause, ForP, ParameterP, Stmt,
};
use starlark::syntax::{AstModule, Dialect};

use super::functions::argument_counts;
use super::methods::method_counts;
use super::tokens;
use super::work::{Outcome, Refused};

/// Tree nodes within nodes.
const MAX_NESTING: usize = 64;

const NOT_COMMON: &str = "the text is no program of the condition language";

/// Names that a text can read but not set.
const GIVEN: [&str; 2] = ["log", "context"];

/// The function that a written condition defines; no text can spell its name.
pub(super) const ENTRY: &str = "_condition";

/// Texts of Starlark's tree with what it marks nodes with.
type Def = DefP<AstNoPayload>;
type For = ForP<AstNoPayload>;
type Assign = AssignP<AstNoPayload>;
type CallArgs = CallArgsP<AstNoPayload>;
type Comprehension<'a> = (&'a ForClause, &'a [Clause]);

/// The dialect that texts, and what they are written to, are read in.
pub(super) fn dialect() -> Dialect {
    Dialect {
        enable_load: false,
        enable_lambda: false,
        enable_top_level_stmt: true,
        ..Dialect::Standard
    }
}

/// The text of a condition as a safe program, whose function [`ENTRY`] takes `log`
/// and `context`.
pub(super) fn rewrite(text: &str) -> Outcome<String> {
    tokens::check(text)?;
    let module = AstModule::parse("condition", text.to_owned(), &dialect());
    let module = module.map_err(|_| not_common())?;
    let body = statements(&module.statement().node);
    let mut checker = Checker::new(&body)?;
    checker.block(&body, 0)?;
    Ok(checker.finish())
}

fn not_common() -> Refused {
    Refused::new(NOT_COMMON)
}

struct Checker {
    out: String,
    /// Blanks before a statement.
    indent: usize,
    /// The text's functions, with the fewest and most arguments of each.
    functions: BTreeMap<String, (usize, usize)>,
    /// Names that have a value somewhere, innermost scope last.
    scopes: Vec<BTreeSet<String>>,
}

impl Checker {
    fn new(body: &[&Stmt]) -> Outcome<Self> {
        let mut functions = BTreeMap::new();
        for stmt in body {
            let Stmt::Def(def) = stmt else { continue };
            let name = &def.name.node.ident;
            if functions.contains_key(name) {
                return Err(Refused(format!("the function `{name}` is defined twice")));
            }
            functions.insert(name.clone(), parameters(def)?);
        }
        let mut names = assigned(body);
        names.extend(GIVEN.map(str::to_owned));
        names.insert("result".to_owned());
        Ok(Self {
            out: format!("def {ENTRY}(log, context):\n result = False\n"),
            indent: 1,
            functions,
            scopes: vec![names],
        })
    }

    fn finish(mut self) -> String {
        self.out.push_str(" return result\n");
        self.out
    }

    /// Writes one line of the program.
    fn line(&mut self, text: &str) {
        self.out.extend(std::iter::repeat_n(' ', self.indent));
        self.out.push_str(text);
        self.out.push('\n');
    }

    // Statements.

    fn block(&mut self, body: &[&Stmt], depth: usize) -> Outcome<()> {
        for stmt in body {
            self.statement(stmt, depth + 1)?;
        }
        Ok(())
    }

    /// A block below a line that ends with a colon.
    fn suite(&mut self, stmt: &Stmt, depth: usize) -> Outcome<()> {
        self.indent += 1;
        self.block(&statements(stmt), depth)?;
        self.indent -= 1;
        Ok(())
    }

    fn statement(&mut self, stmt: &Stmt, depth: usize) -> Outcome<()> {
        if depth > MAX_NESTING {
            return Err(not_common());
        }
        match stmt {
            Stmt::Pass => self.line("pass"),
            Stmt::Break => self.line("break"),
            Stmt::Continue => self.line("continue"),
            Stmt::Expression(value) => {
                let value = self.expression(value, depth)?;
                self.line(&value);
            }
            Stmt::Return(None) => self.line("return"),
            Stmt::Return(Some(value)) => {
                let value = self.expression(value, depth)?;
                self.line(&format!("return {value}"));
            }
            Stmt::If(test, body) => {
                let test = self.expression(test, depth)?;
                self.line(&format!("if {test}:"));
                self.suite(body, depth)?;
            }
            Stmt::IfElse(test, branches) => {
                let test = self.expression(test, depth)?;
                self.line(&format!("if {test}:"));
                self.suite(&branches.0, depth)?;
                self.line("else:");
                self.suite(&branches.1, depth)?;
            }
            Stmt::For(stmt) => self.loop_(stmt, depth)?,
            Stmt::Def(def) => self.function(def, depth)?,
            Stmt::Assign(assign) => self.assign(assign, depth)?,
            Stmt::AssignModify(target, operator, value) => {
                self.modify(target, *operator, value, depth)?;
            }
            Stmt::Statements(_) | Stmt::Load(_) => return Err(not_common()),
        }
        Ok(())
    }

    fn loop_(&mut self, stmt: &For, depth: usize) -> Outcome<()> {
        let over = self.iterable(&stmt.var, &stmt.over, depth)?;
        let target = self.target(&stmt.var)?;
        self.line(&format!("for {target} in {over}:"));
        self.suite(&stmt.body, depth)
    }

    fn function(&mut self, def: &Def, depth: usize) -> Outcome<()> {
        if depth > 1 {
            return Err(Refused::new(
                "a function is defined at the left margin, without decorators or types",
            ));
        }
        let body = statements(&def.body);
        let mut inside = assigned(&body);
        let mut written = Vec::new();
        for parameter in &def.params {
            let ParameterP::Normal(name, _, default) = &parameter.node else {
                return Err(not_common());
            };
            inside.insert(name.node.ident.clone());
            written.push(match default {
                Some(default) => format!("{}={}", name.node.ident, literal(default)?),
                None => name.node.ident.clone(),
            });
        }
        for name in &inside {
            self.check_assigned(name)?;
        }
        self.scopes.push(inside);
        let name = &def.name.node.ident;
        self.line(&format!("def {name}({}):", written.join(", ")));
        self.suite(&def.body, depth)?;
        self.scopes.pop();
        Ok(())
    }

    fn assign(&mut self, assign: &Assign, depth: usize) -> Outcome<()> {
        if let AssignTarget::Index(place) = &assign.lhs.node {
            let container = self.expression(&place.0, depth)?;
            let index = self.expression(&place.1, depth)?;
            let value = self.expression(&assign.rhs, depth)?;
            self.line(&format!("_set({container}, {index}, {value})"));
            return Ok(());
        }
        let mut value = self.expression(&assign.rhs, depth)?;
        let width = width(&assign.lhs);
        if width > 0 {
            value = format!("_unpack({value}, {width})");
        }
        let target = self.target(&assign.lhs)?;
        self.line(&format!("{target} = {value}"));
        Ok(())
    }

    fn modify(
        &mut self,
        target: &AssignTarget,
        operator: AssignOp,
        value: &Expr,
        depth: usize,
    ) -> Outcome<()> {
        let operation = match operator {
            AssignOp::Add => "iadd",
            AssignOp::Subtract => "sub",
            AssignOp::Multiply => "mul",
            AssignOp::Divide => "div",
            AssignOp::FloorDivide => "floordiv",
            AssignOp::Percent => "mod",
            _ => return Err(not_common()),
        };
        match target {
            AssignTarget::Identifier(name) => {
                let name = name.node.ident.as_str();
                self.check_assigned(name)?;
                let value = self.expression(value, depth)?;
                self.line(&format!("{name} = _{operation}({name}, {value})"));
            }
            AssignTarget::Index(place) => {
                let container = self.expression(&place.0, depth)?;
                let index = self.expression(&place.1, depth)?;
                let value = self.expression(value, depth)?;
                let line = format!("_update(\"{operation}\", {container}, {index}, {value})");
                self.line(&line);
            }
            _ => return Err(not_common()),
        }
        Ok(())
    }

    // What is assigned to.

    fn target(&self, target: &AssignTarget) -> Outcome<String> {
        let parts = parts(target);
        if parts.len() < width(target) {
            return Err(not_common());
        }
        let names: Option<Vec<&str>> = parts.iter().map(|part| name_of(part)).collect();
        let names = names.ok_or_else(not_common)?;
        for name in &names {
            self.check_assigned(name)?;
        }
        Ok(names.join(", "))
    }

    fn check_assigned(&self, name: &str) -> Outcome<()> {
        let taken = GIVEN.contains(&name)
            || argument_counts(name).is_some()
            || self.functions.contains_key(name);
        if taken {
            return Err(cannot_be_set(name));
        }
        Ok(())
    }

    /// What a loop goes through, with the number of names it sets at once.
    fn iterable(&mut self, target: &AssignTarget, over: &Expr, depth: usize) -> Outcome<String> {
        let over = self.expression(over, depth)?;
        Ok(format!("_iter({over}, {})", width(target)))
    }

    // Expressions.

    fn expression(&mut self, expr: &Expr, depth: usize) -> Outcome<String> {
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

    fn all(
        &mut self,
        items: &[starlark::syntax::ast::AstExpr],
        depth: usize,
    ) -> Outcome<Vec<String>> {
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
                    written.push_str(&format!(" for {target} in {over}"));
                }
                Clause::If(test) => {
                    let test = self.expression(test, depth)?;
                    written.push_str(&format!(" if {test}"));
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
        let mut written = |checker: &mut Self, first: String| -> Outcome<String> {
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

fn cannot_be_set(name: &str) -> Refused {
    Refused(format!("`{name}` cannot be set"))
}

/// The fewest and most arguments of a function.
fn parameters(def: &Def) -> Outcome<(usize, usize)> {
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
fn literal(expr: &Expr) -> Outcome<String> {
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

fn quoted(text: &str) -> String {
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
fn statements(stmt: &Stmt) -> Vec<&Stmt> {
    match stmt {
        Stmt::Statements(several) => several.iter().flat_map(|one| statements(one)).collect(),
        one => vec![one],
    }
}

fn parts(target: &AssignTarget) -> Vec<&AssignTarget> {
    match target {
        AssignTarget::Tuple(parts) => parts.iter().map(|part| &part.node).collect(),
        one => vec![one],
    }
}

/// How many values a target takes apart, at least two; 0 for one that takes the
/// whole.
fn width(target: &AssignTarget) -> usize {
    match target {
        AssignTarget::Tuple(parts) => parts.len().max(2),
        _ => 0,
    }
}

fn name_of(target: &AssignTarget) -> Option<&str> {
    match target {
        AssignTarget::Identifier(name) => Some(&name.node.ident),
        _ => None,
    }
}

fn names_of(target: &AssignTarget) -> BTreeSet<String> {
    let parts = parts(target);
    let names = parts.into_iter().filter_map(name_of);
    names.map(str::to_owned).collect()
}

/// The names that statements set in their own scope, functions left out.
fn assigned(body: &[&Stmt]) -> BTreeSet<String> {
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
