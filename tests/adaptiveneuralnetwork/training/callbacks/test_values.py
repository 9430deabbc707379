import torch
from torch import nn, optim

from adaptiveneuralnetwork.training.callbacks.values import learning_rates, numbers
from adaptiveneuralnetwork.training.logs import Logs


def test_numbers_are_read_and_the_rest_is_left():
    logs = Logs(loss=torch.tensor(0.5), note="a", flag=True, count=3, many=torch.ones(2))
    assert numbers(logs) == {"loss": 0.5, "count": 3}
    assert numbers(logs, skip=("count",)) == {"loss": 0.5}
    assert numbers(None) == numbers({}) == {}


def test_what_is_skipped_is_not_even_read():
    logs = Logs(loss=torch.tensor(0.5), count=3)
    numbers(logs, skip=("loss",))
    assert isinstance(logs.raw("loss"), torch.Tensor)


def test_a_rate_for_each_group():
    groups = [
        {"params": nn.Linear(1, 1).parameters()},
        {"params": nn.Linear(1, 1).parameters(), "lr": torch.tensor(0.5)},
    ]
    assert learning_rates(optim.SGD(groups, lr=0.1)) == [0.1, 0.5]
