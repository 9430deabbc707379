"""The arguments of a legacy call, bound to its parameters."""

from __future__ import annotations

import ast

from ann_migrate.legacy_api import Signature
from ann_migrate.rules import arguments_do_not_fit, star_arguments


class Arguments:
    """The arguments of ``call`` by parameter name, and the order in which they stand.

    Raises:
        Decline: the call has ``*`` or ``**`` arguments, or arguments that do not fit the signature.

    Example:
        >>> call = ast.parse("train(a, num_epochs=3)", mode="eval").body
        >>> arguments = Arguments(call, Signature("train", ("train_loader", "test_loader", "num_epochs"), 1))
        >>> arguments.order
        ['train_loader', 'num_epochs']
        >>> arguments.number("num_epochs")
        1
    """

    def __init__(self, call: ast.Call, signature: Signature) -> None:
        self.call = call
        star_arguments.check(call)
        values: dict[str, ast.expr] = {}
        places: list[tuple[int, int, str]] = []
        if len(call.args) > len(signature.parameters):
            raise arguments_do_not_fit.decline(
                call, f"{signature.name}() takes {len(signature.parameters)} arguments at most"
            )
        for name, value in zip(signature.parameters, call.args, strict=False):
            values[name] = value
            places.append((value.lineno, value.col_offset, name))
        for keyword in call.keywords:
            name = keyword.arg or ""
            if name not in signature.parameters:
                raise arguments_do_not_fit.decline(call, f"{signature.name}() has no parameter {name!r}")
            if name in values:
                raise arguments_do_not_fit.decline(call, f"{signature.name}() is given {name!r} twice")
            values[name] = keyword.value
            places.append((keyword.lineno, keyword.col_offset, name))
        missing = [name for name in signature.parameters[: signature.required] if name not in values]
        if missing:
            raise arguments_do_not_fit.decline(call, f"{signature.name}() is not given {missing[0]!r}")
        self._values = values
        self.order = [name for _, _, name in sorted(places)]

    def __getitem__(self, name: str) -> ast.expr:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def given(self, name: str) -> ast.expr | None:
        """The argument, or None where it is left out or a literal None (which means the same in the legacy API)."""
        value = self._values.get(name)
        return None if isinstance(value, ast.Constant) and value.value is None else value

    def number(self, name: str) -> int:
        """The place of the argument among those that stand in the call, from 0."""
        return self.order.index(name)

    def is_keyword(self, name: str) -> bool:
        return any(keyword.arg == name for keyword in self.call.keywords)
