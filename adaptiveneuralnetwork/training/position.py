"""Where a run of ``fit`` is: what a checkpoint says of it, and where a resumed run takes up."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, field
from typing import Any


class Stage(enum.IntEnum):
    """How far an epoch is, in order.

    Attributes:
        BEGIN: It has not begun, or ``on_epoch_begin`` is being called.
        TRAIN: Within the training batches.
        VALIDATE: All batches are trained on; the evaluation is not done.
        VALIDATED: The evaluation is done, where there is one.
        END: The record is in the history and the scheduler is stepped; ``on_epoch_end`` is being called.
    """

    BEGIN = 0
    TRAIN = 1
    VALIDATE = 2
    VALIDATED = 3
    END = 4


@dataclass
class Position:
    """Where a run is.

    Attributes:
        epoch: The epoch that runs or comes next.
        stage: How far it is.
        batches: Training batches done in it.
        record: What it has measured so far.
        extras: What the metrics of callbacks have measured.
        hook: The hook in which the checkpoint was written, ``None`` outside of hooks.
        told: The callbacks for which that hook had been called, the one that wrote the checkpoint included.
        logs: What the hook received.
    """

    epoch: int = 0
    stage: Stage = Stage.BEGIN
    batches: int = 0
    record: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    hook: str | None = None
    told: list[str] = field(default_factory=list)
    logs: dict[str, Any] = field(default_factory=dict)

    @property
    def within_epoch(self) -> bool:
        """Whether the epoch has begun."""
        return self.stage is not Stage.BEGIN or self.hook == "on_epoch_begin"

    def validated(self, record: dict[str, Any], extras: dict[str, Any]) -> None:
        """Note what the evaluation has measured."""
        self.record = self.record | record
        self.extras = self.extras | extras
        self.stage = Stage.VALIDATED

    def state_dict(self) -> dict[str, Any]:
        return asdict(self) | {"stage": self.stage.name}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Position:
        return cls(**(state | {"stage": Stage[state["stage"]]}))
