"""The recorder in real processes, and what comparing its records says of right and of sabotaged rewrites.

To import torch once and not for each program, one recorded process forks for each of them, as a program's own workers
would; :mod:`tests.ann_migrate.test_verify` runs whole commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ann_compat.equivalence.refinements import REFINEMENTS
from ann_compat.equivalence.verify import cause
from ann_compat.equivalence.verify.difference import first_difference, output_difference
from ann_compat.equivalence.verify.process import Ended
from ann_compat.equivalence.verify.recorder import write_hook
from ann_compat.equivalence.verify.runs import Run, read_processes
from ann_compat.equivalence.verify.session import UnverifiableError, check_migrated
from ann_migrate.api import migrate_source

ROOT = Path(__file__).parents[4]

LEGACY = """\
import torch
from adaptiveneuralnetwork.api import AdaptiveConfig
from adaptiveneuralnetwork.training import TrainingLoop
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(12, 8), nn.Dropout(0.2), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    def get_metrics(self):
        return {"active_node_ratio": 1.0, "mean_energy": 0.5}


def batches(count):
    generator = torch.Generator().manual_seed(7)
    data = torch.randn(count, 3, 2, 2, generator=generator) * 40
    return torch.utils.data.TensorDataset(data, torch.randint(0, 3, (count,), generator=generator))


def main():
    config = AdaptiveConfig(learning_rate=0.05, num_epochs=2, save_checkpoint=False, metrics_file=None)
    train = torch.utils.data.DataLoader(batches(10), batch_size=4, shuffle=True)
    test = torch.utils.data.DataLoader(batches(6), batch_size=4)
    model = Net()
    loop = TrainingLoop(model, config)
    history = loop.train(train, test)
    print("accuracy", history[-1]["val_accuracy"])


main()
"""

INITIALISATION = "initialisation"


def with_callback(hook: str, body: str) -> dict[str, str]:
    """Replacements that give the trainer one more callback."""
    text = f"class Other(Callback):\n    def {hook}, trainer, logs=None):\n        {body}\n\n\ndef main"
    return {
        "def main": text,
        "import Trainer": "import Callback, Trainer",
        "callbacks=legacy_callbacks(": "callbacks=[Other()] + legacy_callbacks(",
    }


# What is replaced in the right rewrite, by what; and which channel and cause must then be told.
SABOTAGED: dict[str, tuple[dict[str, str], str, str]] = {
    "clipping": ({"max_grad_norm=1.0,": ""}, "step", cause.CLIPPING),
    "clip norm": ({"max_grad_norm=1.0": "max_grad_norm=0.5"}, "step", cause.OTHER_CLIPPING),
    "learning rate": ({"lr=config.learning_rate": "lr=0.01"}, INITIALISATION, cause.LEARNING_RATE),
    "setting": ({"lr=": "eps=1e-7, lr="}, INITIALISATION, cause.setting("eps")),
    "optimizer": ({"Adam(": "AdamW("}, INITIALISATION, cause.OPTIMIZER),
    "initialisation": ({"loop = ": "nn.init.ones_(model[0].bias); loop = "}, INITIALISATION, cause.INITIALISATION),
    "more epochs": ({"num_epochs=config.num_epochs": "num_epochs=3"}, "forward", cause.EPOCHS),
    "fewer epochs": ({"num_epochs=config.num_epochs": "num_epochs=1"}, "forward", cause.EPOCHS),
    "no validation": ({", val_loader=test": ""}, "forward", cause.EVALUATION),
    "wrong loader": ({"val_loader=test": "val_loader=train"}, "forward", cause.RANDOM),
    "flattening": ({"batch_transform=flatten_images,": ""}, "forward", cause.SHAPE),
    "no dropout": ({"loop = ": "model[1].p = 0.0; loop = "}, "forward", cause.MODEL),
    "mode": (with_callback("on_batch_begin(self, batch_idx", "trainer.model.eval()"), "forward", cause.MODE),
    "late change": (with_callback("on_train_end(self", "trainer.model[2].running_mean.zero_()"), "state", ""),
    "late error": (
        {
            **with_callback("on_train_end(self", "raise KeyError"),
            "main()\n": "try:\n    main()\nexcept KeyError:\n    pass\n",
        },
        "exception",
        "the new code raised KeyError",
    ),
    "seed": ({"max_grad_norm=1.0,": "seed=42,"}, "rng", cause.RANDOM),
    "extra draw": ({"history = ": "next(iter(train)); history = "}, "rng", cause.RANDOM),
    "criterion": ({"CrossEntropyLoss()": "CrossEntropyLoss(label_smoothing=0.1)"}, "loss", cause.CRITERION),
    "accumulation": (
        {"max_grad_norm=1.0,": "max_grad_norm=1.0, gradient_accumulation_steps=2,"},
        "loss",
        f"{cause.GRADIENTS}; leave gradient_accumulation_steps at 1",
    ),
    "second call": ({"print(": "loop.evaluate(test); print("}, "calls", cause.CALLS),
    "records": ({"history = ": "loop.callbacks[0].history.append({}); history = "}, "history", cause.RECORDS),
}

DRIVER = """\
import atexit, os, sys
import torch
import adaptiveneuralnetwork.training, ann_compat.bridge


