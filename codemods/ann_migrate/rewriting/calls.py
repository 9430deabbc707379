"""Calls rewritten one expression at a time: LibCST takes the call apart, the parts keep their text, layout and
comments.

LibCST is imported when the first call is taken apart, so that a run without edits does not pay for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ann_migrate.rules import comment_lost, layout_lost
from ann_migrate.text.source import comments

LINE_LIMIT = 100
_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Argument:
    """An argument of a call as it stands in the source (the value with its own brackets)."""

    keyword: str | None
    value: str

    def __str__(self) -> str:
        return self.value if self.keyword is None else f"{self.keyword}={self.value}"


@dataclass(frozen=True)
class Call:
    """A call taken apart: ``receiver`` + ``access`` + ``gap`` + ``(`` + separators and arguments in turn + ``)``.

    ``separators`` has one item more than ``arguments``; they hold the commas, white space and comments.
    """

    receiver: str
    access: str
    gap: str
    arguments: tuple[Argument, ...]
    separators: tuple[str, ...]
    newline: str

    def __str__(self) -> str:
        inside = "".join(
            f"{separator}{argument}" for separator, argument in zip(self.separators, self.arguments, strict=False)
        )
        return f"{self.receiver}{self.access}{self.gap}({inside}{self.separators[-1]})"

    @property
    def has_comments(self) -> bool:
        return any("#" in separator for separator in self.separators)


@dataclass(frozen=True)
class New:
    """An argument of the new call: ``old`` is the number of the old argument that it carries (None: a new one),
    ``{}`` its text.
    """

    old: int | None
    keyword: str | None = None
    template: str = "{}"

    def text(self, call: Call) -> str:
        value = self.template if self.old is None else self.template.replace("{}", call.arguments[self.old].value)
        return value if self.keyword is None else f"{self.keyword}={value}"


@lru_cache(maxsize=32)
def parse_call(text: str) -> Call:
    """Take the call in ``text`` apart. (Several steps ask for the same call; the last ones are remembered.)

    Raises:
        Decline: LibCST does not print the slice back as it is.

    Example:
        >>> call = parse_call("loop.train(a, num_epochs = 3)")
        >>> call.receiver, call.access, [str(argument) for argument in call.arguments]
        ('loop', '.train', ['a', 'num_epochs=3'])
    """
    import libcst as cst

    match = _NEWLINE.search(text)
    newline = match.group() if match else "\n"
    module = cst.Module([], default_newline=newline)
    try:
        expression = cst.parse_expression(f"({text})")
    except cst.ParserSyntaxError as error:
        raise layout_lost.decline("LibCST cannot parse this call") from error
    if not isinstance(expression, cst.Call) or module.code_for_node(expression) != f"({text})":
        raise layout_lost.decline("the layout of this call cannot be kept (its line ends are mixed)")
    arguments: list[Argument] = []
    separators = [module.code_for_node(expression.whitespace_before_args)]
    for item in expression.args:
        bare = module.code_for_node(item.value)
        arguments.append(Argument(item.keyword.value if item.keyword else None, item.star + bare))
        comma = module.code_for_node(item.comma) if isinstance(item.comma, cst.Comma) else ""
        equal = "" if not isinstance(item.equal, cst.AssignEqual) else module.code_for_node(item.equal)
        if "#" in equal:
            raise comment_lost.decline(equal.strip("= \t\r\n"))
        separators.append(comma + module.code_for_node(item.whitespace_after_arg))
    receiver, access = "", module.code_for_node(expression.func)
    if isinstance(expression.func, cst.Attribute):
        receiver = module.code_for_node(expression.func.value)
        access = access[len(receiver) :]
    gap = module.code_for_node(expression.whitespace_after_func)
    return Call(receiver, access, gap, tuple(arguments), tuple(separators), newline)


# -- new calls in the layout of the old one ---------------------------------------------------------------------------


def rename_method(text: str, old: str, new: str, arguments: Sequence[New]) -> str:
    """``x.old(a, b)`` to ``x.new(...)`` in the layout of the old call.

    Example:
        >>> rename_method("loop.train(a, n)", "train", "fit", [New(0), New(1, "num_epochs", "{} or 3")])
        'loop.fit(a, num_epochs=n or 3)'
    """
    call = parse_call(text)
    access = call.access[: call.access.rindex(old)] + new
    return _checked(text, replace(call, access=access), arguments)


def method_to_function(text: str, function: str, arguments: Sequence[New]) -> str:
    """``x.method(a)`` to ``function(x, a)``.

    Example:
        >>> method_to_function("self.loop.evaluate(test_loader=b)", "legacy_evaluate", [New(0)])
        'legacy_evaluate(self.loop, b)'
    """
    call = parse_call(text)
    receiver = Argument(None, call.receiver)
    first, *others = call.separators
    second = _between(call) if call.arguments else ""
    separators = (first, second, *others) if call.arguments else (first, "")
    moved = replace(call, receiver="", access=function, arguments=(receiver, *call.arguments), separators=separators)
    shifted = [replace(item, old=item.old + 1) if item.old is not None else item for item in arguments]
    return _checked(text, moved, [New(0), *shifted])


def rename_function(text: str, function: str, arguments: Sequence[New] | None = None) -> str:
    """``f(a)`` to ``function(a)``; without ``arguments`` they stay as they are."""
    call = replace(parse_call(text), receiver="", access=function)
    return str(call) if arguments is None else _checked(text, call, arguments)


def _checked(text: str, call: Call, arguments: Sequence[New]) -> str:
    new = str(_with_arguments(call, arguments))
    lost = comments(text) - comments(new)
    if lost:
        raise comment_lost.decline(next(iter(lost)))
    return new


def _with_arguments(call: Call, arguments: Sequence[New]) -> Call:
    """The call with new arguments: kept ones stay at their place, new ones go behind the last."""
    texts = [Argument(None, argument.text(call)) for argument in arguments]
    kept = [argument.old for argument in arguments if argument.old is not None]
    between = _between(call)
    if kept != sorted(kept) or None in [argument.old for argument in arguments[: len(kept)]]:
        # In another order: layout goes by place. The planner reorders no call that has comments.
        inner = list(call.separators[1:-1])[: len(texts) - 1]
        inner += [between] * (len(texts) - 1 - len(inner))
        return replace(call, arguments=tuple(texts), separators=(call.separators[0], *inner, call.separators[-1]))
    separators = [call.separators[0]]
    for number, old in enumerate(kept[1:], start=1):
        dropped = range(kept[number - 1] + 1, old + 1)
        separators.append(call.separators[dropped[0]] if dropped else between)
    end = call.separators[-1]
    if kept and kept[-1] != len(call.arguments) - 1 and "#" in "".join(call.separators[kept[-1] + 1 : -1]):
        raise comment_lost.decline("beside an argument that is left out")
    added = texts[len(kept) :]
    if added and kept:
        middle, end = _split_end(end, between, call.newline)
        separators += [middle, *[between] * (len(added) - 1)]
    elif added:
        separators += [between] * (len(added) - 1)
    if not texts:
        return replace(call, arguments=(), separators=(call.separators[0] + end.lstrip(", "),))
    return replace(call, arguments=tuple(texts), separators=(*separators, end))


def _between(call: Call) -> str:
    """A comma with the white space that the call has between its arguments."""
    pattern = call.separators[1] if len(call.arguments) > 1 else call.separators[0]
    lines = _NEWLINE.split(pattern)
    return f",{call.newline}{lines[-1]}" if len(lines) > 1 and "\\" not in pattern else ", "


def _split_end(end: str, between: str, newline: str) -> tuple[str, str]:
    """What stands between the old last argument and a new one, and what stands behind the new one."""
    comma, rest = ("," if "," in end.partition("#")[0] else ""), end
    if comma:
        rest = end.replace(",", "", 1)
    lines = _NEWLINE.split(rest)
    if len(lines) == 1:
        return between, end
    commented = [line.rstrip() for line in lines[:-1]]
    tail = between.rpartition(newline)[2] if newline in between else lines[-1] + "    "
    return "," + newline.join(commented) + newline + tail, f"{comma}{newline}{lines[-1]}"


# -- new calls in a layout of their own -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a new call stands: what is needed to break it into lines as the file does.

    Args:
        indent: White space at the start of the line.
        unit: One step of indentation.
        newline: The line end in use there.
        used: Columns of the line that other text takes.
    """

    indent: str
    unit: str
    newline: str
    used: int = 0


