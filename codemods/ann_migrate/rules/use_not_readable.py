"""The object or the name is used in a notebook where the code cannot be read.

A cell that is no plain Python (an automagic such as ``pip install x``, an open bracket) or a magic (``%timeit
loop.evaluate(loader)``, ``loop?``, ``!echo {loop.config}``): what happens to the object there is not known.
"""

from __future__ import annotations

CODE = "ANN312"
ADVICE = "change it by hand, or make it plain Python first"
VALID = ()
INVALID = ()
INVALID_CELLS = (
    (
        "from adaptiveneuralnetwork.training import TrainingLoop\nloop = TrainingLoop(model, config)\n",
        "%timeit loop.evaluate(loader)\n",
    ),
    (
        "from adaptiveneuralnetwork.training import TrainingLoop\nloop = TrainingLoop(model, config)\n",
        "pip install something\nloop.train(loader)\n",
    ),
    (
        "from adaptiveneuralnetwork.training import TrainingLoop\n",
        "TrainingLoop??\n",
    ),
)
"""Notebooks, as the texts of their code cells."""


def reason(where: str) -> str:
    """The reason, given what the code that cannot be read is."""
    return f"it is used in {where}"
