"""A ladder as text."""

from __future__ import annotations

import textwrap

from ann_compat.equivalence.ladder import Explanation

_STATES = {"same": "same", "first": "DIFFERENT", "follows": "follows", "absent": "-"}


def explanation_text(title: str, explanation: Explanation) -> str:
    """The rungs, what the difference hangs on, the cause and its mend."""
    lines = [title, ""]
    for number, rung in enumerate(explanation.rungs, 1):
        head = f"  {number:>2}  {rung.name:<22} {_STATES[rung.state]:<10} "
        text = "" if rung.state == "absent" else rung.text
        lines += textwrap.wrap(
            f"{head}{text}", 120, subsequent_indent=" " * len(head), break_on_hyphens=False, max_lines=3
        ) or [head.rstrip()]
    if explanation.trials:
        lines += ["", "Run again with one field at its default:"]
        for trial in explanation.trials:
            word = "equal, so it hangs on this" if trial.equal else "still different"
            lines.append(f"  without {trial.field}={trial.value!r}: {word}")
    if explanation.first is None:
        return "\n".join([*lines, "", "The paths do not part."])
    lines += ["", f"The paths part at: {explanation.first.name}"]
    lines += [f"Cause and mend: {explanation.cause}"] if explanation.cause else []
    return "\n".join(lines)
