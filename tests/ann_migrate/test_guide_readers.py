"""Readers of results in the guide's style: each program is run before and after, and prints and decides the same."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
from guide_runs import guided, train, training_differences

from ann_migrate.facts.scaled import as_fraction
from ann_migrate.result import Outcome

HEAD = """\
import json, math
import torch
from torch.utils.data import DataLoader, TensorDataset
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.manual_seed(3)
inputs, targets = torch.randn(24, 12), torch.randint(0, 3, (24,))
train_loader = DataLoader(TensorDataset(inputs, targets), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[:8], targets[:8]), batch_size=4)
config = AdaptiveConfig(num_nodes=6, hidden_dim=8, input_dim=12, output_dim=3, num_epochs=3, learning_rate=0.02)
MODEL = model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
"""


@dataclass(frozen=True)
class Turned:
    """A program, and text that its guide version has."""

    source: str
    after: str
    codes: str = "ANN601"


TRAIN = "history = loop.train(train_loader, test_loader)\n"
LAST = TRAIN + 'acc = history[-1]["val_accuracy"]\n'

TURNED = {
    "f-string": Turned(LAST + 'print(f"> {acc:.2f}%")', 'print(f"> {acc:.2%}")'),
    "f-string, one digit": Turned(LAST + 'print(f"> {acc:.1f}% of {len(history)}")', "{acc:.1%} of {len"),
    "f-string, no digits given": Turned(LAST + 'print(f"> {acc:f}%")', "{acc:%}"),
    "f-string, width": Turned(LAST + 'print(f"> {acc:8.2f}%|")', "{acc:9.2%}|"),
    "f-string, zeros and sign": Turned(LAST + 'print(f"> {acc:+08.2f}%|")', "{acc:+09.2%}|"),
    "f-string, left-aligned": Turned(LAST + 'print(f"> {acc:<8.2f}%|")', "{100 * acc:<8.2f}%|", "ANN601 ANN609"),
    "f-string, a space before the sign": Turned(LAST + 'print(f"> {acc:.2f} %")', "{100 * acc:.2f} %", "ANN601 ANN609"),
    "f-string, no sign": Turned(LAST + 'print(f"> {acc:.3f} percent")', "{100 * acc:.3f} percent", "ANN601 ANN609"),
    "f-string, subscript in it": Turned(
        TRAIN + "print(f\"> {history[-1]['val_accuracy']:.2f}%\")", "{history[-1]['val_accuracy']:.2%}"
    ),
    "f-string, two of them": Turned(
        TRAIN + "print(f\"> {history[0]['train_accuracy']:.2f}% then {history[-1]['train_accuracy']:.2f}% {{}}\")",
        "{history[0]['train_accuracy']:.2%} then {history[-1]['train_accuracy']:.2%} {{}}",
    ),
    "f-string, joined literals": Turned(
        LAST + 'print("> " "{}" f"loss {history[-1][\'val_loss\']:.3f} "  # why\n      rf"accuracy {acc:.2f}%")',
        'rf"accuracy {acc:.2%}")',
    ),
    "f-string, quotes of three": Turned(LAST + "print(f'''> {\nacc:.2f}%''')", "acc:.2%}'''"),
    "f-string, not ASCII": Turned(LAST + 'print(f"> Güte {acc:.2f}% ✓")', "Güte {acc:.2%} ✓"),
    "f-string, divided": Turned(LAST + 'print(f"> {acc / 100:.2%}")', "{acc:.2%}"),
    "format method": Turned(LAST + 'print("> {}: {:.2f}%".format("val", acc))', '"> {}: {:.2%}".format("val", acc)'),
    "format method, by number": Turned(LAST + 'print("> {1} {0:.1f}%".format(acc, 2))', '"> {1} {0:.1%}"'),
    "format method, by name": Turned(LAST + 'print("> {acc:.2f}%".format(acc=acc))', '"> {acc:.2%}".format(acc=acc)'),
    "format method, no sign": Turned(
        LAST + 'print("> {:.2f}".format(acc))', '"> {:.2f}".format(100 * acc)', "ANN601 ANN609"
    ),
    "percent template": Turned(LAST + 'print("> %.2f%%" % acc)', 'print("> {:.2%}".format(acc))'),
    "percent template, subscript": Turned(
        TRAIN + 'print("> %.1f%% {ok}" % history[-1]["val_accuracy"])',
        '"> {:.1%} {{ok}}".format(history[-1]["val_accuracy"])',
    ),
    "percent template, several": Turned(
        LAST + 'print("> %s %.3f %.2f%%" % ("val", history[-1]["val_loss"], acc))',
        '"> {} {:.3f} {:.2%}".format("val", history[-1]["val_loss"], acc)',
    ),
    "percent template with whole numbers": Turned(
        LAST + 'print("> %d: %.2f%%" % (3, acc))', '"> %d: %.2f%%" % (3, 100 * acc)', "ANN601 ANN609"
    ),
    "printed": Turned(LAST + 'print(">", acc)', 'print(">", 100 * acc)', "ANN601 ANN609"),
    "rounded": Turned(LAST + 'print(">", round(acc, 1))', "round(100 * acc, 1)", "ANN601 ANN609"),
    "threshold": Turned(LAST + 'print(">", acc > 37.5, acc >= 37.5, acc < 40, acc <= 40)', "acc > 0.375, acc >= 0.375"),
    "threshold, the other side": Turned(LAST + 'print(">", 90.0 > acc, 12.5 <= acc)', "0.9 > acc, 0.125 <= acc"),
    "threshold, chained": Turned(LAST + 'print(">", 0 <= acc <= 100, 10 < acc < 99.95)', "0 <= acc <= 1.0, 0.1 < acc"),
    "threshold, equal": Turned(LAST + 'print(">", acc == 37.5, acc != 62.5, acc != -1)', "acc == 0.375, acc != 0.625"),
    "threshold with a name": Turned(
        "TARGET = 37.5\n" + LAST + 'if acc >= TARGET: print("> reached")\nelse: print("> missed")', "TARGET = 0.375"
    ),
    "assertion": Turned(LAST + 'assert 0.0 <= acc <= 100.0, "> no percentage"', "assert 0.0 <= acc <= 1.0"),
    "divided": Turned(LAST + 'fraction = acc / 100\nprint(">", fraction)', "fraction = acc\n"),
    "divided, in brackets": Turned(LAST + 'print(">", 1 - (acc) / (100.0))', "1 - (acc))"),
    "times a hundredth": Turned(LAST + 'print(f"> {acc * 0.01:.3f}")', "{acc:.3f}"),
    "error rate": Turned(LAST + 'print(f"> {100 - acc:.2f}%")', "{100 - 100 * acc:.2f}%", "ANN601 ANN609"),
    "derived locals": Turned(
        TRAIN + 'final = history[-1]\nbest = acc = final["val_accuracy"]\nprint(f"> {acc:.2f}% {best:.1f}%")',
        'f"> {acc:.2%} {best:.1%}"',
    ),
    "largest of all": Turned(
        TRAIN + 'best = max(h["val_accuracy"] for h in history)\nprint(f"> {best:.2f}%", best >= 50)',
        'f"> {best:.2%}", best >= 0.5',
    ),
    "list of all": Turned(
        TRAIN + 'accs = [h["val_accuracy"] for h in history]\nprint(f"> {accs[-1]:.2f}% {max(accs):.1f}%", len(accs))',
        "{accs[-1]:.2%} {max(accs):.1%}",
    ),
    "mean of all": Turned(
        TRAIN + 'mean = sum(h["val_accuracy"] for h in history) / len(history)\nprint(f"> {mean:.2f}%")',
        'sum(100 * h["val_accuracy"] for h in history)',
        "ANN601 ANN609",
    ),
    "plotted list": Turned(
        TRAIN + 'def plot(xs): print(">", xs)\nplot([h["val_accuracy"] for h in history])\nplot([1])',
        'plot([100 * h["val_accuracy"] for h in history])',
        "ANN601 ANN609",
    ),
    "several lists plotted": Turned(
        TRAIN + 'def plot(xs): print(">", xs)\nplot([h["val_accuracy"] for h in history])\n'
        'plot([h["train_accuracy"] for h in history])\nplot([h["val_accuracy"] for h in history[:1]])',
        'plot([100 * h["train_accuracy"] for h in history])',
        "ANN601 ANN609",
    ),
    "several percentages among other numbers": Turned(
        LAST + 'train = history[-1]["train_accuracy"]\nprint(">", max(acc, train, len(history)))',
        "max(100 * acc, 100 * train, len(history))",
        "ANN601 ANN609",
    ),
    "record with the best": Turned(
        TRAIN + 'best = max(history, key=lambda h: h["val_accuracy"])\n'
        "print(f\"> {best['epoch']} {best['val_accuracy']:.2f}%\")",
        "{best['val_accuracy']:.2%}",
    ),
    "sorted": Turned(
        TRAIN + 'for row in sorted(history, key=lambda r: r["val_accuracy"])[:2]:\n'
        "    print(f\"> {row['epoch']}: {row['val_accuracy']:.2f}%\")",
        "{row['val_accuracy']:.2%}",
    ),
    "running best": Turned(
        "best = 0.0\n" + TRAIN + 'for row in history:\n    if row["val_accuracy"] > best:\n'
        '        best = row["val_accuracy"]\nprint(f"> {best:.2f}%")',
        "{best:.2%}",
    ),
    "running best, from minus one and by max": Turned(
        TRAIN + 'best = -1\nfor row in history:\n    best = max(best, row["val_accuracy"])\nprint(f"> {best:.2f}%")',
        "best = -0.01",
    ),
    "early stop": Turned(
        TRAIN + 'best, stop = float("-inf"), None\nfor i, row in enumerate(history):\n'
        '    acc = row["val_accuracy"]\n    if acc >= 25.0 and stop is None:\n        stop = i\nprint(">", stop)',
        "acc >= 0.25",
    ),
    "chosen": Turned(
        TRAIN + 'acc = history[-1]["val_accuracy"] if history else 50.0\nprint(f"> {acc:.2f}%")', "if history else 0.5"
    ),
    "got with a default": Turned(
        TRAIN + "print(f\"> {history[-1].get('val_accuracy', 25):.2f}%\")\n"
        'print(">", history[-1].get("val_accuracy", 25.0) > 30)',
        'get("val_accuracy", 0.25) > 0.3',
    ),
    "got, perhaps nothing": Turned(
        'history = loop.train(train_loader)\nacc = history[-1].get("val_accuracy")\n'
        'print("> none" if acc is None else f"> {acc:.2f}%")',
        "{acc:.2%}",
    ),
    "handed to a function of the file": Turned(
        "def report(rows, title):\n    for row in rows:\n        print(f\"> {title} {row['train_accuracy']:.2f}%\")\n\n"
        + TRAIN
        + 'report(history, "train")',
        "{row['train_accuracy']:.2%}",
    ),
    "returned by a function of the file": Turned(
        "def run():\n    return loop.train(train_loader, test_loader)\n\n"
        "print(f\"> {run()[-1]['val_accuracy']:.2f}%\")",
        "{run()[-1]['val_accuracy']:.2%}",
        "ANN601 ANN603",
    ),
    "returned by a method": Turned(
        "class Job:\n    def __init__(self):\n        self.loop = TrainingLoop(AdaptiveModel(config), config)\n\n"
        "    def run(self):\n        return self.loop.train(train_loader, test_loader)\n\n"
        "job = Job()\nrows = job.run()\nprint(f\"> {rows[-1]['val_accuracy']:.2f}%\", len(rows))\n"
        "MODEL = job.loop.model",
        "{rows[-1]['val_accuracy']:.2%}",
        "ANN601 ANN603",
    ),
    "kept on self": Turned(
        "class Job:\n    def __init__(self):\n        self.history = []\n"
        "        self.loop = TrainingLoop(AdaptiveModel(config), config)\n\n"
        "    def run(self):\n        self.history = self.loop.train(train_loader, test_loader)\n\n"
        "    def best(self):\n        return max(row['val_accuracy'] for row in self.history)\n\n"
        'job = Job()\njob.run()\nprint(f"> {job.best():.2f}%", job.best() > 62.0)\nMODEL = job.loop.model',
        'print(f"> {job.best():.2%}", job.best() > 0.62)',
        "ANN601 ANN603",
    ),
    "returned by a lambda": Turned(
        "run = lambda: loop.train(train_loader, test_loader)\nrow = run()[-1]\n"
        "print(f\"> {row['val_accuracy']:.2f}%\")",
        "{row['val_accuracy']:.2%}",
        "ANN601 ANN603",
    ),
    "percentage returned": Turned(
        'def run():\n    return loop.train(train_loader, test_loader)[-1]["val_accuracy"]\n\nprint(f"> {run():.2f}%")',
        "{run():.2%}",
        "ANN601 ANN603",
    ),
    "evaluated": Turned(
        "loop.train(train_loader, num_epochs=1)\nmetrics = loop.evaluate(test_loader=test_loader)\n"
        "print(f\"> {metrics['val_loss']:.6f} {metrics['val_accuracy']:.2f}%\")\n"
        'print(">", loop.evaluate(test_loader)["val_accuracy"] < 80)',
        '{metrics[\'val_accuracy\']:.2%}")\nprint(">", loop.evaluate(test_loader)["val_accuracy"] < 0.8)',
    ),
    "epochs by hand": Turned(
        "for epoch in range(2):\n    row = loop.train_epoch(train_loader, epoch)\n"
        "    print(f\"> {row['train_loss']} {row['train_accuracy']:.3f}%\")",
        "{row['train_accuracy']:.3%}",
    ),
    "kept by the trainer": Turned(
        "loop.train(train_loader, test_loader)\nfor row in loop.metrics_history:\n"
        "    print(f\"> {row['epoch']} {row['val_loss']} {row['val_accuracy']:.2f}%\")",
        "{row['val_accuracy']:.2%}",
    ),
    "the last record of each call": Turned(
        "for _ in range(3):\n    row = loop.train(train_loader, test_loader, num_epochs=1)[-1]\n"
        "    print(f\"> {row['val_accuracy']:.2f}%\")\n"
        "last = loop.metrics_history[-1]\nprint(f\"> {last['val_accuracy']:.1f}%\")",
        "{row['val_accuracy']:.2%}",
    ),
    "stored": Turned(
        LAST + 'summary = {"loss": history[-1]["val_loss"], "accuracy": acc}\nprint(">", summary)',
        '"accuracy": 100 * acc}',
        "ANN601 ANN609",
    ),
    "with an operator that binds tighter": Turned(
        LAST + 'print(">", acc ** 2, -acc)', "(100 * acc) ** 2, -(100 * acc)", "ANN601 ANN609"
    ),
}


@pytest.mark.parametrize("case", TURNED.values(), ids=TURNED)
def test_a_reader_is_turned(case: Turned, tmp_path: Path) -> None:
    source = (HEAD + case.source + "\n").encode()
    result = guided(source)
    assert {site.outcome for site in result.sites} == {Outcome.REWRITTEN}, result.sites
    after = result.after.decode()
    assert case.after in after
    assert {item.code for item in result.sites[-1].dropped} - {"ANN604", "ANN605", "ANN606"} == set(case.codes.split())
    old, new = train(source, tmp_path / "old"), train(result.after, tmp_path / "new")
    assert old.run.error is None, old.run.output
    assert old.lines or "assert" in case.source
    assert training_differences(old, new) == [], new.run.output
    assert new.lines == old.lines, after
    assert guided(result.after).after == result.after


WHOLE = {
    "printed": TRAIN + "print(history)",
    "dumped": TRAIN + 'with open("h.json", "w") as file:\n    json.dump(history, file)',
    "kept": TRAIN + 'RESULT = {"history": history}',
}


@pytest.mark.parametrize("source", WHOLE.values(), ids=WHOLE)
def test_whole_records_are_told(source: str, tmp_path: Path) -> None:
    result = guided((HEAD + source + "\n").encode())
    assert {"ANN601", "ANN602", "ANN610"} <= {item.code for item in result.sites[0].dropped}
    old, new = train((HEAD + source + "\n").encode(), tmp_path / "old"), train(result.after, tmp_path / "new")
    assert training_differences(old, new) == []
    if "h.json" in source:
        ours, theirs = new.run.files["h.json"], old.run.files["h.json"]
        assert [row["train_loss"] for row in ours] == [row["train_loss"] for row in theirs]
        assert all(math.isclose(100 * a["val_accuracy"], b["val_accuracy"]) for a, b in zip(ours, theirs, strict=True))
        assert "epoch_time" in theirs[0]
        assert "epoch_time" not in ours[0]


DECLINED = {
    "kept in percent and compared": ("ANN702", LAST + "acc += 1\nprint(acc > 90)"),
    "mean, compared": ("ANN702", TRAIN + 'print(sum(h["val_accuracy"] for h in history) / len(history) >= 29)'),
    "f-string within an f-string": ("ANN702", LAST + """print(f"{f'{acc:.2f}%'}")"""),
    "threshold from outside": ("ANN702", LAST + "import sys\nprint(acc > float(sys.argv[1]))"),
    "threshold that others read": ("ANN702", "TARGET = 90.0\n" + LAST + 'print(acc > TARGET, f"{TARGET}%")'),
    "threshold that is bound twice": ("ANN702", "TARGET = 90.0\nTARGET = 80.0\n" + LAST + "print(acc > TARGET)"),
    "cut to a whole number": ("ANN702", LAST + "print(int(acc))"),
    "cut by a template": ("ANN702", LAST + 'print("%d%%" % acc)'),
    "remainder": ("ANN702", LAST + "print(acc // 10)"),
    "own name shown": ("ANN702", LAST + 'print(f"{acc=:.2f}%")'),
    "perhaps nothing, printed": ("ANN702", TRAIN + 'print(history[-1].get("val_accuracy"))'),
    "items of a record": ("ANN702", TRAIN + "for key, value in history[-1].items():\n    print(key, value)"),
    "record unpacked": ("ANN702", TRAIN + "print(dict(**history[-1]))"),
    "record changed": ("ANN702", TRAIN + 'history[-1]["val_accuracy"] = 1.0'),
    "list changed": ("ANN702", TRAIN + "history.append({})"),
    "list handed to code that is not seen": ("ANN702", TRAIN + "import pickle\npickle.dumps(history)"),
    "name for other lists too": ("ANN702", TRAIN + 'history = json.loads("[]")\nprint(len(history))'),
    "rows of two calls": ("ANN702", TRAIN + "loop.train(train_loader)\nprint(len(loop.metrics_history))"),
    "list held before training": ("ANN702", "rows = loop.metrics_history\n" + TRAIN + "print(len(rows))"),
    "rows of a loop of calls": ("ANN702", "for _ in range(2):\n    print(len(loop.train(train_loader)))"),
    "accuracy of a regression": (
        "ANN702",
        "other = TrainingLoop(model, config, None, torch.nn.MSELoss())\nprint(other.train([])[-1]['train_accuracy'])",
    ),
    "time of an epoch": ("ANN703", TRAIN + 'print(history[-1]["epoch_time"])'),
    "metric of the model": ("ANN703", TRAIN + 'print(history[-1].get("mean_energy"))'),
    "key that is not seen": ("ANN703", "import sys\n" + TRAIN + "print(history[-1][sys.argv[0]])"),
    "metrics file": ("ANN704", TRAIN + 'print(open("metrics.json").read())'),
    "metrics file in a folder": (
        "ANN704",
        "from pathlib import Path\nconfig.metrics_file = str(Path('.') / 'm.json')\n" + TRAIN + "print(open('m.json'))",
    ),
    "metrics file by a name": (
        "ANN704",
        "path = 'm.' + 'json'\nconfig.metrics_file = str(path)\n" + TRAIN + "print(open(path).read())",
    ),
    "metrics file by an attribute": (
        "ANN704",
        "import argparse\nargs = argparse.Namespace(out='m.json')\nconfig.metrics_file = args.out\n"
        + TRAIN
        + "print(open(args.out).read())",
    ),
    "folder of checkpoints": ("ANN704", TRAIN + "print(config.checkpoint_dir)"),
    "checkpoint by its name": ("ANN704", TRAIN + 'torch.load("checkpoints/checkpoint_epoch_4.pt")'),
    "training after loading": ("ANN705", 'loop.load_checkpoint("old.pt")\n' + TRAIN),
}


@pytest.mark.parametrize(
    "settings",
    [
        "config.metrics_file = str(folder / 'metrics.json')",
        "config.metrics_file = args.metrics_file\nconfig.checkpoint_dir = args.checkpoint_dir",
        "config = AdaptiveConfig(metrics_file=args.metrics_file, checkpoint_dir=str(args.checkpoint_dir))",
        "settings = {'metrics_file': folder + '/metrics.json'}\nconfig.update(**settings)",
        "settings = {}\nsettings['metrics_file'] = 'metrics.json'\nconfig.update(**settings)",
        "config.metrics_file = os.path.join('runs', 'm.json')\nos.makedirs('runs')",
    ],
)
def test_to_set_where_files_lie_is_not_to_read_them(settings: str) -> None:
    source = (
        f"import os\nfrom options import args, folder\n{HEAD.replace('MODEL', settings + chr(10) + 'MODEL')}{TRAIN}"
    )
    result = guided(source.encode())
    assert [site.code for site in result.sites] == ["ANN101"], result.sites


@pytest.mark.parametrize(("code", "source"), DECLINED.values(), ids=DECLINED)
def test_a_reader_that_is_not_understood_declines_the_object(code: str, source: str) -> None:
    result = guided((HEAD + source + "\n").encode())
    declined = [site for site in result.sites if site.outcome is Outcome.DECLINED]
    assert code in {site.code for site in declined}, result.after.decode()
    site = next(site for site in declined if site.code == code)
    assert site.reason
    assert site.advice
    assert site.culprit is None or site.culprit.line > HEAD.count("\n") - 1


@pytest.mark.parametrize("threshold", ["90.0", "29", "57.0", "93.3", "0.7", "99.95", "33.3333", "1e1", "100"])
def test_a_turned_threshold_decides_as_before_for_every_count(threshold: str) -> None:
    """The legacy percentage and the fraction are quotients rounded once, so they compare as the true ones do."""
    node = ast.parse(threshold, mode="eval").body
    assert isinstance(node, ast.Constant)
    fraction = as_fraction(node, threshold)
    assert fraction is not None
    old, new = float(threshold), float(fraction)
    for total in range(1, 300):
        for correct in range(total + 1):
            percent, accuracy = 100.0 * correct / total, correct / total
            assert (percent > old, percent >= old, percent == old) == (accuracy > new, accuracy >= new, accuracy == new)


def test_a_default_is_not_said_to_be_compared() -> None:
    result = guided((HEAD + LAST + 'print(history[0].get("val_accuracy", acc))\n').encode())
    assert [site.reason for site in result.sites] == ["the default here is not seen to be a percentage"]
