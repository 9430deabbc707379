"""What the recorder notes of a program's training, once it imports numpy, torch and the library.

Loaded by path beside ``recorder.py``: the standard library only, until the program has imported more. Nothing here
draws a random number, keeps an object alive, or changes what the program computes.
"""

from __future__ import annotations

import functools
import hashlib
import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ann_compat.equivalence.verify.recorder import Log, Sites

METHODS = {"train": "train", "fit": "train", "train_epoch": "train_epoch", "evaluate": "evaluate"}
"""The calls that are recorded, and the one name under which the old and the new ones are compared."""

CLOCK_KEYS = ("timestamp", "epoch_time")
"""Only the types of these are recorded: what the clock says differs from run to run."""


class Watcher:
    """Watches ``TrainingLoop`` and ``Trainer``: each outermost call, and the forward passes, losses and steps in it.

    Args:
        log: Takes the records.
        sites: Finds the lines that called.
        seed: For numpy and torch.
    """

    def __init__(self, log: Log, sites: Sites, seed: int) -> None:
        self._log = log
        self._sites = sites
        self._seed = seed
        self._objects = _Objects()
        self._running = threading.local()
        self._lock = threading.RLock()
        self._calls = 0
        self._hooked = 0
        self._hooks: list[Any] = []
        training = "adaptiveneuralnetwork.training"
        self.on_import: dict[str, Callable[[ModuleType], None]] = {
            "numpy.random": lambda module: module.seed(seed % 2**32),
            "torch": self._watch_torch,
            f"{training}.loops": lambda module: self._watch_class(module.TrainingLoop),
            f"{training}.trainer": lambda module: self._watch_class(module.Trainer),
            f"{training}.console": _silence,
            f"{training}.callbacks.logging": _silence,
        }

    def continue_in_child(self) -> None:
        self._lock = threading.RLock()
        self._running = threading.local()
        self._log.continue_in_child()
        random.seed(self._seed)  # Python has just seeded it anew from the system

    def at_exit(self) -> None:
        try:
            self._log.write("end", rng=_random_states())
        except Exception:
            self._log.fault()

    def _watch_torch(self, torch: Any) -> None:
        torch.manual_seed(self._seed)
        backward = torch.Tensor.backward

        @functools.wraps(backward)
        def recorded_backward(tensor: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._innermost()
            if call is not None:
                self._note(call, "backward", lambda: {"loss": encoded(tensor)})
            return backward(tensor, *args, **kwargs)

        save = torch.save

        @functools.wraps(save)
        def recorded_save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> Any:
            result = save(obj, f, *args, **kwargs)
            if isinstance(f, str | bytes) or hasattr(f, "__fspath__"):
                # torch opens such files outside Python, where no audit hook sees it.
                sys.audit("open", f, "wb", 1)
            return result

        torch.Tensor.backward = recorded_backward
        torch.save = recorded_save

    def _watch_class(self, cls: Any) -> None:
        construct = cls.__init__

        @functools.wraps(construct)
        def recorded_init(owner: Any, *args: Any, **kwargs: Any) -> None:
            construct(owner, *args, **kwargs)
            try:
                if self._objects.get(owner) is None:
                    site = self._sites.caller()
                    known = self._objects.add(owner, cls.__name__, site)
                    self._log.write("object", **known)
            except Exception:
                self._log.fault()

        cls.__init__ = recorded_init
        for name, kind in METHODS.items():
            if name in vars(cls):
                setattr(cls, name, self._recorded_method(vars(cls)[name], name, kind))

    def _recorded_method(self, method: Any, name: str, kind: str) -> Any:
        @functools.wraps(method)
        def recorded(owner: Any, *args: Any, **kwargs: Any) -> Any:
            stack = self._stack()
            if any(call.owner is owner for call in stack):
                return method(owner, *args, **kwargs)
            call = self._begin(owner, name, kind)
            stack.append(call)
            try:
                result = method(owner, *args, **kwargs)
            except BaseException as error:
                self._end(call, error)
                raise
            else:
                self._end(call, None)
                return result
            finally:
                stack.remove(call)

        return recorded

    def _begin(self, owner: Any, name: str, kind: str) -> _Call:
        with self._lock:
            call = _Call(owner, self._calls)
            self._calls += 1
        try:
            self._hook()
            known = self._objects.get(owner)
            start = {**_state(owner), "rng": _random_states()}
            site = self._sites.caller()
            self._log.write("call", call=call.number, method=name, kind=kind, site=site, object=known, start=start)
        except Exception:
            self._log.fault()
        return call

    def _end(self, call: _Call, error: BaseException | None) -> None:
        try:
            self._unhook()
            raised = None
            if error is not None:
                names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__]
                raised = {"types": names, "text": str(error)[:500]}
            owner = call.owner
            end = {**_state(owner), "gradients": _gradients(owner.model), "rng": _random_states()}
            self._log.write("return", call=call.number, raised=raised, history=_histories(owner), end=end)
        except Exception:
            self._log.fault()

    def _hook(self) -> None:
        """Watch torch's modules and optimizers while at least one call runs."""
        from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        with self._lock:
            self._hooked += 1
            if self._hooked == 1:
                self._hooks = [
                    register_module_forward_pre_hook(self._before_forward),
                    register_module_forward_hook(self._after_forward),
                    register_optimizer_step_pre_hook(self._before_step),
                ]

    def _unhook(self) -> None:
        with self._lock:
            self._hooked -= 1
            if self._hooked == 0:
                for hook in self._hooks:
                    hook.remove()

    def _before_forward(self, module: Any, inputs: Any) -> None:
        call = self._innermost()
        if call is not None and module is call.owner.model:
            torch = sys.modules["torch"]
            self._note(
                call,
                "forward",
                lambda: {
                    "training": module.training,
                    "grad_enabled": torch.is_grad_enabled(),
                    "rng": digest(torch.get_rng_state()),
                    "inputs": encoded(_as_understood(module, inputs)),
                },
            )

    def _after_forward(self, module: Any, inputs: Any, output: Any) -> None:
        call = self._innermost()
        if call is not None and module is call.owner.model:
            self._note(call, "output", lambda: {"output": encoded(output)})

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        call = self._innermost()
        if call is not None:
            model = call.owner.model
            self._note(call, "step", lambda: {"groups": _groups(optimizer), **_gradient_summary(model, optimizer)})

    def _note(self, call: _Call, kind: str, content: Callable[[], dict[str, Any]]) -> None:
        try:
            self._log.write("event", call=call.number, kind=kind, **content())
        except Exception:
            self._log.fault()

    def _stack(self) -> list[_Call]:
        stack: list[_Call] | None = getattr(self._running, "stack", None)
        if stack is None:
            stack = self._running.stack = []
        return stack

    def _innermost(self) -> _Call | None:
        stack = self._stack()
        return stack[-1] if stack else None