def run(path, folder):
    os.makedirs(folder)
    os.chdir(folder)
    sys.stdout = open("stdout", "w")
    torch.manual_seed(3)
    code = compile(open(path).read(), os.path.join(os.path.dirname(path), "program.py"), "exec")
    exec(code, {"__name__": "__main__"})
    sys.stdout.flush()


torch.set_num_threads(1)
run(sys.argv[1], sys.argv[1] + ".warm")  # what torch imports when it first trains is imported before forking
for path in sys.argv[1:]:
    child = os.fork()
    if not child:
        run(path, path + ".run")
        atexit._run_exitfuncs()
        os._exit(0)  # taking the interpreter down in order costs ten times what the program does
    os.waitpid(child, 0)
"""


def test_a_right_rewrite_is_equal_and_each_sabotaged_one_differs_with_its_cause(tmp_path: Path) -> None:
    migrated = migrate_source(LEGACY).after.decode()
    assert "TrainingLoop" not in migrated
    # A visible AdaptiveModel flattens images itself, so the new loop hands them on as they are.
    images = LEGACY.replace("Net()", "AdaptiveModel(config)").replace("import AdaptiveConfig", "import AdaptiveModel")
    images = images.replace("AdaptiveConfig(", "AdaptiveConfig(input_dim=12, output_dim=3, num_nodes=3, hidden_dim=4, ")
    images = "from adaptiveneuralnetwork.api import AdaptiveConfig\n" + images
    new_images = migrate_source(images).after.decode()
    assert "flatten_images" not in new_images
    programs = {"legacy": LEGACY, "again": LEGACY, "migrated": migrated, "images": images, "new images": new_images}
    for name, (replacements, _, _) in SABOTAGED.items():
        programs[name] = migrated
        for old, new in replacements.items():
            assert old in programs[name], (name, old)
            programs[name] = programs[name].replace(old, new)

    runs = recorded(tmp_path, programs)

    legacy = runs.pop("legacy")
    assert legacy.steps == 6
    again = runs.pop("again")
    assert first_difference(legacy, again) is None
    migrated_here = frozenset(
        (process.label, each["number"]) for process in legacy.processes for each in process.objects
    )
    with pytest.raises(UnverifiableError, match=r"was not executed: program.py:\d+ still made a TrainingLoop"):
        check_migrated(legacy, again, migrated_here)
    right = runs.pop("migrated")
    assert first_difference(legacy, right) is None
    check_migrated(legacy, right, migrated_here)
    assert right.calls[0].owner is not None
    assert right.calls[0].owner["class"] == "Trainer"
    assert output_difference(legacy.stdout, legacy.stdout, right.stdout) == (None, 0)
    assert first_difference(old_images := runs.pop("images"), runs.pop("new images")) is None
    assert old_images.steps == 6
    found = {name: first_difference(legacy, run) for name, run in runs.items()}
    told = {name: difference and (difference.channel, difference.cause) for name, difference in found.items()}
    assert told == {name: (channel, why) for name, (_, channel, why) in SABOTAGED.items()}
    clipping = found["clipping"]
    assert clipping is not None
    assert clipping.place.startswith("train at program.py:")
    assert clipping.old.startswith(("total norm 0.99", "total norm 1.0"))


# Each catches what only the legacy loop raises, and goes on.
REFINED = {
    "loader-without-length": (
        "    history = loop.train((batch for batch in train), test, 1)\n",
        "TypeError",
        ("forward", "what came next"),
    ),
    "gradients-disabled-by-caller": (
        "    with torch.no_grad():\n            history = loop.train(train, test)\n",
        "RuntimeError",
        ("forward", "whether gradients are on"),
    ),
}


def test_a_program_that_counts_on_an_exception_of_the_loop_differs_by_name(tmp_path: Path) -> None:
    """What Trainer can do and the loop could not is allowed, but a program that noticed does something else then."""
    programs = {}
    for name, (training, exception, _) in REFINED.items():
        caught = f"    try:\n        {training.lstrip() if 'with' not in training else training[4:]}"
        caught += f"    except {exception}:\n        history = [{{'val_accuracy': 0.0}}]\n"
        programs[name] = LEGACY.replace("    history = loop.train(train, test)\n", caught)
        programs[f"{name} new"] = migrate_source(programs[name]).after.decode()
        assert "TrainingLoop" not in programs[f"{name} new"]
    runs = recorded(tmp_path, programs)
    entries = {entry.name: entry for entry in REFINEMENTS}
    assert REFINED.keys() == entries.keys()
    for name, (_, exception, (channel, place)) in REFINED.items():
        (raised,) = (call.raised for call in runs[name].calls)
        assert raised is not None
        assert raised["types"][0].endswith(exception)
        difference = first_difference(runs[name], runs[f"{name} new"])
        assert difference is not None
        assert difference.channel == channel
        assert place in difference.place
        assert difference.cause == cause.refined(entries[name])


def test_a_fraction_printed_where_a_percentage_was_is_named() -> None:
    difference, masked = output_difference([b"accuracy 66.6666"], [b"accuracy 66.6666"], [b"accuracy 0.666666"])
    assert masked == 0
    assert difference is not None
    assert difference.cause == cause.PERCENT


@pytest.mark.parametrize(
    ("old", "again", "new", "differs"),
    [
        ([b"a"], [b"a"], [b"a"], False),
        ([b"a"], [b"a"], [b"b"], True),
        ([b"a", b"b"], [b"a", b"b"], [b"a"], True),
        ([b"a"], [b"a"], [b"a", b"b"], True),
        ([b"loss 1 in 3 s"], [b"loss 1 in 4 s"], [b"loss 1 in 5 s"], False),
        ([b"loss 1 in 3 s"], [b"loss 1 in 4 s"], [b"loss 2 in 5 s"], True),
        ([b"loss 1 in 3 s"], [b"loss 1 in 4 s"], [b"in 5 s"], True),
        ([b"a"], [], [b"b"], False),
    ],
)
def test_words_are_compared_unless_the_old_code_does_not_repeat_them(
    old: list[bytes], again: list[bytes], new: list[bytes], differs: bool
) -> None:
    difference, masked = output_difference(old, again, new)
    assert (difference is not None) is differs
    assert (masked != 0) is (old != again)


def recorded(folder: Path, programs: dict[str, str]) -> dict[str, Run]:
    """Run each program in a fork of one recorded process; what it recorded is in a file of its own."""
    copy, hook, records = folder / "copy", folder / "hook", folder / "records"
    for each in (copy, hook, records):
        each.mkdir()
    settings = {"records": str(records), "scratch": str(folder), "original": str(folder / "original"),
                "copy": str(copy), "import_roots": [], "seed": 3}  # fmt: skip
    write_hook(str(hook), settings)
    paths = [copy / f"{number}.py" for number in range(len(programs))]
    for path, source in zip(paths, programs.values(), strict=True):
        path.write_text(source)
    (folder / "driver.py").write_text(DRIVER)
    search = os.pathsep.join(map(str, (hook, ROOT, ROOT / "codemods", ROOT / "compat")))
    done = subprocess.run(
        [sys.executable, folder / "driver.py", *paths],
        env={**os.environ, "PYTHONPATH": search, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    processes = [process for process in read_processes(str(records)) if process.label != "0"]
    assert [process.faults for process in processes] == [[]] * len(programs), done.stderr
    return {
        name: Run(Ended(0, 0.0), [process], {}, {}, Path(f"{path}.run", "stdout").read_bytes().splitlines(), "")
        for name, path, process in zip(programs, paths, processes, strict=True)
    }
