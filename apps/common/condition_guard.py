"""What conditions of the `evaluate` workload may do while they run: operators,
indexes, loops and calls of their own functions.

A checked condition (see `condition_language`) has every operator, index, loop
and call replaced by a method of `Guard`, so that nothing it does is unbounded:
each operation pays from a budget of work for what it reads and makes, and no
value grows beyond a size. The native twin has the same operations at the same
prices, so both give up at the same point. `docs/workloads.md` defines them. The
language's own functions and methods are in `condition_functions`.
"""

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

    def items_of(self, name, value):
        """The items that a function goes through."""
        if type(value) not in (list, tuple):
            raise Refused("%s takes a list, not %s" % (name, kind(value)))
        self.spend(0, len(value))
        return value
