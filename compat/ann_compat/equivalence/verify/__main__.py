"""``python -m ann_compat.equivalence.verify``: a question on standard input, an answer on standard output."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from ann_compat.equivalence.verify.process import Abandoned
from ann_compat.equivalence.verify.protocol import Request
from ann_compat.equivalence.verify.session import verify
from ann_compat.equivalence.verify.tree import remove_tree


def main() -> int:
    """Answer one question; 0 if it was answered, 130 if nobody waits for the answer any more."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing but the answer goes to standard output, whatever is imported
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    request: Request | None = None
    try:
        request = Request.from_document(json.loads(sys.stdin.buffer.readline()))
        document = verify(request, _end_of_input()).to_document()
        json.dump(document, answer)
        answer.write("\n")
        answer.close()
    except Abandoned:
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if request is not None:
            remove_tree(request.workspace)
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # Pressed twice, the second must not interrupt the cleaning up after the first.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise Abandoned


def _end_of_input() -> threading.Event:
    """An event that is set when whoever asked closes standard input, which it does at the latest when it ends."""
    ended = threading.Event()

    def wait() -> None:
        # Not through sys.stdin: at exit its lock, held here, could not be taken.
        while os.read(0, 4096):
            pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


if __name__ == "__main__":
    sys.exit(main())
