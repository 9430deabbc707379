import copy
import json
import pickle

import pytest
import torch

from adaptiveneuralnetwork.training.logs import Logs, deferred


def test_an_unread_tensor_stays_a_tensor():
    logs = Logs(loss=torch.tensor(0.5))
    assert isinstance(dict.__getitem__(logs, "loss"), torch.Tensor)
    assert "loss" in logs
    assert len(logs) == 1
    assert list(logs) == ["loss"]
    assert isinstance(dict.__getitem__(logs, "loss"), torch.Tensor)


def test_every_way_of_reading_gives_numbers():
    def fresh() -> Logs:
        return Logs(
            loss=torch.tensor(0.5), accuracy=deferred(lambda: torch.tensor(0.25, dtype=torch.float64)), batch_size=8
        )

    expected = {"loss": 0.5, "accuracy": 0.25, "batch_size": 8}
    assert fresh()["loss"] == 0.5
    assert isinstance(fresh()["loss"], float)
    assert isinstance(fresh().get("accuracy"), float)
    assert isinstance(fresh().setdefault("loss", 1.0), float)
    assert isinstance(fresh().pop("loss"), float)
    assert fresh().popitem() == ("batch_size", 8)
    for read in (
        dict,
        copy.copy,
        lambda logs: {**logs},
        lambda logs: logs.copy(),
        lambda logs: dict(logs.items()),
        lambda logs: logs | {},
        lambda logs: {} | logs,
        lambda logs: json.loads(json.dumps(logs)),
        lambda logs: pickle.loads(pickle.dumps(logs)),
    ):
        result = read(fresh())
        assert dict(result) == expected
        assert not any(isinstance(dict.__getitem__(result, key), torch.Tensor) for key in result)
    assert list(fresh().values()) == [0.5, 0.25, 8]
    assert fresh() == expected
    assert repr(fresh()) == repr(expected)


def test_a_deferred_value_is_computed_once_and_only_when_read():
    calls = []
    logs = Logs(value=deferred(lambda: calls.append(1) or 3))
    assert not calls
    assert (logs["value"], logs["value"]) == (3, 3)
    assert len(calls) == 1


def test_missing_keys_behave_as_in_a_dict():
    logs = Logs()
    assert logs.get("loss") is None
    assert logs.get("loss", 1.5) == 1.5
    assert logs.pop("loss", 2) == 2
    with pytest.raises(KeyError, match="loss"):
        logs["loss"]
