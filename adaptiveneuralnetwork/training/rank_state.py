"""What a checkpoint says of each of several processes, and what a process takes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from adaptiveneuralnetwork.training.batches import length_of
from adaptiveneuralnetwork.training.seeding import isolated_rng, rng_state, seed_everything

_OF_A_RANK = ("epoch_start", "loader", "tally", "window")
"""What of a position within an epoch differs from rank to rank."""


def part_of_rank(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a trainer's state is this rank's own; all else is the same on every rank, or is taken from rank 0."""
    part = {name: state[name] for name in ("rng_state", "generators") if name in state}
    position = state.get("position", {})
    return part | {"position": {name: position[name] for name in _OF_A_RANK if name in position}}


def part_for(state: Mapping[str, Any], rank: int, world_size: int) -> dict[str, Any]:
    """The state that ``rank`` of ``world_size`` continues from.

    With as many processes as wrote it, each takes up its own part. Otherwise what the ranks have counted in the present
    epoch is left out, and the random states of all ranks but the first are derived anew.
    """
    local = dict(state)
    parts = local.pop("ranks", None)
    written_by = state.get("world_size", 1)
    if written_by == world_size and (parts is None or len(parts) == world_size):
        if parts is not None:
            local["position"] = state.get("position", {}) | parts[rank]["position"]
            local |= {name: value for name, value in parts[rank].items() if name != "position"}
            if "position" not in state:
                del local["position"]
        return local
    if "position" in state:
        local["position"] = {
            name: value for name, value in state["position"].items() if name not in ("tally", "window")
        }
    if rank and "rng_state" in state:
        drawn = hashlib.sha256(state["rng_state"]["torch"].cpu().numpy().tobytes()).digest()
        with isolated_rng():
            seed_everything(derived_seed(int.from_bytes(drawn[:4], "big"), rank, state.get("global_step", 0)))
            local["rng_state"] = rng_state()
    return local


def batches_done(state: Mapping[str, Any], loader: Any, world_size: int) -> int:
    """How many of the batches of ``loader`` each of ``world_size`` processes has behind it.

    Where other processes, or other batches, have brought it there, these are those with as many samples, rounded down;
    one is left in any case.
    """
    done: int = state["position"]["batches"]
    if state.get("world_size", 1) == world_size:
        return done
    was, now = state["position"].get("batch_size"), getattr(loader, "batch_size", None)
    if was and now:
        done = done * was * state["world_size"] // (now * world_size)
    length = length_of(loader)
    return done if length is None else min(done, length - 1)


def derived_seed(seed: int, *numbers: int) -> int:
    """A seed that follows from ``seed`` and ``numbers``, and shares no random numbers with those of others."""
    digest = hashlib.sha256(repr((seed, *numbers)).encode()).digest()
    return int.from_bytes(digest[:4], "big")
