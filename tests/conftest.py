"""Make the helper modules of the tests importable, and print what tests have to show.

pytest's importlib mode leaves sys.path alone. What a test hands to ``record_property("report", text)`` stands at the
end of the run, from worker processes too.
"""

import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "helpers"))


# A shell that starts this in the background lets all that it starts ignore Ctrl-C; tests send it to their processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, text in getattr(report, "user_properties", ()):
            if name == "report" and report.when == "call":
                terminalreporter.section(report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(text)
