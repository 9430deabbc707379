"""ModelCheckpoint(on_signal=True): a signal ends the run at a moment at which it can be continued."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import Callback, ModelCheckpoint
from adaptiveneuralnetwork.training.interrupts import Interrupts


class Raise(Callback):
    """Sends a signal to this process at one call of one hook."""

    def __init__(self, number, hook, at):
        self.number, self.at = number, at
        setattr(self, hook, self.send)

    def send(self, *arguments):
        self.at -= 1
        if self.at == 0:
            signal.raise_signal(self.number)


@pytest.fixture
def loader(flat_batches):
    dataset = TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))
    return lambda: DataLoader(dataset, 4, shuffle=True)


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)],
    ids=lambda value: str(value),
)
@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize(
    ("hook", "at"),
    [
        ("on_epoch_begin", 1),
        ("on_batch_begin", 2),
        ("on_backward_end", 7),
        ("on_batch_end", 5),
        ("on_evaluate_begin", 1),
        ("on_epoch_end", 2),
    ],
)
def test_c43_a_signal_anywhere_saves_and_leaves_and_the_run_continues_bit_for_bit(
    make_trainer, loader, tmp_path, number, error, hook, at, accumulation
):
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    arguments = {"gradient_accumulation_steps": accumulation}
    torch.manual_seed(1)
    whole = make_trainer(**arguments)
    history = whole.fit(loader(), 3, val_loader=loader())

    torch.manual_seed(1)
    checkpoint = ModelCheckpoint(tmp_path, top_k=0, on_signal=True)
    interrupted = make_trainer(callbacks=[Raise(number, hook, at), checkpoint], **arguments)
    with pytest.raises(error) as caught:
        interrupted.fit(loader(), 3, val_loader=loader())
    if number == signal.SIGTERM:
        assert caught.value.code == 143
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers

    torch.manual_seed(99)
    resumed = make_trainer(callbacks=[ModelCheckpoint(tmp_path / "new", top_k=0, on_signal=True)], **arguments)
    assert resumed.load_checkpoint(checkpoint.last_path)["exact"]
    assert resumed.fit(loader(), 3, val_loader=loader()) == history
    for one, other in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_c43_handlers_are_restored_however_fit_ends_and_not_touched_unasked(make_trainer, flat_batches, tmp_path):
    seen = []

    class Look(Callback):
        def on_epoch_end(self, epoch, trainer, logs=None):
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    make_trainer(callbacks=[ModelCheckpoint(tmp_path), Look()]).fit(flat_batches, 1)
    make_trainer(callbacks=[ModelCheckpoint(tmp_path, on_signal=True), Look()]).fit(flat_batches, 1)
    assert seen[0] is before
    assert seen[1] is not before
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ValueError, match="train_loader gave no batch"):
        make_trainer(callbacks=[ModelCheckpoint(tmp_path, on_signal=True)]).fit([], 1)
    assert signal.getsignal(signal.SIGINT) is before


def test_c43_another_thread_trains_without_handlers(make_trainer, flat_batches, tmp_path):
    outcome = []
    trainer = make_trainer(callbacks=[ModelCheckpoint(tmp_path, on_signal=True)])
    thread = threading.Thread(target=lambda: outcome.append(len(trainer.fit(flat_batches, 1))))
    before = signal.getsignal(signal.SIGTERM)
    thread.start()
    thread.join()
    assert outcome == [1]
    assert signal.getsignal(signal.SIGTERM) is before


def test_c43_a_second_ctrl_c_kills_even_what_hangs():
    script = (
        "import time\n"
        "from adaptiveneuralnetwork.training.interrupts import Interrupts\n"
        "interrupts = Interrupts()\n"
        "interrupts.install()\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    time.sleep(0.01)\n"
        "    if interrupts.received: print('noted', flush=True); time.sleep(1000)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "noted\n"
        time.sleep(0.05)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT


def test_it_needs_the_last_file():
    with pytest.raises(ValueError, match="on_signal=True saves to"):
        ModelCheckpoint("folder", last=False, on_signal=True)


def test_nothing_received_is_nothing_to_leave_for():
    interrupts = Interrupts()
    interrupts.leave()
    interrupts.restore()
    assert interrupts.received is None
