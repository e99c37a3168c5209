//! What a condition's text may say, and how it is made safe to run: Starlark's
//! tree is checked and written anew, with each operator, index, loop and call
//! going through the operations of [`super::operations`]. The twin of `Checker` in
//! `apps/common/condition_language.py`.

mod expressions;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use starlark::syntax::ast::{
    AssignOp, AssignP, AssignTarget, AstNoPayload, DefP, Expr, ForP, ParameterP, Stmt,
};
use starlark::syntax::{AstModule, Dialect};

use self::tree::{assigned, cannot_be_set, literal, name_of, parameters, parts, statements, width};
use super::functions::argument_counts;
use super::tokens;
use super::work::{Outcome, Refused};

/// Tree nodes within nodes.
const MAX_NESTING: usize = 64;

const NOT_COMMON: &str = "the text is no program of the condition language";

/// Names that a text can read but not set.
const GIVEN: [&str; 2] = ["log", "context"];

/// The function that a written condition defines; no text can spell its name.
pub(super) const ENTRY: &str = "_condition";

type Def = DefP<AstNoPayload>;
type For = ForP<AstNoPayload>;
type Assign = AssignP<AstNoPayload>;

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
}
