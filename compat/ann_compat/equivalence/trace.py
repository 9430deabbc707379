"""What a run leaves to be compared: every forward pass, the gradients at every step, results, end state, files."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook

from adaptiveneuralnetwork.api import AdaptiveModel
from adaptiveneuralnetwork.training import console
from adaptiveneuralnetwork.training.callbacks import logging as logging_callback
from ann_compat.equivalence import environment, interruption


@dataclass(frozen=True, slots=True)
class Forward:
    """A call of a module that no other module called: of a model, or of a criterion that is one."""

    module: str
    training: bool
    grad_enabled: bool
    autocast: bool
    inputs: Any
    output: Any
    rng: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An optimizer step, as the optimizer saw it."""

    optimizer: str
    learning_rates: tuple[float, ...]
    gradients: dict[str, Tensor | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What one call of the user's gave back."""

    call: str
    value: Any


Event = Forward | Step | Result


@dataclass(slots=True)
class Trace:
    """All that is compared of a run, one attribute a channel; the last three are not compared, they only explain.

    Attributes:
        events: In the order in which they happened.
        state: At the end: parameters, buffers, gradients and modes of models, state of optimizers.
        rng: The end states of the three generators.
        files: By path: JSON as values, ``.pt`` as loaded, others as bytes.
        console: What the library printed.
        output: What the program printed itself.
        exception: The type and text of what ended the run.
        settings: Process-wide settings that the run left changed.
        grad_norms: Total gradient norms before clipping.
        weights_changed: Whether any parameter did.
        initial: The parameters of each module when it was first seen.
    """

    events: list[Event] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    rng: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    console: str = ""
    output: str = ""
    exception: BaseException | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    grad_norms: list[float] = field(default_factory=list)
    weights_changed: bool = False
    initial: dict[str, Tensor] = field(default_factory=dict)


class Recorder:
    """Watches the whole process while it is active, so it sees models that a program makes itself, too.

    Args:
        detailed: Keep the torch generator's state at each forward pass, to find the first draw that differs.
    """

    def __init__(self, *, detailed: bool = False) -> None:
        self.trace = Trace()
        self.detailed = detailed
        self.modules: dict[int, tuple[str, nn.Module]] = {}
        self.optimizers: dict[int, tuple[str, torch.optim.Optimizer]] = {}
        self._parameter_names: dict[int, str] = {}
        self._depth = 0
        self._inputs: Any = None

    def watch(self, module: nn.Module) -> str:
        """Give a module its name in the trace, which tells the place of each of its parameters."""
        if id(module) not in self.modules:
            label = _label(type(module).__name__, [name for name, _ in self.modules.values()])
            self.modules[id(module)] = (label, module)
            for name, parameter in module.named_parameters():
                self._parameter_names.setdefault(id(parameter), f"{label}.{name}")
                self.trace.initial[f"{label}.{name}"] = parameter.detach().clone()
        return self.modules[id(module)][0]

    def result(self, call: str, value: Any) -> None:
        self.trace.events.append(Result(call, frozen(value)))

    def before_forward(self, module: nn.Module, inputs: Any) -> None:
        if self._depth == 0:
            self.watch(module)
            self._inputs = frozen(_as_understood(module, inputs))
        self._depth += 1

    def after_forward(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.trace.events.append(
                Forward(
                    module=self.watch(module),
                    training=module.training,
                    grad_enabled=torch.is_grad_enabled(),
                    autocast=torch.is_autocast_enabled("cpu"),
                    inputs=self._inputs,
                    output=frozen(output),
                    rng=torch.get_rng_state() if self.detailed else None,
                )
            )

    def before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        label = self.watch_optimizer(optimizer)
        gradients: dict[str, Tensor | None] = {}
        for name, parameter in self._parameters_of(optimizer):
            gradients[name] = None if parameter.grad is None else parameter.grad.detach().clone()
        rates = tuple(float(group["lr"]) for group in optimizer.param_groups)
        self.trace.events.append(Step(label, rates, gradients))

    def finish(self) -> None:
        """Take the end state of everything seen."""
        state = self.trace.state
        for label, module in self.modules.values():
            for name, value in module.state_dict().items():
                state[f"{label}.{name}"] = frozen(value)
            for name, parameter in module.named_parameters():
                state[f"gradient of {label}.{name}"] = frozen(parameter.grad)
                state[f"requires_grad of {label}.{name}"] = parameter.requires_grad
            for name, submodule in module.named_modules():
                state[f"training mode of {'.'.join(filter(None, (label, name)))}"] = submodule.training
        for label, optimizer in self.optimizers.values():
            state[f"state of {label}"] = frozen(optimizer.state_dict())
        self.trace.weights_changed = any(
            name in state and not torch.equal(initial, state[name]) for name, initial in self.trace.initial.items()
        )

    def watch_optimizer(self, optimizer: torch.optim.Optimizer) -> str:
        """Give an optimizer its name in the trace."""
        if id(optimizer) not in self.optimizers:
            label = _label(type(optimizer).__name__, [name for name, _ in self.optimizers.values()])
            self.optimizers[id(optimizer)] = (label, optimizer)
        return self.optimizers[id(optimizer)][0]

    def _parameters_of(self, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
        """The optimizer's parameters, and those of the models seen, each once."""
        seen: set[int] = set()
        for number, group in enumerate(optimizer.param_groups):
            for index, parameter in enumerate(group["params"]):
                seen.add(id(parameter))
                yield self._parameter_names.get(id(parameter), f"group {number} parameter {index}"), parameter
        for label, module in self.modules.values():
            for name, parameter in module.named_parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"{label}.{name}", parameter


def record(run: Callable[[Recorder], None], seed: int, *, detailed: bool = False) -> Trace:
    """Run ``run(recorder)`` in an environment of its own and return what it left.

    An exception of the run, ``KeyboardInterrupt`` and ``SystemExit`` included, is part of the trace.
    """
    interruption.check()
    recorder = Recorder(detailed=detailed)
    trace = recorder.trace
    with environment.isolated(seed) as folder:
        before = environment.settings()
        with _watching(recorder):
            try:
                run(recorder)
            except BaseException as error:
                if interruption.requested():
                    raise
                # The traceback would keep every object of the run alive.
                trace.exception = error.with_traceback(None)
        after = environment.settings()
        trace.settings = {name: value for name, value in after.items() if value != before[name]}
        trace.rng = environment.comparable(environment.random_states())
        trace.files = read_files(folder)
        recorder.finish()
    return trace


@contextmanager
def _watching(recorder: Recorder) -> Iterator[None]:
    output, console_lines = io.StringIO(), io.StringIO()
    clip = torch.nn.utils.clip_grad_norm_

    def noting_clip(*args: Any, **kwargs: Any) -> Tensor:
        norm = clip(*args, **kwargs)
        recorder.trace.grad_norms.append(float(norm))
        return norm

    def library_print(*values: Any, **options: Any) -> None:
        builtins.print(*values, **(options | {"file": console_lines}))

    handles = [
        register_module_forward_pre_hook(recorder.before_forward),
        register_module_forward_hook(recorder.after_forward, always_call=True),
        register_optimizer_step_pre_hook(recorder.before_step),
    ]
    printers: list[Any] = [console, logging_callback]
    try:
        # What the library prints is told apart from what the program prints.
        for module in printers:
            module.print = library_print
        torch.nn.utils.clip_grad_norm_ = noting_clip
        with contextlib.redirect_stdout(output):
            yield
    finally:
        torch.nn.utils.clip_grad_norm_ = clip
        for module in printers:
            del module.print
        for handle in handles:
            handle.remove()
        recorder.trace.output, recorder.trace.console = output.getvalue(), console_lines.getvalue()


def frozen(value: Any) -> Any:
    """A copy that later steps cannot change: tensors cloned, containers rebuilt, other objects as they are."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return [frozen(item) for item in value]
    if isinstance(value, tuple):
        return tuple(frozen(item) for item in value)
    return value


def read_files(folder: Path) -> dict[str, Any]:
    """The files below ``folder``: JSON as values, ``.pt`` as loaded (plain values only), others as bytes."""
    return {
        path.relative_to(folder).as_posix(): _read_file(path) if path.is_file() else "a folder"
        for path in sorted(folder.rglob("*"))
    }


def _read_file(path: Path) -> Any:
    if path.suffix in (".pt", ".pth"):
        try:
            return torch.load(path, weights_only=True)
        except Exception:  # what is not such a file is compared as bytes
            return path.read_bytes()
    raw = path.read_bytes()
    if path.suffix == ".json":
        try:
            return json.loads(raw)
        except ValueError:
            # Cut off by an error in the middle of writing; the clock's numbers are exempt here as well.
            return re.sub(rb'("(?:timestamp|epoch_time)": )[-+.\w]+', rb"\1", raw)
    return raw


def _as_understood(module: nn.Module, inputs: Any) -> Any:
    """An ``AdaptiveModel`` flattens images itself, so that it is one thing to it whether its caller did so before."""
    if not isinstance(module, AdaptiveModel) or not isinstance(inputs, tuple):
        return inputs
    return tuple(item.flatten(1) if isinstance(item, Tensor) and item.dim() == 4 else item for item in inputs)


def _label(name: str, taken: list[str]) -> str:
    """``name``, or ``name#2`` where there is one already."""
    number = 1 + sum(label.split("#")[0] == name for label in taken)
    return name if number == 1 else f"{name}#{number}"
