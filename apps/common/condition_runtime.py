"""What conditions of the `evaluate` workload may do while they run.

A checked condition (see `condition_language`) has every operator, index, loop
and call replaced by a method of `Guard`, so that nothing it does is unbounded:
each operation pays from a budget of work for what it reads and makes, and no
value grows beyond a size. The native twin has the same operations at the same
prices, so both give up at the same point. `docs/workloads.md` defines them.

An interpreter that is spawned for one condition, or kept in a pool, runs this
module alone; it imports no more than that needs, since its start is what the
spawning mode costs.
"""

import marshal
import sys

# Units of work for one condition: an operation is one, 64 items read or 16 made
# are one more.
WORK = 200000
READ_PER_UNIT = 64
MADE_PER_UNIT = 16

# Characters of a text, or items of a list, that an operation may make.
MAX_SIZE = 1 << 20

# Calls of a condition's own functions within each other.
MAX_CALLS = 64

# Lists and dictionaries within each other.
MAX_DEPTH = 64

INT_MIN = -(1 << 63)
INT_MAX = (1 << 63) - 1

ASCII_DIGITS = frozenset("0123456789")

KINDS = {
    type(None): "None",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a tuple",
    dict: "a dictionary",
}


class Refused(Exception):
    """A condition did what it may not; the message is for its author."""


def kind(value):
    """What a value is, in words."""
    return KINDS.get(type(value), "no value")


def is_number(value):
    """Booleans are no numbers here, since Starlark's are none."""
    return type(value) is int or type(value) is float


def number(value):
    """The result of arithmetic, where it fits."""
    if type(value) is int:
        if not INT_MIN <= value <= INT_MAX:
            raise Refused("a number beyond 64 bits")
    elif value != value or value in (float("inf"), float("-inf")):
        raise Refused("a number that is not finite")
    return value


