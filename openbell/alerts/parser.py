"""From an expression's text to its tree: a precedence-climbing parser that knows its own words and nothing else.

    condition  = condition ("and" | "or") condition | "not" condition | comparison | CROSSING "(" value "," value ")"
    comparison = value ("<" | "<=" | ">" | ">=" | "==" | "!=") value
    value      = value ("+" | "-" | "*" | "/") value | "-" value | NUMBER | FIELD | FUNCTION "(" value {"," value} ")"

Anything may stand in brackets; the usual precedence holds: * / before + -, then comparisons, not, and, or. It
runs nothing, looks nothing up outside of its own tables, and raises nothing but ExpressionError.
"""

import math
from collections.abc import Callable
from functools import lru_cache

from openbell.alerts.functions import CROSSINGS, FUNCTIONS, NAMES, SERIES, Function, Number
from openbell.alerts.tokens import WORDS, Token, tokens, wrong
from openbell.alerts.tree import Kind, Node
from openbell.errors import ExpressionError
from openbell.plugins import nearest

#: Brackets, calls and operators inside each other; a chain of ``and`` or of ``or`` counts as one.
MAX_DEPTH = 40
#: The most that a plan may look back.
MAX_BARS = 10_000

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
_POWERS = {"or": 1, "and": 2, **dict.fromkeys(_COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6}
_NOT, _MINUS = 3, 7


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The condition that a text states; an ExpressionError says what is wrong and shows where."""
    parser = _Parser(text)
    tree = parser.expression(0, 1)
    if parser.next.kind != "end":
        raise parser.unexpected()
    if tree.kind is not Kind.TRUTH:
        raise wrong(text, tree.start, f"this is {tree.kind}, not a condition: compare it with something")
    return tree


class _Parser:
    """The text and how far it was read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._at]

    def expression(self, power: int, level: int) -> Node:
        """What follows, up to an operator that binds no stronger than ``power``."""
        if level > MAX_DEPTH:
            raise self._error(self.next.start, f"the expression is nested deeper than {MAX_DEPTH}")
        left = self._operand(level)
        while self.next.kind == "sign" and _POWERS.get(self.next.text, 0) > power:
            sign = self._take()
            right = self.expression(_POWERS[sign.text], level + 1)
            left = self._joined(sign, left, right)
            if sign.text in _COMPARISONS and self.next.text in _COMPARISONS:
                raise self._error(self.next.start, "comparisons do not chain: write a < b and b < c")
        return left

    # --- operands --------------------------------------------------------------------------------------------

    def _operand(self, level: int) -> Node:
        token = self.next
        if token.kind not in ("number", "name") and token.text not in ("(", "-", "not"):
            raise self.unexpected()
        self._take()
        if token.kind == "number":
            return self._number(token.start, token.stop, float(token.text))
        if token.kind == "name":
            return self._call(token, level) if self.next.text == "(" else self._field(token)
        if token.text == "(":
            inner = self.expression(0, level + 1)
            self._expect(")", token)
            return inner
        if token.text == "-":
            return self._negative(token, self.expression(_MINUS, level + 1))
        operand = self._needs(Kind.TRUTH, self.expression(_NOT, level + 1), "not")
        return self._node("not", Kind.TRUTH, (operand,), start=token.start)

    def _field(self, token: Token) -> Node:
        if token.text in SERIES:
            return Node(token.text, Kind.SERIES, start=token.start, stop=token.stop)
        if token.text in NAMES:
            raise self._error(token.stop, f"{token.text} is a function: write {_call_of(token.text)}")
        known = dict.fromkeys((*SERIES, *NAMES, *WORDS))
        hint = nearest(token.text.lower(), known) or f"; there are {', '.join(SERIES)} and the functions"
        raise self._error(token.start, f"unknown name {token.text[:30]!r}{hint}")

    def _call(self, token: Token, level: int) -> Node:
        opening = self._take()
        if token.text not in NAMES:
            hint = nearest(token.text.lower(), dict.fromkeys(NAMES)) or f"; there are {', '.join(sorted(NAMES))}"
            raise self._error(token.start, f"unknown function {token.text[:30]!r}{hint}")
        args: list[Node] = []
        while self.next.text != ")":
            if args:
                self._expect(",", opening)
            args.append(self.expression(0, level + 1))
        self._take()
        if token.text in CROSSINGS:
            return self._crossing(token, args)
        return self._function(token, FUNCTIONS[token.text], args)

    def _crossing(self, token: Token, args: list[Node]) -> Node:
        if len(args) != 2:
            raise self._error(token.start, f"{_call_of(token.text)} takes 2 arguments, got {len(args)}")
        self._compared(token, *args)
        return self._node(token.text, Kind.TRUTH, tuple(args), before=1, start=token.start)

    def _function(self, token: Token, function: Function, given: list[Node]) -> Node:
        args = given
        if function.default and len(given) == len(function.numbers):
            stand_in = Node(function.default, Kind.SERIES, start=token.start, stop=token.start)
            args = [stand_in, *given]
        wanted = len(function.series) + len(function.numbers)
        if len(args) != wanted:
            takes = f"{wanted - 1} or {wanted}" if function.default else str(wanted)
            plural = "" if takes == "1" else "s"
            written = f"{_call_of(token.text)} takes {takes} argument{plural}, got {len(given)}"
            raise self._error(token.start, written)
        series = [self._series(token, function, arg) for arg in args[: len(function.series)]]
        if series and not any(arg.kind is Kind.SERIES for arg in series):
            raise self._error(series[0].start, f"{token.text} needs a series such as close, and got numbers only")
        numbers = zip(function.numbers, args[len(function.series) :], strict=True)
        params = tuple(self._param(token, number, arg) for number, arg in numbers)
        inputs = tuple(Node(name, Kind.SERIES) for name in function.inputs)
        return self._node(
            token.text, Kind.SERIES, (*series, *inputs), params, before=function.before(params), start=token.start
        )

    def _series(self, token: Token, function: Function, arg: Node) -> Node:
        if arg.kind is Kind.SERIES or (arg.kind is Kind.NUMBER and len(function.series) > 1):
            return arg
        raise self._error(arg.start, f"{token.text} needs a series such as close here, not {arg.kind}")

    def _param(self, token: Token, number: Number, arg: Node) -> float:
        what = f"{number.name} of {token.text}"
        if arg.op != "number":
            raise self._error(arg.start, f"{what} must be written as a number, not as {arg.kind}")
        value = arg.params[0]
        if number.whole and not value.is_integer():
            raise self._error(arg.start, f"{what} must be a whole number, got {value:g}")
        if not number.low <= value <= number.high:
            side = f"below {number.low:g}" if value < number.low else f"above {number.high:g}"
            raise self._error(arg.start, f"{what} is {value:g}, {side}")
        return value

    # --- operators -------------------------------------------------------------------------------------------

    def _joined(self, sign: Token, left: Node, right: Node) -> Node:
        if sign.text in ("and", "or"):
            self._needs(Kind.TRUTH, left, sign.text)
            self._needs(Kind.TRUTH, right, sign.text)
            chained = left.args if left.op == sign.text else (left,)
            return self._node(sign.text, Kind.TRUTH, (*chained, right), start=left.start)
        if sign.text in _COMPARISONS:
            self._compared(sign, left, right)
            return self._node(sign.text, Kind.TRUTH, (left, right), start=left.start)
        return self._arithmetic(sign, left, right)

    def _compared(self, sign: Token, left: Node, right: Node) -> None:
        for side in (left, right):
            if side.kind is Kind.TRUTH:
                raise self._error(side.start, f"{sign.text} compares numbers, and this is {side.kind}")
        if left.kind is Kind.NUMBER and right.kind is Kind.NUMBER:
            raise self._error(sign.start, f"{sign.text} compares two numbers: that never changes")
        if left == right:
            raise self._error(sign.start, f"{sign.text} compares something with itself: that never changes")

    def _arithmetic(self, sign: Token, left: Node, right: Node) -> Node:
        for side in (left, right):
            if side.kind is Kind.TRUTH:
                raise self._error(side.start, f"{sign.text} needs numbers, and this is {side.kind}")
        if sign.text == "/" and right.op == "number" and right.params[0] == 0:
            raise self._error(sign.start, "this divides by 0")
        if left.kind is Kind.SERIES or right.kind is Kind.SERIES:
            return self._node(sign.text, Kind.SERIES, (left, right), start=left.start)
        value = _ARITHMETIC[sign.text](left.params[0], right.params[0])
        return self._number(left.start, self._tokens[self._at - 1].stop, value)

    def _negative(self, sign: Token, operand: Node) -> Node:
        if operand.kind is Kind.TRUTH:
            raise self._error(operand.start, f"- needs a number, and this is {operand.kind}; did you mean 'not'?")
        if operand.kind is Kind.NUMBER:
            return self._number(sign.start, operand.stop, -operand.params[0])
        return self._node("neg", Kind.SERIES, (operand,), start=sign.start)

    def _needs(self, kind: Kind, node: Node, sign: str) -> Node:
        if node.kind is not kind:
            raise self._error(
                node.start, f"{sign} joins conditions, and this is {node.kind}: compare it with something"
            )
        return node

    # --- making nodes and errors -----------------------------------------------------------------------------

    def _number(self, start: int, stop: int, value: float) -> Node:
        if not math.isfinite(value):
            raise self._error(start, "this number is too large")
        return Node("number", Kind.NUMBER, params=(value + 0.0,), start=start, stop=stop)

    def _node(
        self,
        op: str,
        kind: Kind,
        args: tuple[Node, ...],
        params: tuple[float, ...] = (),
        *,
        before: int = 0,
        start: int,
    ) -> Node:
        depth = 1 + max(arg.depth for arg in args)
        bars = before + max(arg.bars for arg in args)
        if depth > MAX_DEPTH:
            raise self._error(start, f"the expression is nested deeper than {MAX_DEPTH}")
        if bars > MAX_BARS:
            raise self._error(start, f"this rests on {bars} bars, above the limit of {MAX_BARS}")
        return Node(op, kind, args, params, bars, depth, start, self._tokens[self._at - 1].stop)

    def _take(self) -> Token:
        token = self.next
        self._at += token.kind != "end"
        return token

    def _expect(self, sign: str, opening: Token) -> None:
        if self.next.kind == "end":
            raise self._error(opening.start, "this bracket is never closed")
        if self.next.text != sign:
            raise self.unexpected()
        self._take()

    def unexpected(self) -> ExpressionError:
        """What comes next cannot stand there."""
        token = self.next
        if token.kind == "end":
            early = "the expression ends too early" if self._at else "the expression is empty"
            return self._error(token.start, early)
        if token.kind == "strange":
            return self._error(token.start, f"{token.text!r} has no meaning here")
        hint = f"; did you mean {token.text.lower()!r}?" if token.text.lower() in WORDS - {token.text} else ""
        return self._error(token.start, f"{token.text[:30]!r} cannot stand here{hint}")

    def _error(self, position: int, what: str) -> ExpressionError:
        return wrong(self._text, position, what)


def _call_of(name: str) -> str:
    return FUNCTIONS[name].call(name) if name in FUNCTIONS else f"{name}(a, b)"
