"""Where the legacy loop raises and ``Trainer`` does not: the one list of what is allowed.

Everything up to the point where the legacy loop raised must be equal all the same. The reverse, a run that works in the
legacy loop and raises in ``Trainer``, is always a difference.

The harness compares training alone, and accepts what this list allows. A whole program, which catches the exception and
goes on with what was trained, does something else then: ``ann-migrate --verify`` says *differs*, and names the entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ann_compat.equivalence.trace import Trace


@dataclass(frozen=True, slots=True)
class Refinement:
    """One case in which ``Trainer`` goes on.

    Attributes:
        name: Under which it is counted.
        exception: What the legacy loop raises.
        text: A part of that exception's message.
        why: What the legacy loop cannot do, and what ``Trainer`` does.
        exempt: Attributes of forward passes that differ because of it.
    """

    name: str
    exception: type[BaseException]
    text: str
    why: str
    exempt: tuple[str, ...] = ()

    def covers(self, exception: BaseException) -> bool:
        return self.covers_type(type(exception).__name__, str(exception))

    def covers_type(self, name: str, text: str) -> bool:
        """As :meth:`covers`, of an exception of which only the name of its type and the message are known."""
        return name == self.exception.__name__ and self.text in text


REFINEMENTS = (
    Refinement(
        name="loader-without-length",
        exception=TypeError,
        text="has no len()",
        why="The legacy loop divides by len(loader) after it has trained the epoch; Trainer counts the batches it saw.",
    ),
    Refinement(
        name="gradients-disabled-by-caller",
        exception=RuntimeError,
        text="does not require grad and does not have a grad_fn",
        why="Under torch.no_grad() the legacy loop fails in backward(); Trainer switches gradients on for training.",
        exempt=("grad_enabled",),
    ),
)


def refinement(old: Trace, new: Trace) -> Refinement | None:
    """The entry of the list that allows ``new`` to go on where ``old`` raised, if there is one."""
    if old.exception is None or new.exception is not None:
        return None
    return next((entry for entry in REFINEMENTS if entry.covers(old.exception)), None)
