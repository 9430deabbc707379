"""Options that several commands share, and where their defaults come from.

What is given on the command line counts first, then a profile that is given there, then ``[tool.ann-equiv]`` of the
folder's ``pyproject.toml``, then the profile that is named there, then the option's own default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.profiles import FAMILIES, PROFILES, project_settings

if TYPE_CHECKING:
    from ann_compat.equivalence.compare import Mode

CASE_DIR = Path(".ann-equiv/cases")
REPORT_DIR = Path(".ann-equiv/report")
REPORTS = ("junit", "json", "md", "github", "html")
MAX_SEED = 2**32


class Listed(click.ParamType[tuple[str, ...]]):
    """Several words with commas in between (or a list, in ``pyproject.toml``)."""

    name = "list"

    def __init__(self, words: Iterable[str], kind: str) -> None:
        self.words = tuple(words)
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        given = value if isinstance(value, list | tuple) else [word.strip() for word in str(value).split(",")]
        for word in given:
            if word not in self.words:
                self.fail(f"no {self.kind} is named {word!r}; there are {', '.join(self.words)}", param, ctx)
        return tuple(dict.fromkeys(given))

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"{self.kind.upper()},..."


class Seed(click.ParamType[int]):
    """A number, or ``random``."""

    name = "seed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "random":
            import secrets

            return secrets.randbelow(MAX_SEED)
        try:
            seed = int(value)
        except (TypeError, ValueError):
            seed = -1
        if not 0 <= seed < MAX_SEED:
            self.fail(f"must be 'random' or a number from 0 to {MAX_SEED - 1}, got {value!r}", param, ctx)
        return seed

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "N|random"


def profile_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--profile``, which sets the defaults of the other options."""
    return click.option(
        "--profile",
        type=click.Choice(list(PROFILES)),
        is_eager=True,
        callback=_set_defaults,
        help="How much to run: pr (under a minute), ci (minutes) or nightly (half an hour, random seed).",
    )(command)


def mode_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--channels`` and ``--tolerance``; see :func:`mode_of`."""
    channels = click.option(
        "--channels", type=Listed(CHANNELS, "channel"), help=f"Compare only these: {', '.join(CHANNELS)}."
    )
    tolerance = click.option(
        "--tolerance",
        type=click.Choice(["exact", "torch"]),
        default="exact",
        show_default=True,
        help="torch: floats may differ as torch.testing.assert_close allows. For GPUs and mixed precision.",
    )
    return channels(tolerance(command))


def mode_of(channels: tuple[str, ...] | None, tolerance: str) -> Mode:
    """What the two options mean."""
    from ann_compat.equivalence.compare import Mode

    return Mode(channels or CHANNELS, None if tolerance == "exact" else "torch")


def extent_options(seed: int | str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--seed``, ``--family`` and ``--jobs``.

    Args:
        seed: The default.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        options = [
            click.option("--seed", type=Seed(), default=seed, show_default=True, help="Same seed, same cases."),
            click.option(
                "--family",
                type=Listed((*FAMILIES, "all"), "family"),
                default="all",
                show_default=True,
                help=f"Run only these: {', '.join(FAMILIES)}.",
            ),
            click.option(
                "--jobs",
                type=click.IntRange(min=1),
                default=1,
                show_default=True,
                help="Processes; families run side by side.",
            ),
        ]
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def case_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--case-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=CASE_DIR,
        show_default=True,
        help="Where cases that differ are kept, as JSON.",
    )(command)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--report``, ``--report-dir`` and ``--case-dir``."""
    report = click.option("--report", type=Listed(REPORTS, "report"), help=f"Write reports: {', '.join(REPORTS)}.")
    folder = click.option(
        "--report-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=REPORT_DIR,
        show_default=True,
        help="Where reports are written.",
    )
    return report(folder(case_dir_option(command)))


def _set_defaults(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    try:
        project = {name.replace("-", "_"): value for name, value in project_settings(Path.cwd()).items()}
    except ValueError as error:
        raise click.UsageError(str(error), context) from error
    profile = given or project.pop("profile", None)
    if profile is not None and profile not in PROFILES:
        raise click.UsageError(
            f"[tool.ann-equiv] profile must be one of {', '.join(PROFILES)}, got {profile!r}", context
        )
    named = PROFILES[profile] if profile else {}
    context.default_map = {**(context.default_map or {}), **({**project, **named} if given else {**named, **project})}
    return profile