@dataclass
class Piece:
    """The text of an argument, with the comments that go with it."""

    text: str
    leading: list[str] = field(default_factory=list)
    trailing: list[str] = field(default_factory=list)


@dataclass
class Pieces:
    """The comments of a call by what they belong to: the bracket, each argument, the end."""

    opening: list[str]
    arguments: list[Piece]
    closing: list[str]


def pieces_of(call: Call) -> Pieces:
    """The arguments with their comments: those on an argument's last line trail it, those on lines above lead it.

    Example:
        >>> pieces = pieces_of(parse_call("f(\\n    a,  # one\\n    # two\\n    b,\\n)"))
        >>> [(piece.text, piece.leading, piece.trailing) for piece in pieces.arguments]
        [('a', [], ['# one']), ('b', ['# two'], [])]
    """
    found = Pieces([], [Piece(argument.value) for argument in call.arguments], [])
    for number, separator in enumerate(call.separators):
        first, *others = _NEWLINE.split(separator)
        on_line = _comment(first)
        above = [comment for line in others if (comment := _comment(line))]
        if on_line:
            (found.arguments[number - 1].trailing if number else found.opening).append(on_line)
        (found.arguments[number].leading if number < len(found.arguments) else found.closing).extend(above)
    return found


def _comment(line: str) -> str | None:
    return line[line.index("#") :].rstrip() if "#" in line else None


