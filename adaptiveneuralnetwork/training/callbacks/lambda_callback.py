"""Callbacks without a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adaptiveneuralnetwork.arguments import check_callable
from adaptiveneuralnetwork.training.callbacks.base import HOOKS, Callback, Phase, meant_hook


class LambdaCallback(Callback):
    """Hooks given as functions.

    Args:
        phase: When this callback has its turn within each hook.
        **hooks: For each hook (``on_epoch_end=...``) a function that takes what the hook takes after ``self``.

    Raises:
        TypeError: A hook is not known (the message names the one meant), or is no function.

    Example:
        >>> announce = LambdaCallback(on_epoch_end=lambda epoch, trainer, logs: print("epoch", epoch))
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[announce]).fit(train_loader, num_epochs=2)
        epoch 0
        epoch 1
    """

    def __init__(self, *, phase: Phase = Phase.NORMAL, **hooks: Callable[..., Any]) -> None:
        self.phase = phase
        for name, function in hooks.items():
            if name not in HOOKS:
                meant = meant_hook(name)
                hint = f"did you mean {meant}?" if meant else f"the hooks are {', '.join(HOOKS)}"
                raise TypeError(f"LambdaCallback knows no hook {name!r}; {hint}")
            check_callable(function, name)
            # As a method, so that whoever lists the hooks finds this callback behind it.
            setattr(self, name, _Method(self, function))


class _Method:
    """A function as a hook of a callback; its parameters are those of the function."""

    def __init__(self, owner: LambdaCallback, function: Callable[..., Any]) -> None:
        self.__self__ = owner
        self.__wrapped__ = function  # where inspect.signature looks
        self.__qualname__ = f"{type(owner).__name__}.{getattr(function, '__name__', 'function')}"

    def __call__(self, *arguments: Any) -> Any:
        return self.__wrapped__(*arguments)
