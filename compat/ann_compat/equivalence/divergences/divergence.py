"""``Divergence``: a source of difference, with a legacy program and the one that a reader of the guide would write."""

from __future__ import annotations

from dataclasses import dataclass, field

PRELUDE = '''\
import os
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from adaptiveneuralnetwork.api import AdaptiveConfig
from adaptiveneuralnetwork.training import Trainer, TrainingLoop, quick_train


class Net(nn.Sequential):
    """Any model can be trained by TrainingLoop that has these three methods."""

    def get_metrics(self):
        return {"active_node_ratio": 0.5, "mean_energy": 1.0}

    def get_state_dict_full(self):
        return self.state_dict()

    def load_state_dict_full(self, state):
        self.load_state_dict(state)


config = AdaptiveConfig(learning_rate=0.1, num_epochs=2, save_checkpoint=False, metrics_file=None)
model = Net(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3))
inputs, targets = torch.randn(10, 4) * 50, torch.randint(0, 3, (10,))
loader = DataLoader(TensorDataset(inputs, targets), batch_size=4)
'''
"""What all programs begin with. The last batch is smaller than the others."""

ADAM = "optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)\n"
NEW = ADAM + "trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), max_grad_norm=1.0)\n"
OLD = "loop = TrainingLoop(model, config)\n"
FIT = "trainer.fit(loader, num_epochs=config.num_epochs)"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One source of difference.

    Attributes:
        name: In lower case with hyphens; the test of the row has it.
        source: What may differ, in two or three words.
        legacy: What the legacy loop does.
        trainer: What ``Trainer`` does when it is told no more than the guide's simple form tells it.
        mend: What ``ann-migrate`` and the bridge do about it.
        program: The legacy program. What it leaves in ``seen`` is compared, beside all that the training did.
        by_hand: The same program as a reader of the guide would write it, faithful in everything but this; empty
            where there is nothing to write.
        writes: What must stand in the migrated program.
        code: With which the program is declined; empty where it is rewritten.
        refinement: The entry of the list of refinements under which ``Trainer`` may go on.
        differs: The channels in which the migrated program differs all the same.
        raises: Whether the legacy program ends with an exception.
    """

    name: str
    source: str
    legacy: str
    trainer: str
    mend: str
    program: str
    by_hand: str = ""
    writes: tuple[str, ...] = ()
    code: str = ""
    refinement: str = ""
    differs: tuple[str, ...] = field(default=())
    raises: bool = False
