"""Defects of the harness itself: with any of them planted, the self-test must fail."""

from __future__ import annotations

from ann_compat.equivalence.planting import Mutant

_HARNESS = "ann_compat.equivalence"

HARNESS_MUTANTS = (
    Mutant(
        "everything-is-equal",
        "the comparison never finds a difference",
        (
            (
                f"{_HARNESS}.values:mismatch",
                "    for kind in (list, tuple):",
                "    return None\n    for kind in (list, tuple):",
            ),
        ),
    ),
    Mutant(
        "old-run-with-itself",
        "a run is compared with itself",
        ((f"{_HARNESS}.harness:run_case", "compare(old, new)", "compare(old, old)"),),
    ),
    Mutant(
        "shorter-list-decides",
        "lists are compared up to the end of the shorter one",
        ((f"{_HARNESS}.values:_sequence_mismatch", "if len(old) == len(new) else", "if True else"),),
    ),
    Mutant(
        "other-lengths-skipped",
        "lists of different lengths are not compared",
        (
            (
                f"{_HARNESS}.values:_sequence_mismatch",
                "    for index, (before, after)",
                "    if len(old) != len(new):\n        return None\n    for index, (before, after)",
            ),
        ),
    ),
    Mutant(
        "fewer-events-pass",
        "a run in which less happens passes for equal",
        ((f"{_HARNESS}.compare:_event_difference", "if len(before) == len(after) or", "if True or"),),
    ),
    Mutant(
        "shared-model",
        "all runs of a case train the same model",
        (
            (f"{_HARNESS}.build:build", "def build(spec: CaseSpec)", "def build(spec: CaseSpec, kept={})"),
            (f"{_HARNESS}.build:build", "model = ZOO[spec.model](", "model = kept.get(spec) or ZOO[spec.model]("),
            (
                f"{_HARNESS}.build:build",
                "    criterion = _criterion(spec)",
                "    kept[spec] = model; criterion = _criterion(spec)",
            ),
        ),
    ),
    Mutant(
        "not-seeded",
        "runs are neither seeded nor put back to the state before",
        (
            (f"{_HARNESS}.environment:isolated", "torch.default_generator.manual_seed)(seed)", "torch.seed)"),
            (f"{_HARNESS}.environment:isolated", "_restore_random_states(generators)", "pass"),
        ),
    ),
    Mutant(
        "nan-equals-anything",
        "NaN passes for equal to any number",
        ((f"{_HARNESS}.values:mismatch", "if isinstance(old, float):", "if isinstance(old, float) and old == old:"),),
    ),
    Mutant(
        "exceptions-swallowed",
        "a run that raised passes for one that ended normally",
        ((f"{_HARNESS}.trace:record", "trace.exception = error.with_traceback(None)", "pass"),),
    ),
)
