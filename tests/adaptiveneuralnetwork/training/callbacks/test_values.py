import torch
from torch import nn, optim

from adaptiveneuralnetwork.training.callbacks.values import EpochRates, learning_rates, numbers
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


def test_the_rates_of_an_epoch_are_kept_when_it_is_taken_up_in_its_middle():
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    rates, again = EpochRates(), EpochRates()
    rates.begin(3, optimizer)
    state = rates.state_dict()
    optimizer.param_groups[0]["lr"] = 0.05
    for epoch, expected in ((3, [0.1]), (4, [0.05])):
        again.load_state_dict(state)
        again.begin(epoch, optimizer)
        assert again.rates == expected
    rates.begin(3, optimizer)
    assert rates.rates == [0.05], "another run's third epoch"
