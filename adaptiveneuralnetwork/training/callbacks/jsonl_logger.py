"""The record of a run, a JSON object a line, exact enough to find where two runs part."""

from __future__ import annotations

import json
import math
import os
import platform
import time
import warnings
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.arguments import as_count, as_path
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.values import EpochRates, learning_rates, numbers
from adaptiveneuralnetwork.training.digests import digest, rng_digest
from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer

FORMAT_VERSION = 1


class JSONLLogger(Callback):
    """Write a header, a record for each epoch and, if asked, for optimizer steps, as JSON lines.

    Every record has ``type``. ``header``: what the run was made of (versions, model, optimizer, precision, digests of
    initial parameters and random states); ``step``: ``step`` (from 1), ``epoch``, ``batch`` (of the window's last
    batch), ``losses`` (of each batch in the window), ``lr`` (of each parameter group, as the step used them),
    ``grad_norm`` (before clipping), ``skipped``, ``rng``, digests; ``epoch``: ``epoch``, ``step``, ``metrics``, ``lr``
    (at its beginning), ``seconds``, ``rng``; ``continued``: where a run went on from a checkpoint; ``end``: ``reason``
    (``finished``, ``stopped`` or the exception) and ``step``.

    Numbers that must be exact stand as ``float.hex`` text beside or instead of the decimal ones (``*_hex``); numbers
    that JSON has not (NaN, infinity) are ``null`` there. A continued run cuts off what was written after its
    checkpoint. Writing a step's record waits for the device.

    Args:
        path: Replaced by a new run. Its folder is made if needed.
        every_n_steps: Write a record for every so many optimizer steps. Default: none.
        digest_parameters: Add ``parameters``, a digest of parameters and buffers after the step or epoch.
        digest_batches: Add ``inputs`` to steps, a digest of what the model was called with, for each batch.
        append: Keep what the file has, and write below it.

    Raises:
        TypeError, ValueError: An argument is wrong.
        OSError: During training, if the file cannot be written.

    Example:
        >>> logger = JSONLLogger(folder / "run.jsonl", every_n_steps=1)
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[logger])
        >>> _ = trainer.fit(train_loader, num_epochs=1)
        >>> [json.loads(line)["type"] for line in (folder / "run.jsonl").open()]
        ['header', 'step', 'step', 'step', 'epoch', 'end']
    """

    phase = Phase.RECORD
    _batch: int
    _losses: list[Any]
    _inputs: list[str]
    _lr: list[float]
    _grad_norm: Any

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_n_steps: int | None = None,
        *,
        digest_parameters: bool = False,
        digest_batches: bool = False,
        append: bool = False,
    ) -> None:
        self.path = as_path(path, "path")
        self.every_n_steps = None if every_n_steps is None else as_count(every_n_steps, "every_n_steps")
        if digest_batches and every_n_steps is None:
            raise ValueError("digest_batches adds to the records of steps, so it needs every_n_steps")
        self.digest_parameters = digest_parameters
        self.digest_batches = digest_batches
        self.append = append
        self._continued: dict[str, Any] | None = None
        self._file: IO[bytes] | None = None
        self._unhook: Callable[[], None] | None = None
        self._started = 0.0
        self._epoch_rates = EpochRates()
        self._clear_window()

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._close()
        continued, self._continued = self._continued, None
        if is_main_process():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._open(None if continued is None else continued["size"])
        if self.digest_batches:
            self._unhook = trainer.model.register_forward_pre_hook(self._see_inputs, with_kwargs=True).remove
        self._clear_window()
        if continued is None:
            self._write(_header(trainer))
        else:
            self._batch, self._losses = continued["batch"], list(continued["losses"])
            self._inputs = list(continued["inputs"])
            epoch, step = len(trainer.metrics_history), trainer.global_step
            self._write({"type": "continued", "epoch": epoch, "step": step, **self._state_of(trainer)})

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._epoch_rates.begin(epoch, trainer.optimizer)
        self._started = time.perf_counter()

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._is_due(trainer):
            self._batch = batch_idx
            self._losses.append(logs.raw("loss") if isinstance(logs, Logs) else (logs or {})["loss"])

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._is_due(trainer):
            gradients = [parameter.grad for parameter in trainer.model.parameters() if parameter.grad is not None]
            self._grad_norm = torch.nn.utils.get_total_norm(gradients)
            self._lr = learning_rates(trainer.optimizer)

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        # Written if something was collected: at a step that counted, global_step has moved on since.
        if not self._losses:
            return
        losses = [float(loss) for loss in self._losses]
        norm = float(self._grad_norm)
        skipped = bool(logs and logs["skipped"])
        record = {
            "type": "step",
            "step": trainer.global_step + skipped,
            "epoch": trainer.current_epoch,
            "batch": self._batch,
            "losses": [_plain(loss) for loss in losses],
            "losses_hex": [loss.hex() for loss in losses],
            "lr": self._lr,
            "grad_norm": _plain(norm),
            "grad_norm_hex": norm.hex(),
            "skipped": skipped,
        }
        if self.digest_batches:
            record["inputs"] = self._inputs
        self._write(record | self._state_of(trainer))
        self._clear_window()

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        metrics = numbers(logs, skip=("epoch",))
        record = {
            "type": "epoch",
            "epoch": epoch,
            "step": trainer.global_step,
            "metrics": {name: _plain(value) for name, value in metrics.items()},
            "metrics_hex": {name: float(value).hex() for name, value in metrics.items()},
            "lr": self._epoch_rates.rates,
            "seconds": round(time.perf_counter() - self._started, 6),
        }
        self._write(record | self._state_of(trainer))
        self._flush()

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        reason = "stopped" if trainer.stop_training or trainer.stop_at_step else "finished"
        self._write({"type": "end", "reason": reason, "step": trainer.global_step})
        self._close()

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        reason = f"{type(exception).__name__}: {exception}"
        self._write({"type": "end", "reason": reason, "step": trainer.global_step})
        self._close()

    def state_dict(self) -> dict[str, Any]:
        self._flush()
        return {
            "size": self._file.tell() if self._file is not None else 0,
            # What is collected of a window that is not full yet.
            "batch": self._batch,
            "losses": [float(loss) for loss in self._losses],
            "inputs": list(self._inputs),
            "epoch_rates": self._epoch_rates.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._continued = state
        self._epoch_rates.load_state_dict(state["epoch_rates"])

    def _is_due(self, trainer: Trainer) -> bool:
        return self.every_n_steps is not None and (trainer.global_step + 1) % self.every_n_steps == 0

    def _see_inputs(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        # In training only: validation calls the model too.
        if module.training:
            self._inputs.append(digest([args, kwargs] if kwargs else list(args)))

    def _clear_window(self) -> None:
        self._batch, self._grad_norm = 0, 0.0
        self._losses, self._inputs, self._lr = [], [], []

    def _state_of(self, trainer: Trainer) -> dict[str, str]:
        state = {"rng": rng_digest()}
        if self.digest_parameters:
            state["parameters"] = digest(trainer.model.state_dict())
        return state

    def _open(self, keep: int | None) -> IO[bytes]:
        if keep is not None and self.path.exists():
            size = self.path.stat().st_size
            if size < keep:
                warnings.warn(f"{self.path} is shorter than when the checkpoint was written", stacklevel=2)
            os.truncate(self.path, min(keep, size))
        return self.path.open("ab" if self.append or keep is not None else "wb")

    def _write(self, record: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(record, allow_nan=False).encode() + b"\n")

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._unhook is not None:
            self._unhook()
            self._unhook = None


def _header(trainer: Trainer) -> dict[str, Any]:
    from adaptiveneuralnetwork import __version__

    parameters = list(trainer.model.parameters())
    settings = [
        {name: value if _is_plain(value) else repr(value) for name, value in group.items() if name != "params"}
        for group in trainer.optimizer.param_groups
    ]
    return {
        "type": "header",
        "format_version": FORMAT_VERSION,
        "time": time.time(),
        "adaptiveneuralnetwork": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "model": type(trainer.model).__qualname__,
        "parameters_count": sum(parameter.numel() for parameter in parameters),
        "optimizer": type(trainer.optimizer).__qualname__,
        "optimizer_settings": settings,
        "criterion": getattr(trainer.criterion, "__qualname__", type(trainer.criterion).__qualname__),
        "seed": trainer.seed,
        "use_amp": trainer.use_amp,
        "gradient_accumulation_steps": trainer.gradient_accumulation_steps,
        "max_grad_norm": trainer.max_grad_norm,
        "num_epochs": trainer.num_epochs,
        "num_batches": trainer.num_batches,
        "callbacks": [type(callback).__qualname__ for callback in trainer.metrics_history.callbacks],
        "step": trainer.global_step,
        "parameters": digest(trainer.model.state_dict()),
        "rng": rng_digest(),
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, str, int)) or (isinstance(value, float) and math.isfinite(value))
