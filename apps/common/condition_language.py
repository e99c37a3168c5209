"""What a condition's text may say, and how it is made safe to run.

A text is read three times: as tokens (`check_tokens`), since Python's and
Starlark's spellings differ; as a tree (`Checker`), of which only what both
languages mean alike is let through; and rewritten, so that each operator, index,
loop and call goes through the operations of `condition_guard.Guard`. The native
twin does the same with Starlark. `docs/workloads.md` defines the language.

Runs on CPython 3.6 and newer, whose trees differ in small ways.
"""

import ast
import marshal
import re
import threading

from condition_functions import BUILTIN_ARGUMENTS, METHODS
from condition_guard import INT_MAX, Refused
from condition_runtime import function_of

# Characters of a text.
MAX_TEXT = 4096

# Brackets within brackets, and tree nodes within nodes.
MAX_BRACKETS = 32
MAX_NESTING = 64

# How many checked texts are kept.
MAX_KEPT = 1024

TOKEN = re.compile(
    r"""
    (?P<space>[ ]+)
  | (?P<comment>\#[^\x00-\x08\x0a-\x1f]*)
  | (?P<newline>\n)
  | (?P<name>[A-Za-z][A-Za-z0-9_]*)
  | (?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?)?)
  | (?P<string>"(?:[^"\\\x00-\x1f]|\\[\\"'nrt])*"|'(?:[^'\\\x00-\x1f]|\\[\\"'nrt])*')
  | (?P<operator>//=|==|!=|<=|>=|\+=|-=|\*=|/=|%=|//|[-+*/%<>=(){}\[\],:.;])
    """,
    re.VERBOSE,
)

# Words that either language keeps for something that the other has not.
RESERVED = frozenset(
    """as assert async await class del except finally from global import is lambda load
    nonlocal raise try while with yield exec print""".split()
)

# Operators that may stand before a value: they do not stack, so that no parser
# has to go deep.
UNARY = frozenset(("not", "-", "+"))

# What may not follow a comma outside brackets: Starlark has no `x = 1,`.
AFTER_A_TUPLE = frozenset(("=", ";", ":", "in"))

BUILTIN_NAMES = frozenset(BUILTIN_ARGUMENTS)
GIVEN_NAMES = frozenset(("log", "context"))

# By method: fewest and most arguments over all types that have it.
METHOD_ARGUMENTS = {}
for _methods in METHODS.values():
    for _name, (_, _least, _most) in _methods.items():
        _had = METHOD_ARGUMENTS.get(_name, (_least, _most))
        METHOD_ARGUMENTS[_name] = (min(_least, _had[0]), max(_most, _had[1]))

NOT_COMMON = "the text is no program of the condition language"

BINARY = {
    "Add": "add",
    "Sub": "sub",
    "Mult": "mul",
    "Div": "div",
    "FloorDiv": "floordiv",
    "Mod": "mod",
}
COMPARISONS = {
    "Eq": "eq",
    "NotEq": "ne",
    "Lt": "lt",
    "LtE": "le",
    "Gt": "gt",
    "GtE": "ge",
    "In": "contains",
    "NotIn": "lacks",
}

# The name of the guard inside a rewritten condition; no text can spell it.
GUARD = "_b"

FRAME = "def _condition(_b, log, context):\n    result = False\n    return result\n"


