"""The first difference between two runs, in the order in which it came about: calls, then output, files and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from ann_compat.equivalence.verify import cause
from ann_compat.equivalence.verify.files import files_difference
from ann_compat.equivalence.verify.protocol import Difference
from ann_compat.equivalence.verify.runs import Call, Process, Run

_STATE_NAMES = {
    "parameters": "parameter",
    "buffers": "buffer",
    "modes": "the training mode of module",
    "gradients": "the gradient left in",
    "rng": "the generator of",
}

STATE = ("optimizer", "groups", "parameters", "buffers", "modes", "optimizer_state", "gradients", "rng")
"""What is compared of a state, the most telling first."""


def first_difference(old: Run, new: Run, without: Sequence[str] = ()) -> Difference | None:
    """Compare all that two runs left, but for the channels *without* and their output: see
    :func:`output_difference`.
    """
    return next((found for found in _differences(old, new) if found.channel not in without), None)


def _differences(old: Run, new: Run) -> Iterator[Difference]:
    for before, after in zip_longest(old.training, new.training):
        yield from _process_differences(before, after)
    if old.ended.exit_code != new.ended.exit_code:
        was, now = str(old.ended.exit_code), str(new.ended.exit_code)
        yield Difference("exit_code", "how the command ended", was, now, cause.crash(new.stderr))
    yield from files_difference(old.files, new.files)
    yield from files_difference(old.outside, new.outside)
    for before, after in zip(old.training, new.training, strict=False):
        if before.rng is not None and after.rng is not None:
            for name in before.rng.keys() | after.rng.keys():
                if before.rng.get(name) != after.rng.get(name):
                    place = f"the state of the {name} generator at the end"
                    yield Difference("rng", place, "a digest", "another", cause.RANDOM)


def _process_differences(old: Process | None, new: Process | None) -> Iterator[Difference]:
    if old is None or new is None:
        counts = tuple("none" if each is None else f"{len(each.calls)} calls" for each in (old, new))
        yield Difference("calls", "training in one more process", counts[0], counts[1])
        return
    for before, after in zip_longest(old.calls, new.calls):
        yield from _call_differences(before, after)


def _call_differences(old: Call | None, new: Call | None) -> Iterator[Difference]:
    if old is None or new is None:
        yield Difference("calls", "which calls were made", _named(old), _named(new), cause.CALLS)
        return
    if (old.kind, _where(old)) != (new.kind, _where(new)) or _number(old) != _number(new):
        yield Difference("calls", "which calls were made", _named(old), _named(new), cause.CALLS)
    place = _named(old)
    for name, before, after in _state_differences(old.start, new.start):
        channel = "rng" if name == "rng" else "initialisation"
        yield _state_difference(channel, f"{place}, before it began: ", name, before, after)
    yield from _event_differences(old, new)
    yield from _ending_differences(place, old, new)
    yield from _history_differences(place, old, new)
    for name, before, after in _state_differences(old.end or {}, new.end or {}):
        channel = "rng" if name == "rng" else "state"
        yield _state_difference(channel, f"{place}, after it: ", name, before, after)


def _state_differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in STATE:
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _state_difference(channel: str, place: str, name: str, old: Any, new: Any) -> Difference:
    if name == "optimizer":
        return Difference(channel, place + "the optimizer", str(old), str(new), cause.OPTIMIZER)
    if name == "groups":
        key, before, after = _first_setting(old, new)
        return Difference(channel, f"{place}{key} of the optimizer", before, after, cause.setting(key))
    if isinstance(old, dict) and isinstance(new, dict):
        names = [key for key in {**old, **new} if old.get(key, ...) != new.get(key, ...)]
        shown = _shown if name == "modes" else _digest
        was, now = shown(old.get(names[0])), shown(new.get(names[0]))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return Difference(
            channel, f"{place}{_STATE_NAMES[name]} {names[0] or 'itself'}{more}", was, now, cause.state(name, channel)
        )
    return Difference(channel, place + name.replace("_", " "), "a digest", "another", cause.state(name, channel))


def _first_setting(old: Sequence[Any], new: Sequence[Any]) -> tuple[str, str, str]:
    if len(old) != len(new):
        return "number of parameter groups", str(len(old)), str(len(new))
    for before, after in zip(old, new, strict=True):
        settings = dict(before["dict"]), dict(after["dict"])
        for key in {**settings[0], **settings[1]}:
            if settings[0].get(key) != settings[1].get(key):
                return key, _shown(settings[0].get(key)), _shown(settings[1].get(key))
    return "order of settings", "one", "another"


def _event_differences(old: Call, new: Call) -> Iterator[Difference]:
    step = 0
    allowed = cause.refinement_of(old, new)
    for index, (before, after) in enumerate(zip_longest(old.events, new.events)):
        place = f"{_named(old)}, " + (f"after step {step}" if step else "before the first step")
        if before is None or after is None or before["kind"] != after["kind"]:
            why = cause.other_event(old, new, before, after)
            yield Difference("forward", f"{place}: what came next", _event_named(before), _event_named(after), why)
            return
        kind = before["kind"]
        step += kind == "step"
        if kind == "step":
            place = f"{_named(old)}, step {step}"
        for name in before:
            if before[name] != after.get(name):
                found = _event_difference(place, kind, name, before, after, trains=_trains(new, index))
                yield replace(found, cause=cause.refined(allowed)) if allowed and name in allowed.exempt else found


def _trains(call: Call, index: int) -> bool:
    """Whether a backward pass follows the forward pass at *index*."""
    return [event["kind"] for event in call.events[index + 1 : index + 3]] == ["output", "backward"]


def _event_difference(
    place: str, kind: str, name: str, old: dict[str, Any], new: dict[str, Any], *, trains: bool
) -> Difference:
    before, after = old[name], new.get(name)
    if kind == "backward":
        return Difference("loss", f"{place}: the loss", _shown(before), _shown(after), cause.loss(before, after or {}))
    if kind == "step" and name == "groups":
        key, was, now = _first_setting(before, after or [])
        return Difference("step", f"{place}: {key} of the optimizer", was, now, cause.setting(key))
    if kind == "step":
        was, now = (f"total norm {each['norm']!r}" for each in (old, new))
        return Difference("step", f"{place}: the gradients", was, now, cause.gradients(old["norm"], new["norm"]))
    if name == "inputs":
        was, now = (_shapes(each) for each in (before, after))
        if was == now:
            return Difference("forward", f"{place}: the batch", "one", "another of the same shape", cause.DATA)
        return Difference("forward", f"{place}: the shape of the batch", was, now, cause.SHAPE)
    what = {
        "training": "training mode",
        "grad_enabled": "whether gradients are on",
        "rng": "the state of torch's generator",
        "output": "the model's output",
    }.get(name, name)
    was, now = (_shown(each) if isinstance(each, bool) else _digest(each) for each in (before, after))
    return Difference("forward", f"{place}: {what}", was, now, cause.forward(name, after, trains=trains))


def _ending_differences(place: str, old: Call, new: Call) -> Iterator[Difference]:
    """An exception of a subclass is no difference: every ``except`` that caught the old one catches it."""
    if old.raised is None and new.raised is None:
        return
    if old.raised and new.raised and old.raised["types"][0] in new.raised["types"]:
        return
    was, now = _ending(old.raised), _ending(new.raised)
    yield Difference("exception", f"{place}: how it ended", was, now, cause.ending(old, new))


def _ending(raised: dict[str, Any] | None) -> str:
    return "it returned" if raised is None else f"{raised['types'][0]}: {raised['text']}"


def _history_differences(place: str, old: Call, new: Call) -> Iterator[Difference]:
    if not old.history or not new.history:
        return
    if old.history["legacy"] is None or new.history["legacy"] is not None:
        key = "own" if old.history["legacy"] is None else "legacy"
        for path, before, after in _value_differences(old.history[key], new.history[key], ""):
            yield Difference("history", f"{place}: record{path}", before, after, cause.history(path))
        return
    # Nobody reads the legacy records of this trainer; what both keep must agree.
    own = new.history["own"]
    legacy = old.history["legacy"][-len(own) :] if own else []
    for index, (before, after) in enumerate(zip(legacy, own, strict=False)):
        records = dict(before["dict"]), dict(after["dict"])
        for key in ("epoch", "train_loss", "val_loss"):
            if records[0].get(key) != records[1].get(key):
                was, now = (_shown(record.get(key)) for record in records)
                yield Difference("history", f"{place}: record[{index}][{key!r}]", was, now, cause.history(key))
    if len(legacy) != len(own):
        yield Difference("history", f"{place}: epochs", str(len(legacy)), str(len(own)), cause.EPOCHS)


def _value_differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if old == new:
        return
    if isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _value_differences(before, after, f"{path}[{index}]")
        if len(old) != len(new):
            yield path, f"{len(old)} values", f"{len(new)} values"
        return
    if isinstance(old, dict) and isinstance(new, dict) and "dict" in old and "dict" in new:
        keys = [[key for key, _ in each["dict"]] for each in (old, new)]
        if keys[0] != keys[1]:
            yield path, f"keys {', '.join(keys[0])}", f"keys {', '.join(keys[1])}"
            return
        for (key, before), (_, after) in zip(old["dict"], new["dict"], strict=True):
            yield from _value_differences(before, after, f"{path}[{key!r}]")
        return
    yield path, _shown(old), _shown(new)


def output_difference(
    old: Sequence[bytes], control: Sequence[bytes], new: Sequence[bytes]
) -> tuple[Difference | None, int]:
    """Compare what the program printed, word by word, but for the words in which two runs of the old code differ.

    Returns:
        The first difference, and in how many lines something was left out; -1 if two runs of the old code do not even
        print the same number of lines, so that nothing can be compared.

    Example:
        >>> output_difference([b"took 1.2 s", b"93.0"], [b"took 1.3 s", b"93.0"], [b"took 1.4 s", b"93.0"])
        (None, 1)
    """
    if len(old) != len(control):
        return None, -1
    masked = sum(before != again for before, again in zip(old, control, strict=True))
    for number, (before, again, after) in enumerate(zip_longest(old[: len(new)], control[: len(new)], new), start=1):
        if before is None or not _same_words(before, again, after):
            was, now = ("nothing" if each is None else each.decode(errors="replace") for each in (before, after))
            return Difference(
                "output", f"what the program printed, line {number}", was, now, cause.output(before, after)
            ), masked
    if len(old) > len(new):
        missing = old[len(new)].decode(errors="replace")
        return Difference("output", f"what the program printed, line {len(new) + 1}", missing, "nothing"), masked
    return None, masked


def _same_words(old: bytes, again: bytes, new: bytes) -> bool:
    if old == again:
        return old == new
    words = old.split(), again.split(), new.split()
    if len(words[0]) != len(words[1]):
        return True
    if len(words[0]) != len(words[2]):
        return False
    return all(before != control or before == after for before, control, after in zip(*words, strict=True))


def _named(call: Call | None) -> str:
    if call is None:
        return "no call"
    site = call.site
    return f"{call.method} at {site.get('file') or site.get('outside')}:{site['line']}"


def _where(call: Call) -> tuple[Any, Any]:
    return call.site.get("file"), call.site.get("function")


def _number(call: Call) -> tuple[Any, Any, Any]:
    """Which object it is: lines shift, so by file and function of its construction and by count."""
    owner = call.owner
    return (owner["number"], owner["site"].get("file"), owner["site"].get("function")) if owner else (None, None, None)


def _event_named(event: dict[str, Any] | None) -> str:
    if event is None:
        return "the call ended"
    if event["kind"] == "forward":
        return "a forward pass in " + ("training" if event["training"] else "evaluation")
    return {"output": "the model returned", "backward": "a backward pass", "step": "an optimizer step"}[event["kind"]]


def _shapes(value: Any) -> str:
    if isinstance(value, dict) and "shape" in value:
        return f"{tuple(value['shape'])} {value['dtype']}"
    if isinstance(value, list):
        return ", ".join(map(_shapes, value))
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        for key in ("float", "value"):
            if key in value:
                return repr(float.fromhex(value[key]))
        if "dict" in value:
            return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value["dict"]) + "}"
        return _digest(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return "nothing" if value is None else str(value)


def _digest(value: Any) -> str:
    if isinstance(value, str):
        return f"digest {value[:8]}"
    if isinstance(value, dict) and "tensor" in value:
        if "value" in value:
            return _shown(value)
        return f"{_shapes(value)}, digest {value['tensor'][:8]}"
    return "nothing" if value is None else "a value"
