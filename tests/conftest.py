"""Make the helper modules of the tests importable, and print what tests have to show.

pytest's importlib mode leaves sys.path alone. What a test hands to ``record_property("report", text)`` stands at the
end of the run, from worker processes too.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "helpers"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, text in getattr(report, "user_properties", ()):
            if name == "report" and report.when == "call":
                terminalreporter.section(report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(text)
