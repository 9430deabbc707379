"""``python -m ann_compat.equivalence.divergences FILE``: make the table in ``FILE`` anew."""

from __future__ import annotations

import sys
from pathlib import Path

from ann_compat.equivalence.divergences.table import refresh

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ann_compat.equivalence.divergences FILE")
    refresh(Path(sys.argv[1]))
