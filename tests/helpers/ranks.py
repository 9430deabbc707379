"""Start processes that train together, and collect what they return.

Checks are functions ``check(rank, world_size, folder) -> value`` of the module ``rank_checks``; the processes run them
one after the other in one process group, since starting processes takes longer than most checks.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing

SECONDS = 60
"""No process waits longer for another."""


def run_checks(names: list[str], folder: Path, world_size: int = 2) -> dict[str, list[Any]]:
    """What each check returned, a value for each rank. A check that failed gives the text of its error."""
    # One server is started, imports torch, and forks the processes: two imports fewer for each pair.
    multiprocessing.set_forkserver_preload(["adaptiveneuralnetwork.training.fsdp", "torchmetrics", "rank_checks"])
    torch.multiprocessing.start_processes(
        _run, (world_size, names, folder), nprocs=world_size, start_method="forkserver", join=True
    )
    results = [torch.load(folder / f"results_{rank}.pt", weights_only=False) for rank in range(world_size)]
    return {name: [result.get(name, "not reached") for result in results] for name in names}


def _run(rank: int, world_size: int, names: list[str], folder: Path) -> None:
    join(rank, world_size, folder / "rendezvous")
    checks = importlib.import_module("rank_checks")
    results: dict[str, Any] = {}
    for name in names:
        try:
            results[name] = getattr(checks, name)(rank, world_size, folder)
        except Exception:
            results[name] = traceback.format_exc()
            print(f"rank {rank}, {name}: {results[name]}", flush=True)
            break  # the other ranks are somewhere else now
    torch.save(results, folder / f"results_{rank}.pt")
    dist.destroy_process_group()


def join(rank: int, world_size: int, rendezvous: Path) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # else gloo goes by the host's name, which need not resolve
    torch.set_num_threads(1)
    store = dist.FileStore(str(rendezvous), world_size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world_size, timeout=timedelta(seconds=SECONDS))
