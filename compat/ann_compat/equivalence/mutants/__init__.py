"""The catalogue of planted defects, by what they are planted in; each must be caught within few generated cases."""

from __future__ import annotations

from ann_compat.equivalence.mutants.bridge import BRIDGE_MUTANTS
from ann_compat.equivalence.mutants.codemod import CODEMOD_MUTANTS
from ann_compat.equivalence.mutants.harness import HARNESS_MUTANTS
from ann_compat.equivalence.mutants.trainer import TRAINER_MUTANTS

__all__ = ["BRIDGE_MUTANTS", "BY_NAME", "CODEMOD_MUTANTS", "HARNESS_MUTANTS", "MUTANTS", "TRAINER_MUTANTS"]

MUTANTS = (*TRAINER_MUTANTS, *BRIDGE_MUTANTS)
"""The defects of the new path, which generated configs must catch; those of the codemod are for programs."""

BY_NAME = {mutant.name: mutant for mutant in (*MUTANTS, *CODEMOD_MUTANTS, *HARNESS_MUTANTS)}
