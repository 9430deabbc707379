"""The state of a model, under the names that it has without wrappers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from torch import nn

_COMPILED = "_orig_mod"
_PARALLEL = "module."


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside ``DistributedDataParallel``, ``DataParallel`` and ``torch.compile``."""
    while True:
        if isinstance(model, (nn.parallel.DistributedDataParallel, nn.DataParallel)):
            model = model.module
        elif isinstance(inner := getattr(model, _COMPILED, None), nn.Module):
            model = inner
        else:
            return model


def model_state(model: nn.Module) -> dict[str, Any]:
    """``model.state_dict()`` without the prefixes that wrappers give: ``module.`` and ``_orig_mod.``.

    Example:
        >>> list(model_state(nn.DataParallel(nn.Linear(1, 1))))
        ['weight', 'bias']
    """
    state = unwrapped(model).state_dict()
    if any(_COMPILED in name for name in state):  # a part of the model is compiled
        return {_canonical(name): value for name, value in state.items()}
    return state


def load_model_state(model: nn.Module, state: Mapping[str, Any], strict: bool = True) -> None:
    """Load what :func:`model_state` gave, or a state with such prefixes, into a model that may be wrapped itself.

    Raises:
        RuntimeError: Names or shapes do not fit.
    """
    inner = unwrapped(model)
    actual = {_canonical(name): name for name in inner.state_dict()}
    given = {_canonical(name): value for name, value in state.items()}
    while given and given.keys() - actual.keys() and all(name.startswith(_PARALLEL) for name in given):
        given = {name.removeprefix(_PARALLEL): value for name, value in given.items()}
    renamed = OrderedDict((actual.get(name, name), value) for name, value in given.items())
    if hasattr(state, "_metadata"):  # the versions of the modules; load_state_dict looks for them there
        renamed._metadata = state._metadata  # type: ignore[attr-defined]
    inner.load_state_dict(renamed, strict=strict)


def modules_in_evaluation(model: nn.Module) -> list[str]:
    """The names of the modules that are not in training mode."""
    return [_canonical(name) for name, module in unwrapped(model).named_modules() if not module.training]


def set_modes(model: nn.Module, in_evaluation: list[str]) -> None:
    """Put the modules named into evaluation mode and all others into training mode."""
    names = set(in_evaluation)
    inner = unwrapped(model)
    for name, module in inner.named_modules():
        module.training = _canonical(name) not in names
    wrapper: Any = model
    while wrapper is not inner:
        wrapper.training = inner.training
        wrapper = wrapper.module if hasattr(wrapper, "module") else getattr(wrapper, _COMPILED)


def fits(model: nn.Module, state: Any) -> bool:
    """Whether ``state`` has the names and shapes of the model's state."""
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        return False
    own = {_canonical(name): value for name, value in unwrapped(model).state_dict().items()}
    given = {_canonical(name): value for name, value in state.items()}
    if given.keys() != own.keys():
        given = {name.removeprefix(_PARALLEL): value for name, value in given.items()}
    return given.keys() == own.keys() and all(
        getattr(value, "shape", None) == getattr(own[name], "shape", None) for name, value in given.items()
    )


def _canonical(name: str) -> str:
    return ".".join(part for part in name.split(".") if part != _COMPILED)
