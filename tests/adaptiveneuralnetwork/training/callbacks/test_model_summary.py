import pytest
import torch
from torch import nn

from adaptiveneuralnetwork.training import ModelSummary, summarize
from adaptiveneuralnetwork.training.digests import digest, rng_digest


def test_the_table_has_shapes_of_the_first_batch(make_trainer, flat_batches, capsys):
    make_trainer(callbacks=[ModelSummary()]).fit(flat_batches, num_epochs=2)
    assert capsys.readouterr().out.splitlines() == [
        "module             output   parameters",
        "Sequential         (8, 4)           69",
        "  0: Linear        (8, 5)           35",
        "  1: BatchNorm1d   (8, 5)           10",
        "  2: ReLU          (8, 5)            0",
        "  3: Dropout       (8, 5)            0",
        "  4: Linear        (8, 4)           24",
        "69 parameters, 69 trainable, 11 buffer elements, 324 bytes",
    ]


def test_c21_it_changes_nothing(make_trainer, flat_batches, capsys):
    def run(*callbacks):
        trainer = make_trainer(callbacks=callbacks)
        torch.manual_seed(3)
        history = trainer.fit(flat_batches, num_epochs=1)
        hooks = sum(len(module._forward_hooks) for module in trainer.model.modules())
        return history, digest(trainer.model.state_dict()), rng_digest(), hooks

    assert run(ModelSummary()) == run()


def test_nests_of_outputs_and_depth():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))

        def forward(self, inputs):
            return {"a": self.inner(inputs), "b": [inputs, None]}

    summary = ModelSummary(max_depth=1)
    model = Two()
    for name, module in model.named_modules():
        module.register_forward_hook(summary._hook(name))
    model(torch.zeros(3, 2))
    lines = summarize(model, 1, shapes=summary._shapes).splitlines()
    assert [line.split()[0] for line in lines] == ["module", "Two", "inner:", "6"]
    assert "{a: (3, 2), b: [(3, 2), NoneType]}" in lines[1]
    assert "1: Sequential" in summarize(model, None)


def test_hooks_are_taken_away_when_the_first_batch_fails(make_trainer):
    trainer = make_trainer(callbacks=[ModelSummary()])
    with pytest.raises(TypeError):
        trainer.fit([3], num_epochs=1)
    assert not any(module._forward_hooks for module in trainer.model.modules())


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="max_depth must be at least 1, got 0"):
        ModelSummary(0)
    with pytest.raises(TypeError, match=r"model must be an nn.Module, got 3"):
        summarize(3)
