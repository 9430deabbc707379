import pytest
import torch

from adaptiveneuralnetwork.training import Callback, DeviceStatsMonitor, Phase


def test_epochs_and_batches_are_looked_at(make_trainer, flat_batches):
    logged = []

    class Read(Callback):
        phase = Phase.RECORD

        def on_epoch_end(self, epoch, trainer, logs=None):
            logged.append(logs["process_memory"])

    stats = DeviceStatsMonitor(every_n_batches=2)
    make_trainer(callbacks=[stats, Read()]).fit(flat_batches, num_epochs=2)
    assert [(record["epoch"], record["batch"]) for record in stats.records] == [(0, 1), (0, None), (1, 1), (1, None)]
    assert logged == [record["process_memory"] for record in stats.records if record["batch"] is None]
    assert all(record["memory_available"] > 0 and record["cpu_percent"] >= 0 for record in stats.records)


def test_memory_that_is_used_shows(make_trainer, flat_batches):
    stats = DeviceStatsMonitor()
    make_trainer(callbacks=[stats]).fit(flat_batches, num_epochs=1)
    before = stats.records[-1]["process_memory"]
    ballast = torch.ones(32 * 2**20)  # 128 MiB that are really touched
    make_trainer(callbacks=[stats]).fit(flat_batches, num_epochs=1)
    assert stats.records[-1]["process_memory"] - before > 0.8 * ballast.nbytes


def test_a_wrong_interval_is_named():
    with pytest.raises(TypeError, match=r"every_n_batches must be an integer of at least 1, got 1.5"):
        DeviceStatsMonitor(1.5)
