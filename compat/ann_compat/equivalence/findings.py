"""From runs that were compared to the plain values that reports are made from."""

from __future__ import annotations

import hashlib
import inspect
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ann_compat.equivalence.cases import SCHEMA_VERSION, CaseSpec
from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import EXACT, Comparison, Mode
from ann_compat.equivalence.curves import curves_of
from ann_compat.equivalence.diagnose import likely_cause, where
from ann_compat.equivalence.harness import CaseResult, run_case
from ann_compat.equivalence.outcome import Curves, Failure
from ann_compat.equivalence.programs import PROGRAM_VERSION
from ann_compat.equivalence.trace import Trace

if TYPE_CHECKING:
    from ann_compat.equivalence.program_run import ProgramResult


def case_failure(
    case: CaseResult, family: str = "configs", mode: Mode = EXACT, found_after: int = 0, times: int = 1
) -> Failure:
    """A generated case that differs."""
    spec = case.spec
    text = json.dumps({"version": SCHEMA_VERSION, **spec.non_defaults()})
    return compared_failure(
        case.comparison,
        case.old,
        case.new,
        id=case_id(spec.to_dict()),
        family=family,
        title=str(spec),
        spec=spec,
        fields=_plain(spec.non_defaults()),
        case=spec.to_dict(),
        reproduce=f"ann-equiv replay{mode_options(mode)} {shlex.quote(text)}",
        explain=f"ann-equiv explain{mode_options(mode)} {shlex.quote(text)}",
        found_after=found_after,
        times=times,
        curves=_longer_curves(case, mode),
    )


def program_failure(checked: ProgramResult, mode: Mode = EXACT, found_after: int = 0, times: int = 1) -> Failure:
    """A generated program that is not migrated as it must be."""
    spec, fault = checked.spec, checked.fault
    if fault is None:
        raise ValueError(f"checked must be of a program with a fault, got {spec}")
    text = json.dumps({"program": PROGRAM_VERSION, **spec.non_defaults()})
    common: dict[str, Any] = {
        "id": case_id(spec.to_dict()),
        "family": "programs",
        "title": str(spec),
        "fields": _plain(spec.non_defaults()),
        "case": spec.to_dict(),
        "reproduce": f"ann-equiv replay{mode_options(mode)} {shlex.quote(text)}",
        "explain": f"ann-equiv explain{mode_options(mode)} {shlex.quote(text)}",
        "found_after": found_after,
        "times": times,
    }
    if checked.comparison is None or checked.old is None or checked.new is None:
        return Failure(where="the codemod", channel=fault.kind, difference=fault.text, **common)
    return compared_failure(checked.comparison, checked.old, checked.new, **common)


def compared_failure(
    comparison: Comparison,
    old: Trace,
    new: Trace,
    *,
    title: str,
    spec: CaseSpec | None = None,
    **rest: Any,
) -> Failure:
    """Two traces that differ; ``rest`` are the fields of :class:`~ann_compat.equivalence.outcome.Failure` left over."""
    first, *others = comparison.differences
    batches = (spec.train_batches or None) if spec is not None else None
    return Failure(
        title=title,
        where=where(first, old, batches),
        channel=first.channel,
        difference=f"{first.place}: {first.text}",
        channels=tuple(dict.fromkeys(other.channel for other in others)),
        cause=likely_cause(spec, comparison, old, new),
        **{"curves": curves_of(title, old, new), **rest},
    )


def _longer_curves(case: CaseResult, mode: Mode) -> Curves | None:
    """Where a simplest case leads in a longer run, as far as the paths differ there, too."""
    spec = case.spec
    data: dict[str, Any] = {"train_size": 24, "batch_size": 5, "validation": True, "validation_size": 12}
    longer = replace(spec, **data, epochs=EPOCHS, config_epochs=EPOCHS)
    result = run_case(longer, mode)
    shown = case if result.comparison.equal else result
    changed = "the case above" if shown is case else f"the case above, over {EPOCHS} epochs with more data"
    return curves_of(changed, shown.old, shown.new)


EPOCHS = 12
"""Of the longer run whose curves are shown."""


def case_id(case: Mapping[str, Any]) -> str:
    """The short name of a case: the same for the same values."""
    return hashlib.sha256(json.dumps(case, sort_keys=True).encode()).hexdigest()[:8]


def mode_options(mode: Mode) -> str:
    """The options of the command line that stand for ``mode``, with a leading space each."""
    channels = f" --channels {','.join(mode.channels)}" if mode.channels != CHANNELS else ""
    return f"{' --tolerance torch' if mode.tolerance == 'torch' else ''}{channels}"


def source_of(function: Callable[..., Any], root: Path) -> tuple[str | None, int | None]:
    """File, relative to ``root`` where it is below it, and line of a function."""
    try:
        path, (_, line) = Path(inspect.getfile(function)), inspect.getsourcelines(function)
    except (TypeError, OSError):
        return None, None
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix(), line


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
