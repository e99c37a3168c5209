//! The names that a written condition can reach: the operations, and nothing else.
//! No file, no network, no clock, no `print`.

use std::cmp::Ordering;
use std::sync::LazyLock;

use starlark::environment::{Globals, GlobalsBuilder};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value;
use starlark::values::none::NoneType;
use starlark::values::tuple::UnpackTuple;

use super::methods;
use super::operations::{Place, parts};
use super::work::{Refused, Work};

/// Built once: it is the same for every condition.
pub(super) static GLOBALS: LazyLock<Globals> = LazyLock::new(|| {
    let mut builder = GlobalsBuilder::new();
    builder.set("None", NoneType);
    builder.set("True", true);
    builder.set("False", false);
    builder.with(operations).build()
});

/// Where operations of this run make values, and what pays for them.
fn place<'a, 'v>(eval: &Evaluator<'v, 'a, '_>) -> starlark::Result<Place<'a, 'v>> {
    let work = eval.extra.and_then(|extra| extra.downcast_ref::<Work>());
    let work = work.ok_or_else(|| starlark::Error::new_native(Refused::new("no work to spend")))?;
    Ok(Place {
        heap: eval.heap(),
        work,
    })
}

fn native(refused: Refused) -> starlark::Error {
    starlark::Error::new_native(refused)
}

#[starlark_module]
fn operations(builder: &mut GlobalsBuilder) {
    fn _add<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.add(left, right).map_err(native)
    }

    /// `left += right`, which changes a list in its place.
    fn _iadd<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let place = place(eval)?;
        methods::extend_or_add(place, left, right, eval).map_err(native)
    }

    fn _sub<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.sub(left, right).map_err(native)
    }

    fn _mul<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.mul(left, right).map_err(native)
    }

    fn _div<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.div(left, right).map_err(native)
    }

    fn _floordiv<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.whole("//", left, right).map_err(native)
    }

    fn _mod<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.whole("%", left, right).map_err(native)
    }

    fn _neg<'v>(
        #[starlark(require = pos)] value: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.neg(value).map_err(native)
    }

    fn _eq<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        place(eval)?.eq(left, right, 0).map_err(native)
    }

    fn _ne<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        let equal = place(eval)?.eq(left, right, 0).map_err(native)?;
        Ok(!equal)
    }

    fn _lt<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        let order = place(eval)?.order("<", left, right).map_err(native)?;
        Ok(order == Ordering::Less)
    }

    fn _le<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        let order = place(eval)?.order("<=", left, right).map_err(native)?;
        Ok(order != Ordering::Greater)
    }

    fn _gt<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        let order = place(eval)?.order(">", left, right).map_err(native)?;
        Ok(order == Ordering::Greater)
    }

    fn _ge<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        let order = place(eval)?.order(">=", left, right).map_err(native)?;
        Ok(order != Ordering::Less)
    }

    fn _contains<'v>(
        #[starlark(require = pos)] item: Value<'v>,
        #[starlark(require = pos)] container: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        place(eval)?.contains(item, container).map_err(native)
    }

    fn _lacks<'v>(
        #[starlark(require = pos)] item: Value<'v>,
        #[starlark(require = pos)] container: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<bool> {
        let found = place(eval)?.contains(item, container).map_err(native)?;
        Ok(!found)
    }

    fn _item<'v>(
        #[starlark(require = pos)] container: Value<'v>,
        #[starlark(require = pos)] index: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.item(container, index).map_err(native)
    }

    fn _slice<'v>(
        #[starlark(require = pos)] container: Value<'v>,
        #[starlark(require = pos)] start: Value<'v>,
        #[starlark(require = pos)] stop: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.slice(container, start, stop).map_err(native)
    }

    fn _set<'v>(
        #[starlark(require = pos)] container: Value<'v>,
        #[starlark(require = pos)] index: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let set = place(eval)?.set(container, index, value);
        set.map_err(native).map(|()| NoneType)
    }

    /// `container[index] += value` and the like.
    fn _update<'v>(
        #[starlark(require = pos)] operator: &str,
        #[starlark(require = pos)] container: Value<'v>,
        #[starlark(require = pos)] index: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let place = place(eval)?;
        let old = place.item(container, index).map_err(native)?;
        let new = match operator {
            "iadd" => methods::extend_or_add(place, old, value, eval),
            "sub" => place.sub(old, value),
            "mul" => place.mul(old, value),
            "div" => place.div(old, value),
            "floordiv" => place.whole("//", old, value),
            _ => place.whole("%", old, value),
        };
        let set = place.set(container, index, new.map_err(native)?);
        set.map_err(native).map(|()| NoneType)
    }

    fn _dict<'v>(
        #[starlark(require = pos)] flat: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let flat = super::json::items_of(flat).unwrap_or_default();
        place(eval)?.dict(flat).map_err(native)
    }

    fn _key<'v>(
        #[starlark(require = pos)] key: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.key(key).map_err(native)?;
        Ok(key)
    }

    fn _iter<'v>(
        #[starlark(require = pos)] value: Value<'v>,
        #[starlark(require = pos)] width: i32,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.turns(value, width).map_err(native)
    }

    fn _unpack<'v>(
        #[starlark(require = pos)] value: Value<'v>,
        #[starlark(require = pos)] width: i32,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let place = place(eval)?;
        place.work.pay(1).map_err(native)?;
        parts(value, width).map_err(native)
    }

    fn _builtin<'v>(
        #[starlark(require = pos)] name: &str,
        #[starlark(args)] arguments: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        place(eval)?.builtin(name, &arguments.items).map_err(native)
    }

    fn _method<'v>(
        #[starlark(require = pos)] name: &str,
        #[starlark(require = pos)] value: Value<'v>,
        #[starlark(args)] arguments: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let place = place(eval)?;
        methods::call(place, name, value, &arguments.items, eval).map_err(native)
    }

    /// A call of one of the condition's own functions.
    fn _call<'v>(
        #[starlark(require = pos)] function: Value<'v>,
        #[starlark(args)] arguments: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let place = place(eval)?;
        place.work.enter().map_err(native)?;
        let result = eval.eval_function(function, &arguments.items, &[])?;
        place.work.leave();
        Ok(result)
    }
}
