import sys
import textwrap
from pathlib import Path

import pytest

from ann_compat.equivalence.harness import NotDeterministicError
from ann_compat.equivalence.mutants import MUTANTS
from ann_compat.equivalence.reports.sources import source_report
from ann_compat.equivalence.sources import compare_source

HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from adaptiveneuralnetwork.training import TrainingLoop
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
config = AdaptiveConfig(input_dim=4, output_dim=3, num_nodes=3, hidden_dim=3, learning_rate=0.1, num_epochs=2)
data = TensorDataset(torch.randn(10, 4) * 50, torch.randint(0, 3, (10,)))
loader = DataLoader(data, batch_size=4, shuffle=True)
"""
PROGRAM = (
    HEAD
    + """
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
history = loop.train(loader, loader, 2)
good = history[-1]["val_accuracy"] > 50.0
print(f"accuracy {history[-1]['val_accuracy']:.2f}")
"""
)


@pytest.fixture
def program(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def test_a_program_and_its_migrated_form_are_bit_equal(program):
    result = compare_source(program(PROGRAM))
    assert result.migration.changed
    assert result.comparison.equal, source_report(result)
    assert result.steps == 6
    assert {"global good", "global history"} <= result.old.state.keys()
    assert result.old.output.startswith("accuracy ")
    assert "EQUAL over 6 optimizer steps" in source_report(result)


def test_a_defect_in_the_new_path_shows(program):
    with MUTANTS[0].planted():
        result = compare_source(program(PROGRAM))
    assert not result.comparison.equal
    report = source_report(result)
    assert "DIFFERENT" in report
    assert "add max_grad_norm=1.0" in report


def test_images_that_a_visible_adaptive_model_flattens_itself_are_the_same_call(program):
    images = PROGRAM.replace("torch.randn(10, 4)", "torch.randn(10, 1, 2, 2)")
    result = compare_source(program(images))
    assert b"flatten_images" not in result.migration.after
    assert result.comparison.equal, source_report(result)


def test_a_declined_site_is_said_with_its_place_and_reason(program):
    path = program(HEAD + "class Mine(TrainingLoop):\n    pass\nMine(AdaptiveModel(config), config).train(loader)\n")
    result = compare_source(path)
    assert result.comparison is None
    report = source_report(result)
    assert "not compared: nothing in it was migrated" in report
    assert f"declined: {path}:10:12 ANN" in report


def test_what_the_clock_says_is_left_out_and_named(program):
    result = compare_source(program(PROGRAM + "import time\nnow = time.perf_counter_ns()\nprint(now)\n"))
    assert result.comparison.equal
    assert result.unsteady == ["global now", "output"]
    assert "not compared, since two runs of the old file differ there: global now, output" in source_report(result)


def test_a_program_that_computes_other_numbers_each_time_is_refused(program):
    with pytest.raises(NotDeterministicError, match=r"two runs of .*program\.py differ"):
        compare_source(
            program("import torch, time\n" + HEAD + "torch.manual_seed(time.perf_counter_ns() % 2**31)\n" + PROGRAM)
        )


def test_both_may_end_with_an_exception(program):
    result = compare_source(program(PROGRAM + "raise SystemExit(3)\n"))
    assert result.comparison.equal
    assert "both end with SystemExit 3" in source_report(result)


def test_modules_beside_the_program_can_be_imported_and_are_forgotten(program, tmp_path):
    (tmp_path / "settings_beside.py").write_text("EPOCHS = 1\n")
    path = program(
        PROGRAM.replace("loader, 2)", "loader, EPOCHS)").replace(
            "import torch\n", "import torch\nfrom settings_beside import EPOCHS\n", 1
        )
    )
    result = compare_source(path)
    assert result.comparison.equal
    assert result.steps == 3
    assert "settings_beside" not in sys.modules


def test_the_program_runs_as_main_with_its_own_path(program):
    checks = ["__name__ == '__main__'", "__file__ == sys.argv[0]", "sys.modules['__main__'].history is history"]
    text = PROGRAM + "import sys\n" + "".join(f"assert {check}\n" for check in checks)
    assert compare_source(program(text)).old.exception is None
