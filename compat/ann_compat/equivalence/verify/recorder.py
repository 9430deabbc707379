"""What runs in every Python process of a verified command, before the command's own code.

A ``sitecustomize.py`` in a temporary folder at the front of ``PYTHONPATH`` loads this file by its path (so that nothing
of ``ann_compat`` is imported) and calls :func:`start`. It imports the standard library only: numpy is seeded and torch
is watched when the program imports them. What it records goes to one file of JSON lines a process.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import json
import os
import random
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FrameType, ModuleType
from typing import Any

LABEL_VARIABLE = "ANN_VERIFY_PROCESS"
SETTINGS_FILE = "settings.json"
SITECUSTOMIZE = '''\
"""Record this process, then do what the sitecustomize that this one hides would have done."""

import importlib.util
import os
import sys


def _record(folder):
    spec = importlib.util.spec_from_file_location("_ann_verify_recorder", {recorder!r})
    recorder = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = recorder
    spec.loader.exec_module(recorder)
    recorder.start(folder)


_folder = os.path.dirname(os.path.abspath(__file__))
_record(_folder)
sys.path[:] = [_entry for _entry in sys.path if os.path.abspath(_entry) != _folder]
_own = sys.modules.pop("sitecustomize")
try:
    import sitecustomize
except ModuleNotFoundError as _error:
    if _error.name != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = _own
'''

MAX_BYTES = 512 * 2**20
"""A process that trains so long that its records are larger proves nothing: a shorter run shows as much."""

_TOO_LONG = b'{"record": "fault", "traceback": "it trains too long to be recorded; let the command train less"}\n'
_LIBRARIES = ("adaptiveneuralnetwork", "ann_compat")
_OWN = ("_ann_verify_recorder", "_ann_verify_watching")


class Log:
    """The records of this process, appended to a file of its own; a process that is killed leaves what it wrote."""

    def __init__(self, folder: str, parent: str) -> None:
        self._folder = folder
        self._parent = parent
        self._file = -1
        self._lock = threading.RLock()
        self._written = 0
        self.label = ""

    def open(self) -> None:
        """Take the next free name below the parent process, and introduce this process."""
        for number in itertools.count():
            label = f"{self._parent}.{number}" if self._parent else str(number)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            try:
                self._file = os.open(os.path.join(self._folder, f"{label}.jsonl"), flags, 0o600)
            except FileExistsError:
                continue
            self.label = os.environ[LABEL_VARIABLE] = label
            break
        self.write("process", executable=sys.executable, argv=list(getattr(sys, "orig_argv", sys.argv)))

    def write(self, record: str, **fields: Any) -> None:
        with self._lock:
            if self._file < 0:
                self.open()
            line = (json.dumps({"record": record, **fields}) + "\n").encode()
            self._written += len(line)
            if self._written > MAX_BYTES:
                if self._written - len(line) <= MAX_BYTES:
                    os.write(self._file, _TOO_LONG)
                return
            os.write(self._file, line)

    def fault(self) -> None:
        """Note that the recorder itself failed: the run then proves nothing."""
        with contextlib.suppress(OSError):
            self.write("fault", traceback=traceback.format_exc())

    def continue_in_child(self) -> None:
        """After a fork: a file of its own, as soon as there is something to record."""
        if self._file >= 0:
            os.close(self._file)
        self._parent, self._file, self._lock, self._written = self.label, -1, threading.RLock(), 0


class Sites:
    """Finds the line of the program that called into the library.

    Args:
        copy: The root of the tree that runs.
    """

    def __init__(self, copy: str) -> None:
        self._copy = os.path.join(copy, "")
        self._cwd = os.getcwd()
        self._files: dict[str, str] = {}
        paths = sysconfig.get_paths()
        self._stdlib = tuple(os.path.join(paths[name], "") for name in ("stdlib", "platstdlib"))

    def caller(self) -> dict[str, Any]:
        """Where the nearest frame that belongs neither to the library nor to Python's own stands.

        Returns:
            ``file`` (below the copy) or ``outside`` (anything else), ``line``, ``end`` (line and column behind the
            call) and ``function``.
        """
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and self._is_between(frame):
            frame = frame.f_back
        if frame is None:
            return {"outside": "a thread or process that started in the library itself", "line": 0, "end": [0, 0]}
        line, end_line, end_column = _position(frame)
        file = self._real(frame.f_code.co_filename)
        inside = file.startswith(self._copy)
        place = {"file": file[len(self._copy) :].replace(os.sep, "/")} if inside else {"outside": file}
        return {**place, "line": line, "end": [end_line, end_column], "function": frame.f_code.co_qualname}

    def _is_between(self, frame: FrameType) -> bool:
        name = frame.f_globals.get("__name__") or ""
        if name in _OWN or name.partition(".")[0] in _LIBRARIES:
            return True
        file = frame.f_code.co_filename
        installed = "site-packages" in file or "dist-packages" in file
        return file.startswith("<frozen ") or (file.startswith(self._stdlib) and not installed)

    def _real(self, file: str) -> str:
        if file not in self._files:
            known = file if file.startswith("<") else os.path.realpath(os.path.join(self._cwd, file))
            self._files[file] = known
        return self._files[file]


def start(folder: str) -> None:
    """Seed and watch this process.

    Args:
        folder: Holds the ``settings.json`` that :func:`write_hook` wrote.
    """
    with open(os.path.join(folder, SETTINGS_FILE), encoding="utf-8") as file:
        settings = json.load(file)
    log = Log(settings["records"], os.environ.get(LABEL_VARIABLE, ""))
    log.open()
    try:
        _map_import_roots(settings["original"], settings["copy"], settings["import_roots"])
        random.seed(settings["seed"])
        watching = _load("_ann_verify_watching", os.path.join(os.path.dirname(__file__), "watching.py"))
        watcher = watching.Watcher(log, Sites(settings["copy"]), settings["seed"])
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=watcher.continue_in_child)
        sys.addaudithook(_note_writes(log, settings))
        _ImportHook(watcher.on_import, log).install()
        atexit.register(watcher.at_exit)
    except Exception:
        log.fault()


def write_hook(folder: str, settings: dict[str, Any]) -> None:
    """Write what is put at the front of ``PYTHONPATH``: the ``sitecustomize.py`` and its settings.

    Args:
        folder: An empty one.
        settings: ``records`` (folder), ``original`` and ``copy`` (roots), ``import_roots`` (below the copy), ``seed``,
            ``scratch`` (the temporary folder of the run).
    """
    with open(os.path.join(folder, SETTINGS_FILE), "w", encoding="utf-8") as file:
        json.dump(settings, file)
    with open(os.path.join(folder, "sitecustomize.py"), "w", encoding="utf-8") as file:
        file.write(SITECUSTOMIZE.format(recorder=os.path.abspath(__file__)))


def _map_import_roots(original: str, copy: str, roots: Sequence[str]) -> None:
    """Make what an editable install would import from the original tree come from the copy."""
    inside = os.path.join(original, "")

    def mapped(entry: str) -> str:
        real = os.path.realpath(entry) if entry else entry
        if real == original or real.startswith(inside):
            counterpart = os.path.join(copy, os.path.relpath(real, original))
            if os.path.exists(counterpart):  # a virtual environment within the tree is not copied
                return os.path.normpath(counterpart)
        return entry

    sys.path[:] = [mapped(entry) for entry in sys.path]
    installed = [index for index, entry in enumerate(sys.path) if entry.endswith(("site-packages", "dist-packages"))]
    known = set(sys.path)
    before = installed[0] if installed else len(sys.path)
    sys.path[before:before] = [root for root in roots if root not in known]
    # The finders that setuptools writes for editable installs hold a table from names to folders.
    for name, module in list(sys.modules.items()):
        table = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(table, dict):
            table.update({key: mapped(value) for key, value in table.items() if isinstance(value, str)})


def _note_writes(log: Log, settings: dict[str, Any]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that notes which files outside the copy are opened for writing, each once."""
    home = os.path.expanduser("~")
    quiet = (settings["copy"], settings["scratch"], settings["records"], "/dev", "/proc", "/sys")
    inside = tuple(os.path.join(path, "") for path in quiet)
    seen: set[str] = set()
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & writing or not isinstance(path, str | bytes | os.PathLike):
            return
        try:
            full = os.path.abspath(os.fsdecode(path))
            if full in seen or full in quiet or full.startswith(inside) or full.startswith(os.path.join(home, ".")):
                return
            seen.add(full)
            log.write("outside_write", path=full)
        except Exception:
            log.fault()

    return hook