def check_tokens(text):
    """Refuses a spelling that the two languages do not share, naming its line."""
    if len(text) > MAX_TEXT:
        raise Refused("a text of more than %d characters" % MAX_TEXT)
    line, place, depth = 1, 0, 0
    last, last_kind, glued = "", "", False
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise token_refused(line, text[place])
        token, kind = match.group(), match.lastgroup
        place = match.end()
        if last == "," and depth <= 0 and (kind == "newline" or token in AFTER_A_TUPLE):
            raise token_refused(line, last)
        if kind == "newline":
            line += 1
        if kind in ("space", "comment", "newline"):
            glued = False
            continue
        if kind == "name" and token in RESERVED:
            raise token_refused(line, token)
        if glued and last_kind != "operator" and kind != "operator":
            raise token_refused(line, token)
        if last_kind == "string" and kind == "string":
            raise token_refused(line, token)
        if last == "." and (kind != "name" or not glued):
            raise token_refused(line, token)
        if token == "." and last_kind == "number":
            raise token_refused(line, token)
        if token in UNARY and last in UNARY:
            raise token_refused(line, token)
        if kind == "operator" and token in "([{":
            depth += 1
            if depth > MAX_BRACKETS:
                raise Refused("brackets nested deeper than %d" % MAX_BRACKETS)
        elif kind == "operator" and token in ")]}":
            depth -= 1
        last, last_kind, glued = token, kind, True
    if last == "," and depth <= 0:
        raise token_refused(line, last)


def token_refused(line, token):
    """The error of a token that is not in the language."""
    return Refused("line %d: `%s` is not in the condition language" % (line, token))


def weight_of(text):
    """Units of work for one turn of a loop or one call: a longer text may hold
    more statements that are not counted themselves."""
    return 1 + len(text) // 64


def is_name(node):
    """Whether a node of the tree is a plain name."""
    return type(node).__name__ == "Name"


def constant_of(node):
    """(True, value) of a literal, whatever this version of Python calls it."""
    name = type(node).__name__
    if name in ("Constant", "NameConstant"):
        return True, node.value
    if name == "Num":
        return True, node.n
    if name == "Str":
        return True, node.s
    return False, None


