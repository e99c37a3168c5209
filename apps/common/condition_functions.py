"""The functions of the conditions' language and the methods of its values, each of
which pays from the budget of the guard that it is called through.

The same names, results and prices as in the native twin; `docs/workloads.md` lists
them.
"""

from condition_guard import ASCII_DIGITS, Guard, Refused, is_number, kind, number

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


class Runtime(Guard):
    """Everything that a condition can reach: the guarded operations, and these
    functions and methods by their names."""

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