class _ImportHook(importlib.abc.MetaPathFinder):
    """Tells of certain modules when they have been executed, and forces none to be imported."""

    def __init__(self, on_import: dict[str, Callable[[ModuleType], None]], log: Log) -> None:
        self._waiting = dict(on_import)
        self._log = log
        self._searching = threading.local()

    def install(self) -> None:
        for name in list(self._waiting):
            if name in sys.modules:
                self._tell(name, sys.modules[name])
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._waiting or getattr(self._searching, "name", None) == fullname:
            return None
        self._searching.name = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.name = None
        if spec is not None and spec.loader is not None:
            self._wrap(spec.loader, fullname)
        return spec

    def _wrap(self, loader: Any, fullname: str) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == fullname:
                self._tell(fullname, module)

        loader.exec_module = exec_module

    def _tell(self, name: str, module: ModuleType) -> None:
        act = self._waiting.pop(name, None)
        try:
            if act is not None:
                act(module)
        except Exception:
            self._log.fault()


def _load(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _position(frame: FrameType) -> tuple[int, int, int]:
    """First line, last line and last column of the call that *frame* is in."""
    line, end_line, _, end_column = _nth(frame.f_code, frame.f_lasti // 2)
    return line or frame.f_lineno or 0, end_line or 0, end_column or 0


def _nth(code: CodeType, index: int) -> tuple[int | None, int | None, int | None, int | None]:
    positions: Iterator[tuple[int | None, int | None, int | None, int | None]] = iter(code.co_positions())
    return next(itertools.islice(positions, index, None), (None, None, None, None))


def read_records(folder: str) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Yield each process's label and records, in the order in which the processes began."""

    def order(name: str) -> list[int]:
        return [int(part) for part in name.removesuffix(".jsonl").split(".")]

    for name in sorted((name for name in os.listdir(folder) if name.endswith(".jsonl")), key=order):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            yield name.removesuffix(".jsonl"), [_parsed(line) for line in file]


def _parsed(line: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:  # the process was killed while it wrote, or the disk is full
        return {"record": "fault", "traceback": f"a record is cut off: {line[:80]!r}"}
    return record
