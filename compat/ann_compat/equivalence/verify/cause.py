"""From the first difference to its likely cause, by name, and what mends it."""

from __future__ import annotations

import re
from typing import Any

from ann_compat.equivalence.refinements import REFINEMENTS, Refinement
from ann_compat.equivalence.verify.runs import Call

CALLS = "another call of the training methods: one was added, removed or moved"
OPTIMIZER = "another optimizer: Trainer must get the one that the loop was given, or torch.optim.Adam"
LEARNING_RATE = "another learning rate: the loop read config.learning_rate when it was constructed; pass that as lr"
CRITERION = "another criterion: Trainer must get the one that the loop was given, or nn.CrossEntropyLoss()"
CLIPPING = "gradient clipping is missing: the loop clipped to a total norm of 1.0; pass max_grad_norm=1.0"
OTHER_CLIPPING = "gradients are clipped to another norm: the loop clipped to 1.0; pass max_grad_norm=1.0"
GRADIENTS = "gradients were accumulated, scaled or cleared otherwise: the loop called zero_grad before each batch"
RANDOM = "random numbers were drawn more or less often, or reseeded: Trainer's seed= does that, the loop did not"
DATA = "another order of the data: a loader was iterated, or a random number drawn, more or less often"
SHAPE = "the loop flattened 4-D batches to (N, -1): pass batch_transform=flatten_images"
EPOCHS = "another number of epochs: the loop took num_epochs, or config.num_epochs where that was None or 0"
EVALUATION = "validation is missing: pass the loader that train got as val_loader"
MORE_EVALUATION = "an evaluation that the loop did not make"
MODE = "the model is in another mode: something calls train() or eval() that did not before"
MODEL = "the model computes something else from the same batch: other parameters, buffers or modes"
INITIALISATION = "other parameters before training: initialised from another random state, or changed in between"
RECORDS = "other records: callbacks=legacy_callbacks(config) keeps those of the loop, legacy_history reads them"
PERCENT = "accuracy is in percent in the loop's records and a fraction in Trainer's: read them by legacy_history"
FILES = "the loop wrote metrics and checkpoints: callbacks=legacy_callbacks(config) writes them"


def setting(name: str) -> str:
    """Of a setting of the optimizer."""
    return LEARNING_RATE if name == "lr" else f"the optimizer was made with another {name}"


def state(name: str, channel: str) -> str:
    """Of a difference in the state before or after a call."""
    if name == "rng":
        return RANDOM
    if name == "modes":
        return MODE
    return INITIALISATION if channel == "initialisation" else ""


def gradients(old: float, new: float) -> str:
    """Of the gradients that a step used, by their norms, where all before them was equal."""
    clipped = 1.0 + 1e-5
    if old <= clipped < new:
        return CLIPPING
    return OTHER_CLIPPING if abs(old - 1.0) < 1e-5 and new < old else GRADIENTS


def loss(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Of the loss of a batch whose outputs were equal: whether it became a fraction of what it was."""
    if "value" in old and "value" in new:
        before, after = float.fromhex(old["value"]), float.fromhex(new["value"])
        if after and abs(before / after - round(before / after)) < 1e-5 and 2 <= round(before / after) <= 1024:
            return f"{GRADIENTS}; leave gradient_accumulation_steps at 1"
    return CRITERION


def forward(name: str, new: Any, *, trains: bool) -> str:
    """Of a forward pass; *trains* says whether the new code followed it with a backward pass."""
    if name == "training":
        if new != trains:
            return MODE
        return EVALUATION if trains else MORE_EVALUATION
    return {"rng": RANDOM, "output": MODEL}.get(name, "")


def other_event(old: Call, new: Call, before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """Where something else came next, or one call ended before the other."""
    if new.raised is not None and after is None:
        return raised(new.raised)
    if before is None and (entry := refinement_of(old, new)) is not None:
        return refined(entry)
    steps = [sum(event["kind"] == "step" for event in call.events) for call in (old, new)]
    longer = before or after
    if before is None or after is None:
        if longer is not None and longer["kind"] == "forward" and not longer["training"]:
            return EVALUATION if after is None else MORE_EVALUATION
        return EPOCHS if steps[0] != steps[1] else ""
    return GRADIENTS if "step" in (before["kind"], after["kind"]) else ""


def refinement_of(old: Call, new: Call) -> Refinement | None:
    """Why Trainer goes on where the loop raised, if that is one of the known cases."""
    if old.raised is None or new.raised is not None:
        return None
    name, text = old.raised["types"][0].rpartition(".")[2], old.raised["text"]
    return next((entry for entry in REFINEMENTS if entry.covers_type(name, text)), None)


def refined(entry: Refinement) -> str:
    """Of a known case in which Trainer goes on: the program that caught the exception does something else then."""
    return f"{entry.why} The program counts on the exception ({entry.name})"


def ending(old: Call, new: Call) -> str:
    """Of two calls that ended differently."""
    entry = refinement_of(old, new)
    return raised(new.raised) if entry is None else refined(entry)


def raised(exception: dict[str, Any] | None) -> str:
    """Of an exception that the new code raised."""
    if exception is None:
        return "the old code raised here"
    if "shapes cannot be multiplied" in exception["text"]:
        return SHAPE
    return f"the new code raised {exception['types'][0].rpartition('.')[2]}"


def crash(stderr: str) -> str:
    """Of an exit code, by the last line of the traceback."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    last = lines[-1].strip() if lines else ""
    return f"the new program ended with {last}" if re.match(r"[\w.]+(Error|Exception|Exit|Interrupt)\b", last) else ""


def history(path: str) -> str:
    """Of a record."""
    if "accuracy" in path:
        return PERCENT
    return RECORDS


def output(old: bytes | None, new: bytes | None) -> str:
    """Of a printed line: whether a number became a hundredth."""
    number = rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
    if old is None or new is None:
        return ""
    for before, after in zip(re.findall(number, old), re.findall(number, new), strict=False):
        if before != after:
            percent, fraction = float(before), float(after)
            return PERCENT if 0 < fraction <= 1 and abs(percent - 100 * fraction) <= 0.01 * percent + 0.5 else ""
    return ""
