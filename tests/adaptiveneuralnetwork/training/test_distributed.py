"""Several processes that train together: two real ones, over gloo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rank_checks
import torch
from ranks import run_checks

CHECKS = [
    "twenty_steps",
    "uneven",
    "evaluation",
    "fsdp_twenty_steps",
    "fsdp_uneven",
    "fsdp_evaluation",
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What two ranks gave for each check."""
    return run_checks(CHECKS, tmp_path_factory.mktemp("pair"))


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


TOLERANCE = {"torch.float32": 1e-6, "torch.float64": 1e-12}


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_two_ranks_are_one_with_the_doubled_batch(
    pair: dict[str, list[Any]], strategy: str, tmp_path: Path
) -> None:
    alone = rank_checks.twenty_steps(0, 1, tmp_path)
    for together in pair[f"{strategy}twenty_steps"]:
        for dtype, (parameters, history, norms) in alone.items():
            torch.testing.assert_close(together[dtype][0], parameters, rtol=0, atol=TOLERANCE[dtype])
            torch.testing.assert_close(together[dtype][1], history, rtol=0, atol=TOLERANCE[dtype])
            torch.testing.assert_close(together[dtype][2], norms, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_uneven_batches_and_short_windows_weigh_their_items(
    pair: dict[str, list[Any]], strategy: str, tmp_path: Path
) -> None:
    alone = rank_checks.uneven(0, 1, tmp_path)
    for together in pair[f"{strategy}uneven"]:
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("strategy", ["", "fsdp_"])
def test_evaluation_does_not_depend_on_the_number_of_ranks(
    pair: dict[str, list[Any]], strategy: str, tmp_path: Path
) -> None:
    alone = rank_checks.evaluation(0, 1, tmp_path)
    for together in pair[f"{strategy}evaluation"]:
        torch.testing.assert_close(together["predicted"], alone["predicted"], rtol=0, atol=0)
        for name in ("record", "shuffled", "single"):
            assert together[name].pop("val_spread") == pytest.approx(alone[name]["val_spread"], rel=1e-15)
            assert together[name] == {key: value for key, value in alone[name].items() if key != "val_spread"}
