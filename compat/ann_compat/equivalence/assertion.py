"""``assert_equivalent``: people's own old and new code, run side by side and compared bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import Comparison, compare
from ann_compat.equivalence.diagnose import likely_cause, where
from ann_compat.equivalence.tolerance import Tolerated
from ann_compat.equivalence.trace import Recorder, Step, Trace, record

Program = Callable[[], Any]


def assert_equivalent(
    legacy_fn: Program,
    new_fn: Program,
    *,
    seeds: Iterable[int] = (0, 1, 2),
    ignore: Iterable[str] = ("console",),
    tolerance: Tolerated = None,
    must_train: bool = True,
) -> None:
    """Assert that two functions train alike: every forward pass, gradient, result, random draw and file.

    Each function is called once for each seed, with all generators seeded, on one thread, in an empty working folder.
    It must make all that it works with itself (model, loaders, config); what it returns is compared, too. Models and
    optimizers are seen wherever they are used. Times in legacy records (``timestamp``, ``epoch_time``) are exempt.

    Args:
        legacy_fn: The old code.
        new_fn: The new code.
        seeds: Each is one comparison.
        ignore: Channels left out (see :data:`~ann_compat.equivalence.compare.CHANNELS`). Default: the lines that the
            library prints.
        tolerance: Allowed relative difference of floating-point values, or ``"torch"`` for what
            ``torch.testing.assert_close`` allows; default: none. For GPUs and mixed precision.
        must_train: Fail if no optimizer step was seen, since then nothing was compared.

    Raises:
        AssertionError: They differ; the message names the first difference and its likely cause. Or nothing was
            trained.
        NotDeterministicError: Two runs of ``legacy_fn`` differ, so nothing can be said.
        ValueError: There is no such channel, no seed, or ``tolerance`` is something else.

    Example:
        >>> import torch
        >>> def old():
        ...     return torch.nn.Linear(2, 1)(torch.ones(1, 2)).item()
        >>> def new():
        ...     return torch.nn.Linear(2, 1)(torch.ones(1, 2)).item()
        >>> assert_equivalent(old, new, must_train=False)
    """
    channels, given = frozenset(ignore), list(seeds)
    unknown = channels - set(CHANNELS)
    if unknown:
        raise ValueError(f"ignore must name channels of {', '.join(CHANNELS)}, got {', '.join(sorted(unknown))}")
    if not given:
        raise ValueError("seeds must have at least one seed, got none")
    steps = 0
    for seed in given:
        old, new = _trace(legacy_fn, seed), _trace(new_fn, seed)
        _check_steady(old, _trace(legacy_fn, seed), seed, tolerance, channels)
        comparison = compare(old, new, tolerance, channels)
        if not comparison.equal:
            raise AssertionError(_message(comparison, old, new, seed))
        if old.exception is not None and isinstance(old.exception, AssertionError):
            raise AssertionError(f"both functions fail with seed {seed}: {old.exception}") from old.exception
        steps += sum(isinstance(event, Step) for event in old.events)
    if must_train and not steps:
        raise AssertionError(
            "nothing was compared: no optimizer step was seen in legacy_fn (must_train=False allows that)"
        )


def _trace(function: Program, seed: int) -> Trace:
    def run(recorder: Recorder) -> None:
        recorder.result("the result", function())

    return record(run, seed)


def _check_steady(old: Trace, again: Trace, seed: int, tolerance: Tolerated, channels: frozenset[str]) -> None:
    from ann_compat.equivalence.harness import NotDeterministicError

    control = compare(old, again, tolerance, channels)
    if not control.equal:
        raise NotDeterministicError(f"two runs of legacy_fn with seed {seed} differ: {control.first}")


def _message(comparison: Comparison, old: Trace, new: Trace, seed: int) -> str:
    lines = [f"the old and the new code differ with seed {seed}", f"{where(comparison.first, old)}: {comparison.first}"]
    others = [difference.channel for difference in comparison.differences[1:]]
    cause = likely_cause(None, comparison, old, new)
    lines += [f"differs too: {', '.join(others)}"] if others else []
    lines += [f"likely cause: {cause}"] if cause else []
    return "\n".join(lines)