def lay_out(function: str, pieces: Pieces, place: Place, *, many_lines: bool = False) -> str:
    """``function(...)`` on one line if it fits (``LINE_LIMIT``) and has no comments, else one argument a line."""
    texts = [piece.text for piece in pieces.arguments]
    line = f"{function}({', '.join(texts)})"
    has_comments = bool(
        pieces.opening or pieces.closing or any(piece.leading or piece.trailing for piece in pieces.arguments)
    )
    fits = len(line) + place.used <= LINE_LIMIT and not any(_NEWLINE.search(text) for text in texts)
    if fits and not has_comments and not many_lines:
        return line
    inner = place.newline + place.indent + place.unit
    out = f"{function}(" + "".join(f"  {comment}" for comment in pieces.opening)
    for piece in pieces.arguments:
        out += "".join(inner + comment for comment in piece.leading)
        out += inner + piece.text + "," + "".join(f"  {comment}" for comment in piece.trailing)
    out += "".join(inner + comment for comment in pieces.closing)
    return out + place.newline + place.indent + ")"


def lay_out_list(items: Sequence[str | tuple[str, ...]], place: Place, *, used: int) -> str:
    """``[a, b]`` as an argument of a call that is laid out at ``place``: on one line if it fits there, behind ``used``
    columns, else one item a line. An item of several parts is ``(opening, *inner, closing)``, which are broken apart
    where the item does not fit on its line.

    Example:
        >>> lay_out_list(["a", ("*(", "[b]", "if c", "else []", ")")], Place("", "    ", "\\n"), used=10)
        '[a, *([b] if c else [])]'
    """
    texts = [item if isinstance(item, str) else f"{item[0]}{' '.join(item[1:-1])}{item[-1]}" for item in items]
    line = f"[{', '.join(texts)}]"
    indent = place.indent + place.unit
    if len(indent) + used + len(line) <= LINE_LIMIT:
        return line
    inner = place.newline + indent + place.unit
    out = "["
    for item, text in zip(items, texts, strict=True):
        if isinstance(item, str) or len(indent) + len(place.unit) + len(text) < LINE_LIMIT:
            out += f"{inner}{text},"
        else:
            out += inner + (inner + place.unit).join(item[:-1]) + inner + item[-1] + ","
    return out + place.newline + indent + "]"
