"""The network connections between ranks, so that a rank that fails can end them.

A process group does not close its connections while anything still refers to it, which wrapped models do; and as long
as they are open, the other ranks wait for an answer until their time-out, which by default is half an hour.
"""

from __future__ import annotations

import os
import socket
from typing import Any

import psutil

from adaptiveneuralnetwork.training.collectives import gathered


class Links:
    """The TCP connections of this process whose other end is another rank. All ranks must make theirs together."""

    def __init__(self, rank: int) -> None:
        mine = [(tuple(link.laddr), tuple(link.raddr)) for link in _connections()]
        others = [ends for place, ends in enumerate(gathered(mine)) if place != rank]
        theirs = {(far, near) for ends in others for near, far in ends}
        self._ends = theirs.intersection(mine)

    def __len__(self) -> int:
        return len(self._ends)

    def cut(self) -> None:
        """Shut them down: whoever waits at the other end gets an error at once."""
        for link in _connections():
            if (tuple(link.laddr), tuple(link.raddr)) in self._ends:
                # A duplicate: the descriptor itself stays with its owner.
                with socket.socket(fileno=os.dup(link.fd)) as duplicate:
                    duplicate.shutdown(socket.SHUT_RDWR)


def _connections() -> list[Any]:
    try:
        links = psutil.Process().net_connections("tcp")
    except psutil.Error:  # not permitted
        return []
    return [link for link in links if link.status == psutil.CONN_ESTABLISHED and link.raddr]