class Checker(object):
    """Checks a tree and rewrites it, in one walk from left to right."""

    def __init__(self, body):
        self.functions = {}
        for node in body:
            if type(node).__name__ == "FunctionDef":
                if node.name in self.functions:
                    raise Refused("the function `%s` is defined twice" % node.name)
                self.functions[node.name] = self.parameters(node)
        # Names that have a value somewhere, innermost scope last.
        self.scopes = [assigned_names(body) | GIVEN_NAMES | {"result"}]
        self.in_function = False
        self.loops = 0

    # Statements.

    def block(self, body, depth):
        """Statements one after the other."""
        return [self.statement(node, depth + 1) for node in body]

    def statement(self, node, depth):
        """One statement, rewritten."""
        name = type(node).__name__
        rewrite = getattr(self, "statement_" + name, None)
        if rewrite is None or depth > MAX_NESTING:
            raise Refused(NOT_COMMON)
        return ast.copy_location(rewrite(node, depth), node)

    def statement_Pass(self, node, _depth):
        return node

    def statement_Break(self, node, _depth):
        if not self.loops:
            raise Refused(NOT_COMMON)
        return node

    statement_Continue = statement_Break

    def statement_Expr(self, node, depth):
        return ast.Expr(self.expression(node.value, depth))

    def statement_Return(self, node, depth):
        if not self.in_function:
            raise Refused(NOT_COMMON)
        value = node.value and self.expression(node.value, depth)
        return ast.Return(value)

    def statement_If(self, node, depth):
        test = self.expression(node.test, depth)
        return ast.If(test, self.block(node.body, depth), self.block(node.orelse, depth))

    def statement_For(self, node, depth):
        if node.orelse:
            raise Refused(NOT_COMMON)
        over = self.iterable(node.target, node.iter, depth)
        target = self.target(node.target)
        self.loops += 1
        body = self.block(node.body, depth)
        self.loops -= 1
        rewritten = ast.For(target, over, body, [])
        rewritten.type_comment = None
        return rewritten

    def statement_FunctionDef(self, node, depth):
        if depth > 1 or node.decorator_list or node.returns or getattr(node, "type_params", None):
            raise Refused("a function is defined at the left margin, without decorators or types")
        inside = assigned_names(node.body) | {argument.arg for argument in node.args.args}
        for name in sorted(inside):
            self.check_assigned(name)
        self.scopes.append(inside)
        self.in_function, loops, self.loops = True, self.loops, 0
        node.body = self.block(node.body, depth)
        self.in_function, self.loops = False, loops
        self.scopes.pop()
        return node

    def parameters(self, node):
        """The fewest and most arguments of a function."""
        given = node.args
        if given.vararg or given.kwarg or given.kwonlyargs or getattr(given, "posonlyargs", None):
            raise Refused("a function takes plain parameters only")
        if any(argument.annotation for argument in given.args):
            raise Refused("a function takes plain parameters only")
        for default in given.defaults:
            if not constant_of(default)[0]:
                raise Refused("a default is a literal")
            self.literal(default)
        if node.name in BUILTIN_NAMES | GIVEN_NAMES | {"result"}:
            raise Refused("`%s` cannot be set" % node.name)
        return len(given.args) - len(given.defaults), len(given.args)

    def statement_Assign(self, node, depth):
        if len(node.targets) != 1:
            raise Refused(NOT_COMMON)
        target = node.targets[0]
        kind = type(target).__name__
        if kind == "Subscript":
            container, index = self.place(target, depth)
            value = self.expression(node.value, depth)
            return ast.Expr(guarded("set", [container, index, value]))
        value = self.expression(node.value, depth)
        if width_of(target):
            value = guarded("unpack", [value, literal(width_of(target))])
        rewritten = ast.Assign([self.target(target)], value)
        rewritten.type_comment = None
        return rewritten

    def statement_AugAssign(self, node, depth):
        operation = BINARY.get(type(node.op).__name__)
        if operation is None:
            raise Refused(NOT_COMMON)
        operation = "iadd" if operation == "add" else operation
        if is_name(node.target):
            target = self.target(node.target)
            before = ast.Name(node.target.id, ast.Load())
            value = guarded(operation, [before, self.expression(node.value, depth)])
            rewritten = ast.Assign([target], value)
            rewritten.type_comment = None
            return rewritten
        if type(node.target).__name__ != "Subscript":
            raise Refused(NOT_COMMON)
        container, index = self.place(node.target, depth)
        value = self.expression(node.value, depth)
        return ast.Expr(guarded("update", [literal(operation), container, index, value]))

    # What is assigned to.

    def target(self, node):
        """A name, or several."""
        parts = parts_of(node)
        if len(parts) < width_of(node) or not all(is_name(part) for part in parts):
            raise Refused(NOT_COMMON)
        for part in parts:
            self.check_assigned(part.id)
        return node

    def check_assigned(self, name):
        """Refuses to give what the language names another meaning."""
        if name in BUILTIN_NAMES or name in GIVEN_NAMES or name in self.functions:
            raise Refused("`%s` cannot be set" % name)

    def place(self, node, depth):
        """container and index of container[index]."""
        index = index_of(node)
        if type(index).__name__ in ("Slice", "ExtSlice"):
            raise Refused(NOT_COMMON)
        return self.expression(node.value, depth), self.expression(index, depth)

    def iterable(self, target, node, depth):
        """What a loop goes through, with the number of names it sets at once."""
        return guarded("iter", [self.expression(node, depth), literal(width_of(target))])

    # Expressions.

    def expression(self, node, depth):
        """One expression, rewritten."""
        if depth >= MAX_NESTING:
            raise Refused("the text is nested deeper than %d" % MAX_NESTING)
        if constant_of(node)[0]:
            return self.literal(node)
        rewrite = getattr(self, "expression_" + type(node).__name__, None)
        if rewrite is None:
            raise Refused(NOT_COMMON)
        return ast.copy_location(rewrite(node, depth + 1), node)

    def literal(self, node):
        """A literal whose value fits."""
        value = constant_of(node)[1]
        if type(value) is int and value > INT_MAX:
            raise Refused("a number beyond 64 bits")
        if type(value) is float and value == float("inf"):
            raise Refused("a number that is not finite")
        if value is not None and type(value) not in (bool, int, float, str):
            raise Refused(NOT_COMMON)
        return node

    def expression_Name(self, node, _depth):
        if node.id in self.functions or node.id in BUILTIN_NAMES:
            raise Refused("the function `%s` can only be called" % node.id)
        if not any(node.id in scope for scope in self.scopes):
            raise Refused("the name `%s` is unknown" % node.id)
        return node

    def expression_BoolOp(self, node, depth):
        # Starlark's tree has two sides, with the first values deepest.
        count = len(node.values)
        deeper = [max(count - 1 - max(place, 1), 0) for place in range(count)]
        values = [self.expression(v, depth + more) for v, more in zip(node.values, deeper)]
        return ast.BoolOp(node.op, values)

    def expression_UnaryOp(self, node, depth):
        operator = type(node.op).__name__
        value = self.expression(node.operand, depth)
        if operator == "Not":
            return ast.UnaryOp(node.op, value)
        if operator == "USub":
            return guarded("neg", [value])
        raise Refused(NOT_COMMON)

    def expression_BinOp(self, node, depth):
        operation = BINARY.get(type(node.op).__name__)
        if operation is None:
            raise Refused(NOT_COMMON)
        left = self.expression(node.left, depth)
        return guarded(operation, [left, self.expression(node.right, depth)])

    def expression_Compare(self, node, depth):
        if len(node.ops) != 1:
            raise Refused(NOT_COMMON)
        operation = COMPARISONS.get(type(node.ops[0]).__name__)
        if operation is None:
            raise Refused(NOT_COMMON)
        left = self.expression(node.left, depth)
        return guarded(operation, [left, self.expression(node.comparators[0], depth)])

    def expression_IfExp(self, node, depth):
        test = self.expression(node.test, depth)
        body = self.expression(node.body, depth)
        return ast.IfExp(test, body, self.expression(node.orelse, depth))

    def expression_List(self, node, depth):
        return ast.List([self.expression(item, depth) for item in node.elts], ast.Load())

    def expression_Tuple(self, node, depth):
        return ast.Tuple([self.expression(item, depth) for item in node.elts], ast.Load())

    def expression_Dict(self, node, depth):
        flat = []
        for key, value in zip(node.keys, node.values):
            if key is None:
                raise Refused(NOT_COMMON)
            flat += [self.expression(key, depth), self.expression(value, depth)]
        return guarded("dict", [ast.List(flat, ast.Load())])

    def expression_ListComp(self, node, depth):
        clauses, count = self.clauses(node.generators, depth)
        element = self.expression(node.elt, depth)
        del self.scopes[len(self.scopes) - count :]
        return ast.ListComp(element, clauses)

    def expression_DictComp(self, node, depth):
        clauses, count = self.clauses(node.generators, depth)
        key = guarded("key", [self.expression(node.key, depth)])
        value = self.expression(node.value, depth)
        del self.scopes[len(self.scopes) - count :]
        return ast.DictComp(key, value, clauses)

    def clauses(self, generators, depth):
        """The loops of a comprehension; each adds a scope, which the caller takes away."""
        rewritten = []
        for generator in generators:
            if generator.is_async:
                raise Refused(NOT_COMMON)
            over = self.iterable(generator.target, generator.iter, depth)
            target = self.target(generator.target)
            self.scopes.append(names_of(generator.target))
            tests = [self.expression(test, depth) for test in generator.ifs]
            rewritten.append(ast.comprehension(target, over, tests, 0))
        return rewritten, len(rewritten)

    def expression_Subscript(self, node, depth):
        index = index_of(node)
        if type(index).__name__ == "Slice":
            if index.step is not None:
                raise Refused(NOT_COMMON)
            value = self.expression(node.value, depth)
            edges = [
                self.expression(edge, depth) if edge else literal(None)
                for edge in (index.lower, index.upper)
            ]
            return guarded("slice", [value] + edges)
        return guarded("item", list(self.place(node, depth)))

    def expression_Call(self, node, depth):
        if node.keywords or any(type(a).__name__ == "Starred" for a in node.args):
            raise Refused("a call takes plain arguments only")
        function = node.func
        if type(function).__name__ == "Attribute":
            self.check_count(METHOD_ARGUMENTS, "method", function.attr, len(node.args))
            value = self.expression(function.value, depth)
            arguments = [self.expression(argument, depth) for argument in node.args]
            return guarded("method", [literal(function.attr), value] + arguments)
        if not is_name(function):
            raise Refused(NOT_COMMON)
        builtin = function.id in BUILTIN_NAMES
        known = BUILTIN_ARGUMENTS if builtin else self.functions
        self.check_count(known, "function", function.id, len(node.args))
        arguments = [self.expression(argument, depth) for argument in node.args]
        if builtin:
            return guarded("builtin", [literal(function.id)] + arguments)
        return guarded("call", [ast.Name(function.id, ast.Load())] + arguments)

    def check_count(self, known, what, name, count):
        """Refuses a call of what is unknown, or with too few or many arguments."""
        if name not in known:
            raise Refused("the %s `%s` is unknown" % (what, name))
        least, most = known[name]
        if not least <= count <= most:
            raise Refused("the %s `%s` takes other arguments" % (what, name))