class _Call:
    """A call that is running."""

    def __init__(self, owner: Any, number: int) -> None:
        self.owner = owner
        self.number = number


class _Objects:
    """Numbers the loops and trainers in the order of their construction, without keeping them alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], dict[str, Any]]] = {}
        self._count = 0

    def add(self, owner: Any, cls: str, site: dict[str, Any]) -> dict[str, Any]:
        known = {"number": self._count, "class": cls, "site": site}
        self._count += 1
        key = id(owner)
        self._known[key] = (weakref.ref(owner, lambda _: self._known.pop(key, None)), known)
        return known

    def get(self, owner: Any) -> dict[str, Any] | None:
        entry = self._known.get(id(owner))
        return entry[1] if entry is not None and entry[0]() is owner else None


def encoded(value: Any) -> Any:
    """A value as JSON that tells all its bits: floats in hexadecimal, tensors as digests, dicts as pairs in order."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.numel() == 1 and value.is_floating_point():
            return {**_described(value), "value": float(value.detach()).hex()}
        return _described(value)
    if value is None or isinstance(value, bool | str):
        return value
    if type(value) is float:
        return {"float": value.hex()}
    if type(value) is int:
        return value
    if isinstance(value, dict):
        return {"dict": [[str(key), _encoded_entry(key, item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [encoded(item) for item in value]
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        return {"array": _short(value.tobytes()), "dtype": str(value.dtype), "shape": list(value.shape)}
    return {"object": f"{type(value).__module__}.{type(value).__qualname__}"}


def _as_understood(module: Any, inputs: Any) -> Any:
    """An ``AdaptiveModel`` flattens images itself, so that it is one thing to it whether its caller did so before."""
    bases = {(base.__module__, base.__qualname__) for base in type(module).__mro__}
    if ("adaptiveneuralnetwork.api.model", "AdaptiveModel") not in bases or not isinstance(inputs, tuple):
        return inputs
    tensor: Any = sys.modules["torch"].Tensor
    return tuple(item.flatten(1) if isinstance(item, tensor) and item.dim() == 4 else item for item in inputs)


def digest(tensor: Any) -> str:
    """A digest of a tensor's type, shape and bits."""
    torch: Any = sys.modules["torch"]
    if torch.nn.parameter.is_lazy(tensor):
        return "not initialised"
    with torch.no_grad():
        plain = _dense(tensor).cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
        return _short(f"{tensor.dtype} {tuple(tensor.shape)} ".encode(), plain.numpy().data)


def _dense(tensor: Any) -> Any:
    torch: Any = sys.modules["torch"]
    return tensor.detach() if tensor.layout == torch.strided else tensor.detach().to_dense()


def _encoded_entry(key: Any, item: Any) -> Any:
    return {"clock": type(item).__name__} if key in CLOCK_KEYS else encoded(item)


def _described(tensor: Any) -> dict[str, Any]:
    return {"tensor": digest(tensor), "dtype": str(tensor.dtype), "shape": list(tensor.shape)}


def _short(*parts: Any) -> str:
    state = hashlib.blake2b(digest_size=12)
    for part in parts:
        state.update(part)
    return state.hexdigest()


def _state(owner: Any) -> dict[str, Any]:
    """Model and optimizer of a loop or trainer, as they are now."""
    model, optimizer = owner.model, owner.optimizer
    return {
        "parameters": {name: digest(value) for name, value in model.named_parameters()},
        "buffers": {name: digest(value) for name, value in model.named_buffers()},
        "modes": {name: module.training for name, module in model.named_modules()},
        "optimizer": type(optimizer).__qualname__,
        "groups": _groups(optimizer),
        "optimizer_state": encoded(list(optimizer.state_dict()["state"].items())),
    }


def _groups(optimizer: Any) -> list[Any]:
    """The settings of an optimizer: learning rate and so on, for each group of parameters."""
    return [encoded({key: item for key, item in group.items() if key != "params"}) for group in optimizer.param_groups]


def _gradients(model: Any) -> dict[str, Any]:
    return {name: None if value.grad is None else digest(value.grad) for name, value in model.named_parameters()}


def _gradient_summary(model: Any, optimizer: Any) -> dict[str, Any]:
    """The gradients that a step is about to use: a digest of all, and the total norm of the model's."""
    torch: Any = sys.modules["torch"]
    held = (parameter for group in optimizer.param_groups for parameter in group["params"])
    gradients = [None if parameter.grad is None else digest(parameter.grad) for parameter in held]
    with torch.no_grad():
        norms = [float(_dense(value.grad).double().norm()) for value in model.parameters() if value.grad is not None]
    return {"gradients": _short(repr(gradients).encode()), "norm": sum(norm**2 for norm in norms) ** 0.5}


def _histories(owner: Any) -> dict[str, Any]:
    """The records of a loop; of a trainer its own, and the legacy ones where the bridge keeps them."""
    own = encoded(owner.metrics_history)
    if not hasattr(owner, "fit"):
        return {"legacy": own, "own": None}
    return {"legacy": next((encoded(found) for found in _legacy_views(owner.callbacks)), None), "own": own}


def _legacy_views(callbacks: Iterable[Any]) -> Iterable[Any]:
    for callback in callbacks:
        names = {(cls.__module__, cls.__name__) for cls in type(callback).__mro__}
        if ("ann_compat.bridge", "LegacyCallback") in names:
            yield callback.history


def _random_states() -> dict[str, str]:
    """Digests of the states of the three generators, as far as the program has them."""
    states = {"python": _short(repr(random.getstate()).encode())}
    if "numpy" in sys.modules:
        import numpy.random

        state: Any = numpy.random.get_state()
        name, keys, *rest = state
        states["numpy"] = _short(f"{name} {rest}".encode(), keys.tobytes())
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = digest(torch.get_rng_state())
    return states


def _silence(module: Any) -> None:
    """Let what the library prints not reach the output, which is compared: console lines are its own affair."""
    module.print = lambda *values, **options: None
