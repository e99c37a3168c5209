//! Conditions compiled once: text → checked and rewritten Starlark → frozen
//! program, kept in a bounded cache; and one run of it within its bounds.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use moka::sync::Cache;
use rustix::time::{ClockId, clock_gettime};
use starlark::ErrorKind;
use starlark::environment::Module;
use starlark::eval::Evaluator;
use starlark::syntax::AstModule;
use starlark::values::OwnedFrozenValue;

use super::check::{self, ENTRY};
use super::globals::GLOBALS;
use super::json::Json;
use super::work::{MAX_CALLS, Outcome, Refused, WORK, Work};

/// How many compiled texts are kept, refused ones among them.
const MAX_KEPT: u64 = 1024;

/// The stack of the thread that compiles: a text may nest more than a worker's
/// stack would bear.
const COMPILER_STACK: usize = 64 << 20;

/// Bounds behind the budget of work, which is what ends a condition.
const MAX_HEAP: usize = 256 << 20;
/// Of the thread's CPU time: a machine that pauses is no fault of a condition's.
const MAX_TIME: Duration = Duration::from_secs(5);
/// Each call of a condition's own takes two frames: the operation and the function.
const MAX_FRAMES: usize = 3 * MAX_CALLS as usize;

/// A condition that is ready to run, on any thread.
#[derive(Debug, Clone)]
pub(super) struct Program {
    entry: OwnedFrozenValue,
    weight: i64,
}

/// The programs of the texts that were asked for last.
#[derive(Debug, Clone)]
pub(super) struct Programs(Cache<Arc<str>, Result<Program, Refused>>);

impl Programs {
    pub(super) fn new() -> Self {
        Self(Cache::new(MAX_KEPT))
    }

    /// The program of a text. Many who ask for a new one at a time wait for one
    /// compilation.
    pub(super) fn get(&self, text: &str) -> Outcome<Program> {
        match self.0.get(text) {
            Some(found) => found,
            None => self.0.get_with(Arc::from(text), || compile(text)),
        }
    }
}

/// Compiles on a thread with enough stack, and gives up on a text that still fails.
fn compile(text: &str) -> Result<Program, Refused> {
    let text = text.to_owned();
    let compiler = thread::Builder::new()
        .name("condition".to_owned())
        .stack_size(COMPILER_STACK)
        .spawn(move || compile_here(&text));
    let unable = || Refused::new("the text cannot be compiled");
    let compiler = compiler.map_err(|_| unable())?;
    compiler.join().map_err(|_| unable())?
}

fn compile_here(text: &str) -> Outcome<Program> {
    let source = check::rewrite(text)?;
    // What is refused below is refused by Python's compiler too.
    let not_common = |_| Refused::new("the text is no program of the condition language");
    let ast = AstModule::parse("condition", source, &check::dialect()).map_err(not_common)?;
    let module = Module::with_temp_heap(|module| {
        Evaluator::new(&module).eval_module(ast, &GLOBALS)?;
        module.freeze().map_err(starlark::Error::from)
    });
    let module = module.map_err(not_common)?;
    let entry = module.get_any_visibility(ENTRY);
    let (entry, _) = entry.map_err(|_| Refused::new("the text cannot be compiled"))?;
    Ok(Program {
        entry,
        weight: 1 + (text.chars().count() / 64) as i64,
    })
}

impl Program {
    /// Whether the condition holds, and the context after it.
    pub(super) fn run(&self, log: &Json, context: &Json) -> Outcome<(bool, Json)> {
        let work = Work::new(WORK, self.weight);
        Module::with_temp_heap(|module| {
            let heap = module.heap();
            let log = log.import(heap, &work)?;
            let context = context.import(heap, &work)?;
            let result = {
                let mut eval = Evaluator::new(&module);
                eval.extra = Some(&work);
                bound(&mut eval)?;
                let entry = heap.access_owned_frozen_value(&self.entry);
                let result = eval.eval_function(entry, &[log, context], &[]);
                result.map_err(|error| refused(error, &work))?
            };
            Ok((result.to_bool(), Json::export(context, &work, 0)?))
        })
    }
}

/// Bounds of Starlark's own, behind the budget of work.
fn bound(eval: &mut Evaluator<'_, '_, '_>) -> Outcome<()> {
    let deadline = cpu_time() + MAX_TIME;
    eval.set_check_cancelled(Box::new(move || cpu_time() > deadline));
    let set = eval
        .set_max_heap_size(MAX_HEAP)
        .and_then(|()| eval.set_max_callstack_size(MAX_FRAMES));
    set.map_err(|error| Refused(error.to_string()))
}

/// CPU time that this thread has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Why a condition ended early, in the words that Python has for it.
fn refused(error: starlark::Error, work: &Work) -> Refused {
    match error.into_kind() {
        ErrorKind::StackOverflow(_) => Work::too_many_calls(),
        ErrorKind::Native(error) | ErrorKind::Other(error) => match error.downcast::<Refused>() {
            Ok(refused) => refused,
            Err(error) => other(&error.to_string(), work),
        },
        kind => other(&kind.to_string(), work),
    }
}

fn other(message: &str, work: &Work) -> Refused {
    if message.contains("referenced before assignment") {
        return Refused::new("a variable is read before it has a value");
    }
    // What is left are Starlark's own bounds, which the budget comes before.
    let spent = WORK - work.left();
    Refused(format!(
        "the condition takes more time or memory than its bound ({spent} units of work: {message})"
    ))
}