def check_text(value):
    """A text that is Unicode: JSON can escape half of a pair, which is none."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("text that is not Unicode")
    return value


class Guard(object):
    """The operations of one run of one condition, and the work it has left."""

    __slots__ = ("left", "work", "weight", "calls")

    def __init__(self, weight, work=WORK):
        self.work = work
        self.left = work
        # What one turn of a loop costs: statements between guarded operations
        # are not counted one by one, and a longer text can hold more of them.
        self.weight = weight
        self.calls = 0

    def spend(self, read, made=0):
        """Pays for one operation that reads and makes so many items."""
        self.fits(made)
        self.pay(1 + read // READ_PER_UNIT + made // MADE_PER_UNIT)

    @staticmethod
    def fits(size):
        """Refuses a value that is too large."""
        if size > MAX_SIZE:
            raise Refused("a value of more than %d items" % MAX_SIZE)

    def pay(self, units):
        """Pays units of work."""
        self.left -= units
        if self.left < 0:
            raise Refused("the condition takes more than its %d units of work" % self.work)

    # Values in and out.

    def plain(self, value, depth=0):
        """A copy of a value as JSON has it: what is no JSON is refused."""
        kind_of = type(value)
        if kind_of is str:
            self.spend(0, len(value))
            return check_text(value)
        self.pay(1)
        if kind_of is int or kind_of is float:
            return number(value)
        if value is None or kind_of is bool:
            return value
        if depth >= MAX_DEPTH:
            raise Refused("lists or dictionaries nested deeper than %d" % MAX_DEPTH)
        if kind_of is list or kind_of is tuple:
            return [self.plain(item, depth + 1) for item in value]
        if kind_of is dict:
            return {self.key(key): self.plain(item, depth + 1) for key, item in value.items()}
        raise Refused("a value that is no JSON")

    def key(self, key):
        """A key of a dictionary: text."""
        if type(key) is not str:
            raise Refused("a dictionary's keys are text, not %s" % kind(key))
        self.spend(len(key))
        return check_text(key)

    # Operators.

    def add(self, left, right):
        """left + right"""
        if is_number(left) and is_number(right):
            self.pay(1)
            return number(left + right)
        if type(left) is type(right) and type(left) in (str, list):
            self.spend(0, len(left) + len(right))
            return left + right
        raise self.no_operator("+", left, right)

    def iadd(self, left, right):
        """left += right, which changes a list in its place."""
        if type(left) is list and type(right) is list:
            self.spend(0, len(left) + len(right))
            left.extend(right)
            return left
        return self.add(left, right)

    def sub(self, left, right):
        """left - right"""
        self.numbers("-", left, right)
        return number(left - right)

    def mul(self, left, right):
        """left * right; text or a list times a number repeats it."""
        if type(right) in (str, list) and type(left) is int:
            left, right = right, left
        if type(left) in (str, list) and type(right) is int:
            self.spend(0, len(left) * max(right, 0))
            return left * right
        self.numbers("*", left, right)
        return number(left * right)

    def div(self, left, right):
        """left / right, always with fractions."""
        self.numbers("/", left, right)
        if right == 0:
            raise Refused("division by zero")
        return number(float(left) / float(right))

    def floordiv(self, left, right):
        """left // right of whole numbers, rounded down."""
        self.integers("//", left, right)
        return number(left // right)

    def mod(self, left, right):
        """left % right of whole numbers, with the sign of right."""
        self.integers("%", left, right)
        return number(left % right)

    def neg(self, value):
        """-value"""
        self.pay(1)
        if not is_number(value):
            raise Refused("- does not take %s" % kind(value))
        return number(-value)

    def numbers(self, operator, left, right):
        """Pays for an operation on two numbers and makes sure of them."""
        self.pay(1)
        if not (is_number(left) and is_number(right)):
            raise self.no_operator(operator, left, right)

    def integers(self, operator, left, right):
        """The same for whole numbers and a divisor."""
        self.numbers(operator, left, right)
        if type(left) is not int or type(right) is not int:
            raise Refused("%s takes whole numbers" % operator)
        if right == 0:
            raise Refused("division by zero")

    def no_operator(self, operator, left, right):
        """The error of an operator between such values."""
        return Refused("%s does not take %s and %s" % (operator, kind(left), kind(right)))

    # Comparisons.

    def eq(self, left, right, depth=0):
        """left == right, as deep as it goes."""
        if type(left) is str and type(right) is str:
            self.spend(min(len(left), len(right)))
            return left == right
        self.pay(1)
        kind_of = type(left)
        if kind_of is not type(right) or kind_of not in (list, tuple, dict):
            return left == right
        if depth >= MAX_DEPTH:
            raise Refused("lists or dictionaries nested deeper than %d" % MAX_DEPTH)
        if len(left) != len(right):
            return False
        if kind_of is dict:
            return all(
                key in right and self.eq(item, right[key], depth + 1) for key, item in left.items()
            )
        return all(self.eq(a, b, depth + 1) for a, b in zip(left, right))

    def ne(self, left, right):
        """left != right"""
        return not self.eq(left, right)

    def ordered(self, operator, left, right):
        """Makes sure that two values have an order, and pays for it."""
        if type(left) is str and type(right) is str:
            self.spend(min(len(left), len(right)))
        else:
            self.numbers(operator, left, right)

    def lt(self, left, right):
        """left < right"""
        self.ordered("<", left, right)
        return left < right

    def le(self, left, right):
        """left <= right"""
        self.ordered("<=", left, right)
        return left <= right

    def gt(self, left, right):
        """left > right"""
        self.ordered(">", left, right)
        return left > right

    def ge(self, left, right):
        """left >= right"""
        self.ordered(">=", left, right)
        return left >= right

    def search(self, text, part):
        """Pays for a search: old interpreters compare every place with every character."""
        if type(part) is not str:
            raise Refused("text is searched for text, not %s" % kind(part))
        read = (len(text) + len(part)) // READ_PER_UNIT
        self.pay(1 + read + len(text) * len(part) // 4096)

    def contains(self, item, container):
        """item in container"""
        if type(container) is str:
            self.search(container, item)
            return item in container
        if type(container) is dict:
            return self.key(item) in container
        if type(container) in (list, tuple):
            self.pay(1)
            return any(self.eq(item, other) for other in container)
        raise Refused("in does not take %s" % kind(container))

    def lacks(self, item, container):
        """item not in container"""
        return not self.contains(item, container)

    # Items.

    def position(self, container, index):
        """An index of a text, list or tuple that is there, from zero on."""
        if type(index) is not int:
            raise Refused("an index is a whole number, not %s" % kind(index))
        place = index + len(container) if index < 0 else index
        if not 0 <= place < len(container):
            raise Refused("no item at this index")
        return place

    def item(self, container, index):
        """container[index]"""
        if type(container) is dict:
            if self.key(index) not in container:
                raise Refused("no such key")
            return container[index]
        if type(container) is str:
            self.spend(len(container))
        elif type(container) in (list, tuple):
            self.pay(1)
        else:
            raise Refused("%s has no items" % kind(container))
        return container[self.position(container, index)]

    def slice(self, container, start, stop):
        """container[start:stop]"""
        for edge in (start, stop):
            if edge is not None and type(edge) is not int:
                raise Refused("an index is a whole number, not %s" % kind(edge))
        if type(container) not in (str, list):
            raise Refused("%s cannot be sliced" % kind(container))
        self.spend(0, len(container))
        return container[start:stop]

    def set(self, container, index, value):
        """container[index] = value"""
        if type(container) is dict:
            container[self.key(index)] = value
        elif type(container) is list:
            self.pay(1)
            container[self.position(container, index)] = value
        else:
            raise Refused("the items of %s cannot be set" % kind(container))

    def update(self, operator, container, index, value):
        """container[index] += value and the like."""
        self.set(container, index, getattr(self, operator)(self.item(container, index), value))

    def dict(self, flat):
        """{key: value, …}, from keys and values in turn; the last of equal keys wins."""
        made = {}
        for place in range(0, len(flat), 2):
            made[self.key(flat[place])] = flat[place + 1]
        return made

    # Loops and calls.

    def iter(self, value, width):
        """What a loop goes through: what the value holds as the loop begins. With a
        width, each item must have so many parts."""
        if type(value) not in (list, tuple, dict):
            raise Refused("%s cannot be gone through" % kind(value))
        self.pay(1 + len(value) * self.weight)
        items = list(value)
        if width:
            for item in items:
                self.parts(item, width)
        return items

    def parts(self, value, width):
        """A list or tuple of so many parts."""
        if type(value) not in (list, tuple) or len(value) != width:
            raise Refused("not %d parts" % width)
        return value

    def unpack(self, value, width):
        """a, b = value"""
        self.pay(1)
        return self.parts(value, width)

    def call(self, function, *arguments):
        """A call of one of the condition's own functions."""
        self.pay(self.weight)
        if self.calls >= MAX_CALLS:
            raise Refused("calls nested deeper than %d" % MAX_CALLS)
        self.calls += 1
        result = function(*arguments)
        self.calls -= 1
        return result

    def builtin(self, name, *arguments):
        """A call of one of the language's functions."""
        return BUILTINS[name](self, *arguments)

    def method(self, name, value, *arguments):
        """A call of a method of a text, list or dictionary."""
        methods = METHODS.get(type(value), {})
        if name not in methods:
            raise Refused("%s has no method %s" % (kind(value), name))
        function, least, most = methods[name]
        if not least <= len(arguments) <= most:
            raise Refused("%s of %s takes other arguments" % (name, kind(value)))
        return function(self, value, *arguments)

    def items_of(self, name, value):
        """The items that a function goes through."""
        if type(value) not in (list, tuple):
            raise Refused("%s takes a list, not %s" % (name, kind(value)))
        self.spend(0, len(value))
        return value


# Functions of the language.


def text_argument(name, value):
    """An argument that must be text."""
    if type(value) is not str:
        raise Refused("%s takes text, not %s" % (name, kind(value)))
    return value


def call_len(guard, value):
    if type(value) not in (str, list, tuple, dict):
        raise Refused("len does not take %s" % kind(value))
    guard.spend(len(value) if type(value) is str else 0)
    return len(value)


def call_str(guard, value):
    if type(value) in (list, tuple, dict):
        raise Refused("str does not take %s" % kind(value))
    guard.pay(1)
    return str(value)


def is_digits(text):
    return bool(text) and ASCII_DIGITS.issuperset(text)


def unsigned(digits):
    return digits[1:] if digits[:1] in ("+", "-") else digits


def call_int(guard, value):
    guard.pay(1)
    if type(value) is int:
        return value
    if type(value) is float:
        return number(int(value))
    digits = unsigned(text_argument("int", value))
    if len(digits) > 64 or not is_digits(digits):
        raise Refused("int needs a whole number")
    return number(int(value))


def call_float(guard, value):
    guard.pay(1)
    if is_number(value):
        return float(value)
    text_argument("float", value)
    mantissa, mark, exponent = value.replace("E", "e").partition("e")
    mantissa, exponent = unsigned(mantissa), unsigned(exponent) if mark else "0"
    whole, _, fraction = mantissa.partition(".")
    parts = (whole, fraction or "0", exponent)
    if len(value) > 64 or not all(is_digits(part) for part in parts):
        raise Refused("float needs a number")
    return number(float(value))


def call_bool(guard, value):
    guard.pay(1)
    return bool(value)


def call_abs(guard, value):
    guard.pay(1)
    if not is_number(value):
        raise Refused("abs does not take %s" % kind(value))
    return number(abs(value))


def comparable(guard, name, arguments):
    """Values that have one order: numbers, or texts."""
    values = arguments
    if len(arguments) == 1:
        values = guard.items_of(name, arguments[0])
    for value in values:
        if type(value) is str:
            guard.spend(len(value))
        else:
            guard.pay(1)
            if not is_number(value):
                raise Refused("%s takes numbers or texts, not %s" % (name, kind(value)))
        if is_number(value) != is_number(values[0]):
            raise Refused("%s takes numbers or texts, not both" % name)
    return values


def extreme(name, choose):
    def call(guard, *arguments):
        values = comparable(guard, name, arguments)
        if not values:
            raise Refused("%s of nothing" % name)
        return choose(values)

    return call


def call_sorted(guard, value):
    values = comparable(guard, "sorted", (value,))
    guard.pay(len(values))
    return sorted(values)


def call_sum(guard, value):
    total = 0
    for item in guard.items_of("sum", value):
        total = guard.add(total, item)
    return total


def call_range(guard, *edges):
    for edge in edges:
        if type(edge) is not int:
            raise Refused("range takes whole numbers, not %s" % kind(edge))
    start, stop = edges if len(edges) == 2 else (0, edges[0])
    guard.spend(0, max(stop - start, 0))
    return list(range(start, stop))


def call_any(guard, value):
    return any(guard.items_of("any", value))


def call_all(guard, value):
    return all(guard.items_of("all", value))


def call_enumerate(guard, value):
    return list(enumerate(guard.items_of("enumerate", value)))


def call_list(guard, value):
    if type(value) is dict:
        return dict_keys(guard, value)
    return list(guard.items_of("list", value))


# Each with the fewest and most arguments that it takes.
BUILTIN_ARGUMENTS = {
    "abs": (1, 1),
    "all": (1, 1),
    "any": (1, 1),
    "bool": (1, 1),
    "enumerate": (1, 1),
    "float": (1, 1),
    "int": (1, 1),
    "len": (1, 1),
    "list": (1, 1),
    "max": (1, 16),
    "min": (1, 16),
    "range": (1, 2),
    "sorted": (1, 1),
    "str": (1, 1),
    "sum": (1, 1),
}

BUILTINS = {
    "abs": call_abs,
    "all": call_all,
    "any": call_any,
    "bool": call_bool,
    "enumerate": call_enumerate,
    "float": call_float,
    "int": call_int,
    "len": call_len,
    "list": call_list,
    "max": extreme("max", max),
    "min": extreme("min", min),
    "range": call_range,
    "sorted": call_sorted,
    "str": call_str,
    "sum": call_sum,
}


# Methods of texts.


def whole_text(convert):
    """A method that makes a text from all of its text."""

    def call(guard, text):
        guard.spend(0, len(text))
        return convert(text)

    return call


def text_isdigit(guard, text):
    guard.spend(len(text))
    return is_digits(text)


def edge_of_text(name, test):
    def call(guard, text, part):
        guard.spend(len(text_argument(name, part)))
        return test(text, part)

    return call


def text_find(guard, text, part):
    guard.search(text, part)
    return text.find(part)


def text_count(guard, text, part):
    guard.search(text, part)
    return text.count(part)


def text_replace(guard, text, old, new):
    guard.search(text, old)
    text_argument("replace", new)
    if not old:
        raise Refused("replace needs a text to replace")
    size = len(text) + text.count(old) * (len(new) - len(old))
    guard.spend(0, max(size, 0))
    return text.replace(old, new)


def text_split(guard, text, separator=None):
    if separator is not None or type(separator) is str:
        guard.search(text, separator)
        if not separator:
            raise Refused("split needs a separator")
    guard.spend(0, len(text))
    parts = text.split(separator)
    guard.pay(len(parts))
    return parts


def text_join(guard, text, parts):
    size = 0
    for part in guard.items_of("join", parts):
        size += len(text_argument("join", part)) + len(text)
        guard.fits(size)
    guard.spend(0, size)
    return text.join(parts)


# Methods of lists.


def list_append(guard, items, item):
    guard.spend(0, 1)
    items.append(item)


def list_extend(guard, items, more):
    items.extend(guard.items_of("extend", more))


def list_pop(guard, items, index=-1):
    guard.spend(len(items))
    return items.pop(guard.position(items, index))


def list_index(guard, items, item):
    for place, other in enumerate(items):
        if guard.eq(item, other):
            return place
    raise Refused("no such item")


def list_count(guard, items, item):
    return sum(1 for other in items if guard.eq(item, other))


# Methods of dictionaries.


def dict_get(guard, items, key, default=None):
    return items.get(guard.key(key), default)


NOTHING = object()


def dict_pop(guard, items, key, default=NOTHING):
    guard.spend(len(items))
    if guard.key(key) in items:
        return items.pop(key)
    if default is NOTHING:
        raise Refused("no such key")
    return default


def dict_setdefault(guard, items, key, default):
    return items.setdefault(guard.key(key), default)


def dict_keys(guard, items):
    guard.spend(0, len(items))
    return list(items)


def dict_values(guard, items):
    guard.spend(0, len(items))
    return list(items.values())


def dict_items(guard, items):
    guard.spend(0, 2 * len(items))
    guard.pay(len(items))
    return list(items.items())


def dict_update(guard, items, more):
    if type(more) is not dict:
        raise Refused("update takes a dictionary, not %s" % kind(more))
    guard.spend(0, 2 * len(more))
    items.update(more)


# By type: name → function, fewest and most arguments.
METHODS = {
    str: {
        "lower": (whole_text(str.lower), 0, 0),
        "upper": (whole_text(str.upper), 0, 0),
        "strip": (whole_text(str.strip), 0, 0),
        "lstrip": (whole_text(str.lstrip), 0, 0),
        "rstrip": (whole_text(str.rstrip), 0, 0),
        "isdigit": (text_isdigit, 0, 0),
        "startswith": (edge_of_text("startswith", str.startswith), 1, 1),
        "endswith": (edge_of_text("endswith", str.endswith), 1, 1),
        "find": (text_find, 1, 1),
        "count": (text_count, 1, 1),
        "replace": (text_replace, 2, 2),
        "split": (text_split, 0, 1),
        "join": (text_join, 1, 1),
    },
    list: {
        "append": (list_append, 1, 1),
        "extend": (list_extend, 1, 1),
        "pop": (list_pop, 0, 1),
        "index": (list_index, 1, 1),
        "count": (list_count, 1, 1),
    },
    dict: {
        "get": (dict_get, 1, 2),
        "pop": (dict_pop, 1, 2),
        "setdefault": (dict_setdefault, 2, 2),
        "keys": (dict_keys, 0, 0),
        "values": (dict_values, 0, 0),
        "items": (dict_items, 0, 0),
        "update": (dict_update, 1, 1),
    },
}


def run(function, weight, log, context, work=WORK):
    """Runs a compiled condition on copies: whether it holds, and the context after it."""
    guard = Guard(weight, work)
    log, context = guard.plain(log), guard.plain(context)
    try:
        result = function(guard, log, context)
    except NameError:
        raise Refused("a variable is read before it has a value")
    except RecursionError:
        raise Refused("calls nested deeper than %d" % MAX_CALLS)
    except MemoryError:
        raise Refused("the condition takes more memory than its bound")
    return bool(result), guard.plain(context)


def function_of(code):
    """The function that a compiled condition defines; it can reach nothing but
    its arguments, since even the built-in names are not there."""
    names = {"__builtins__": {}}
    exec(code, names)
    return names["_condition"]


# An interpreter of its own for conditions.

# The length of a message comes first, in so many bytes.
LENGTH_BYTES = 4


def serve():
    """Answers conditions from standard input until it ends. The first message is
    the bounds of this interpreter: memory in bytes and CPU time in seconds for
    one condition, beyond which the kernel ends it."""
    import resource

    import _signal

    source, sink = sys.stdin.buffer, sys.stdout.buffer
    memory, seconds = marshal.loads(receive(source))
    # Nothing that a condition does may leave a file behind, nor start a process.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    functions = {}
    while True:
        message = receive(source)
        if message is None:
            return
        _signal.setitimer(_signal.ITIMER_PROF, seconds)
        answer = answer_of(marshal.loads(message), functions)
        _signal.setitimer(_signal.ITIMER_PROF, 0)
        # Plain literals, which the parent reads without trusting them.
        data = repr(answer).encode("utf-8")
        sink.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
        sink.flush()


def answer_of(message, functions):
    """What one message asks: (whether it holds, context) or (None, error)."""
    code, weight, log, context, work = message
    try:
        function = functions.get(code)
        if function is None:
            if len(functions) >= 256:
                functions.clear()
            function = functions[code] = function_of(marshal.loads(code))
        return run(function, weight, log, context, work)
    except Refused as error:
        return None, str(error)
    except MemoryError:
        return None, "the condition takes more memory than its bound"


def receive(source):
    """The next message, or None where the other side has gone."""
    head = source.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    data = source.read(int.from_bytes(head, "big"))
    return data
