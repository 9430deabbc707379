"""Which of several processes this is."""

from __future__ import annotations

import os

import torch.distributed as dist


def is_main_process() -> bool:
    """Whether this process is the one that prints and writes files: rank 0, or the only one.

    Before the process group stands, the rank that ``torchrun`` gives by the environment counts.

    Example:
        >>> is_main_process()
        True
    """
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank() == 0
    return os.environ.get("RANK", "0") == "0"