def index_of(node):
    """The index of a subscript; before 3.9 it is wrapped."""
    index = node.slice
    return index.value if type(index).__name__ == "Index" else index


def parts_of(target):
    """The targets in a target; Starlark's tree does not tell `a, b` from `[a, b]`."""
    return target.elts if type(target).__name__ in ("Tuple", "List") else [target]


def width_of(target):
    """How many values a target takes apart, at least two; 0 for one that takes the whole."""
    return max(len(target.elts), 2) if type(target).__name__ in ("Tuple", "List") else 0


def names_of(target):
    """The names that a target sets; anything else is refused when it is rewritten."""
    return {part.id for part in parts_of(target) if is_name(part)}


def assigned_names(body):
    """The names that statements set in their own scope, functions left out."""
    names = set()
    for node in body:
        kind = type(node).__name__
        if kind == "Assign":
            for target in node.targets:
                names |= names_of(target)
        elif kind == "AugAssign":
            names |= names_of(node.target)
        elif kind == "For":
            names |= names_of(node.target) | assigned_names(node.body)
        elif kind == "If":
            names |= assigned_names(node.body) | assigned_names(node.orelse)
    return names


def literal(value):
    """The tree of a literal."""
    return ast.parse(repr(value), mode="eval").body


def guarded(operation, arguments):
    """A call of the guard."""
    function = ast.Attribute(ast.Name(GUARD, ast.Load()), operation, ast.Load())
    return ast.Call(function, arguments, [])


