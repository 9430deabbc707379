import copy
import json
import pickle

import pytest

from adaptiveneuralnetwork.training import History, LoggingCallback

RECORDS = [{"epoch": 0, "train_loss": 0.7}, {"epoch": 1, "train_loss": 0.5, "val_loss": 0.6}]


def test_it_is_a_list_of_records():
    history = History(RECORDS)
    assert history == RECORDS
    assert history[-1]["train_loss"] == 0.5
    assert json.loads(json.dumps(history)) == RECORDS


def test_a_column_is_one_metric_over_the_epochs():
    assert History(RECORDS).column("train_loss") == [0.7, 0.5]


def test_an_unknown_column_names_those_that_exist():
    with pytest.raises(
        KeyError, match=r"no metric 'val_loss' in the record of epoch 0; it has \['epoch', 'train_loss'\]"
    ):
        History(RECORDS).column("val_loss")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history))])
def test_copies_keep_the_records_and_leave_the_callbacks(duplicate):
    history = duplicate(History(RECORDS, callbacks=[LoggingCallback()]))
    assert type(history) is History
    assert history == RECORDS
    assert history.callbacks == ()
