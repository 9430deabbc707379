"""Forms of the numbered cases that need no program of their own: most do not run, so none can be executed."""

from __future__ import annotations

import pytest

from ann_migrate import migrate_source
from ann_migrate.result import Outcome

IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
TYPING = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {IMPORT}"
MODULE = "adaptiveneuralnetwork.training"
LOOP = IMPORT + "loop = TrainingLoop(m, c)\n"

DECLINED = {
    "7: call": (TYPING + "TrainingLoop(m, c).train(l)\n", "ANN202"),
    "7: annotation": (TYPING + "def f(x: 'TrainingLoop'): ...\n", "ANN205"),
    "13: field of a dataclass": (IMPORT + "@dataclass\nclass A:\n    loop: TrainingLoop\n", "ANN205"),
    "15: map": (IMPORT + "list(map(TrainingLoop, ms, cs))\n", "ANN299"),
    "16: import_module": (
        f"import importlib\nt = importlib.import_module('{MODULE}')\nt.TrainingLoop(m, c)\n",
        "ANN208",
    ),
    "16: chain": ("ann = __import__('adaptiveneuralnetwork')\nann.training.loops.quick_train(c, l)\n", "ANN208"),
    "16: getattr": (f"import sys\ngetattr(sys.modules['{MODULE}'], 'TrainingLoop')\n", "ANN208"),
    "17: empty stars": (IMPORT + "TrainingLoop(m, c, **{}).train(l)\n", "ANN401"),
    "19: too many": (IMPORT + "TrainingLoop(m, c, o, k, x)\n", "ANN402"),
    "19: too many for train": (IMPORT + "TrainingLoop(m, c).train(l, t, 3, 4)\n", "ANN402"),
    "19: none": (IMPORT + "TrainingLoop()\n", "ANN402"),
    "21: to_thread": (LOOP + "async def f():\n    await asyncio.to_thread(loop.train, l)\n", "ANN307"),
    "22: partial": (LOOP + "functools.partial(loop.train, l)\n", "ANN307"),
    "22: thread": (LOOP + "Thread(target=loop.train, args=(l, t)).start()\n", "ANN307"),
    "26: starred": (IMPORT + "a, *b = TrainingLoop(m, c), 1, 2\n", "ANN303"),
    "28: nonlocal": (
        IMPORT
        + "def f():\n    loop = TrainingLoop(m, c)\n    def g():\n        nonlocal loop\n        loop = other()\n"
        + "    g()\n    loop.train(l)\n",
        "ANN304",
    ),
    "S17: the trainer of quick_train": (
        IMPORT.replace("TrainingLoop", "quick_train") + "r = quick_train(c, l)\nr.get('trainer')\n",
        "ANN308",
    ),
    "42: f-string, its text printed": (LOOP + 'f"{loop.evaluate(l)=}"\n', "ANN406"),
    "42: f-string within an f-string": (LOOP + """f"{f'{loop.evaluate(l)}'}"\n""", "ANN406"),
    "42: f-string, over two lines": (LOOP + 'f"""{loop.evaluate(\nl)}"""\n', "ANN406"),
    "42: f-string, in a format": (LOOP + 'f"{1:{loop.current_epoch}}"\n', "ANN406"),
    "42: f-string": (IMPORT + "f\"{TrainingLoop(m, c).train(l)[-1]['val_loss']}\"\n", "ANN406"),
    "45: cast": (IMPORT + "typing.cast(TrainingLoop, y)\n", "ANN205"),
    "45: except": (IMPORT + "try: ...\nexcept TrainingLoop: ...\n", "ANN206"),
    "46: monkeypatch": (
        f"import {MODULE} as t\nmonkeypatch.setattr(t, 'TrainingLoop', F)\nt.TrainingLoop(m, c)\n",
        "ANN208",
    ),
    "53: del": (IMPORT + "del TrainingLoop\n", "ANN209"),
    "53: attribute of the class": (IMPORT + "TrainingLoop.__init__.__doc__\n", "ANN207"),
    "53: help": (IMPORT + "help(TrainingLoop)\n", "ANN299"),
    "53: pickle": (LOOP + "pickle.dumps(loop)\n", "ANN302"),
    "53: class of the object": (LOOP + "loop.__class__\n", "ANN306"),
}
REWRITTEN = {
    "6: both branches mean the same": (
        f"try:\n    {IMPORT}except ImportError:\n    from {MODULE}.loops import TrainingLoop\n"
        "TrainingLoop(m, c).train(l)\n"
    ),
    "26: tuple": IMPORT + "x, loop = 1, TrainingLoop(m, c)\nloop.train(l)\n",
    "33: scheduler": LOOP + "s = StepLR(loop.optimizer, 1)\nloop.optimizer.param_groups[0]['lr'] = 1\nloop.train(l)\n",
    "40: comment everywhere": (
        IMPORT + "h = TrainingLoop(  # a\n    m,  # b\n    # c\n    c,  # d\n)"
        ".train(  # e\n    l,  # f\n    # g\n)  # h\n"
    ),
    "41: class body": IMPORT + "class A: loop = TrainingLoop(m, c)\n",
    "55: if False": IMPORT + "if False:\n    TrainingLoop(m, c).train(l)\n",
    "55: no cover": IMPORT + "if 0:  # pragma: no cover\n    loop = TrainingLoop(m, c)\n    loop.train(l)\n",
}
MENTIONED = {
    "16: path": f"x = '{MODULE}.TrainingLoop'\n",
    "54: exec": IMPORT + "exec('TrainingLoop(m, c).train(l)')\n",
}


@pytest.mark.parametrize("name", DECLINED)
def test_declined(name: str) -> None:
    source, code = DECLINED[name]
    result = migrate_source(source)
    assert not result.changed
    assert code in {site.code for site in result.sites}
    for site in result.sites:
        assert site.outcome is Outcome.DECLINED
        assert site.advice


@pytest.mark.parametrize("name", REWRITTEN)
def test_rewritten(name: str) -> None:
    result = migrate_source(REWRITTEN[name])
    assert [site.outcome for site in result.sites] == [Outcome.REWRITTEN]
    assert b"TrainingLoop" not in result.after


@pytest.mark.parametrize("name", MENTIONED)
def test_mentioned(name: str) -> None:
    result = migrate_source(MENTIONED[name])
    assert result.sites == ()
    assert [hint.kind for hint in result.hints] == ["string"]


@pytest.mark.parametrize(
    ("path", "source", "code"),
    [
        ("a.py", "# @generated\n" + IMPORT + "TrainingLoop(m, c).train(l)\n", "ANN505"),
        ("a.pyi", IMPORT + "loop: TrainingLoop\n", "ANN205"),
    ],
)
def test_case_49_generated_files_and_stubs_stay(path: str, source: str, code: str) -> None:
    result = migrate_source(source, path=path)
    assert not result.changed
    assert [site.code for site in result.sites] == [code]