class Condition(object):
    """A checked text, ready to be run here or sent to another interpreter."""

    __slots__ = ("code", "weight", "_function")

    def __init__(self, text):
        tree = rewritten(text)
        try:
            self.code = marshal.dumps(compile(tree, "<condition>", "exec"))
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            # Two parameters of one name, say.
            raise Refused(NOT_COMMON)
        self.weight = weight_of(text)
        self._function = None

    def function(self):
        """The condition as a function of this interpreter."""
        if self._function is None:
            self._function = function_of(marshal.loads(self.code))
        return self._function


def rewritten(text):
    """The guarded tree of a text."""
    check_tokens(text)
    try:
        body = ast.parse(text, "<condition>").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Refused(NOT_COMMON)
    tree = ast.parse(FRAME)
    frame = tree.body[0]
    try:
        frame.body[1:1] = Checker(body).block(body, 0)
    except RecursionError:
        raise Refused("the text is nested deeper than %d" % MAX_NESTING)
    return ast.fix_missing_locations(tree)


_kept = {}
_lock = threading.Lock()


def condition(text):
    """The checked condition of a text; raises Refused. Texts are kept, since the
    same few conditions come with every log."""
    found = _kept.get(text)
    if found is None:
        try:
            found = Condition(text)
        except Refused as error:
            found = error
        with _lock:
            if len(_kept) >= MAX_KEPT:
                _kept.pop(next(iter(_kept)))
            _kept[text] = found
    if isinstance(found, Refused):
        # A new one each time: a raised error grows by its traceback.
        raise Refused(str(found))
    return found
