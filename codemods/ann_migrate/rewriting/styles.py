"""The styles of new code, by name."""

from __future__ import annotations

from typing import Literal

Style = Literal["faithful", "guide"]
STYLES: tuple[Style, ...] = ("faithful", "guide")
