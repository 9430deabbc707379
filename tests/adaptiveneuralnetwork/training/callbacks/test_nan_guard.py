import math

import pytest
import torch

from adaptiveneuralnetwork.training import Callback, ModelCheckpoint, NaNGuard, NonFiniteError


class Break(Callback):
    """Makes the model give NaN or infinity from one batch on."""

    def __init__(self, epoch, batch_idx, value=math.nan):
        self.place = epoch, batch_idx
        self.value = value

    def on_batch_begin(self, batch_idx, trainer, logs=None):
        if (trainer.current_epoch, batch_idx) == self.place:
            trainer.model[0].weight.data[0, 0] = self.value


@pytest.mark.parametrize("check_every", [1, 2, 4, 50])
@pytest.mark.parametrize("place", [(0, 0), (0, 2), (1, 1)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_first_bad_batch_is_named_exactly(make_trainer, flat_batches, check_every, place, value):
    guard = NaNGuard(check_every)
    with pytest.raises(NonFiniteError) as caught:
        make_trainer(callbacks=[guard, Break(*place, value)]).fit(flat_batches, num_epochs=2)
    epoch, batch_idx = place
    step = 3 * epoch + batch_idx
    assert (caught.value.epoch, caught.value.batch_idx, caught.value.step) == (epoch, batch_idx, step)
    assert str(caught.value).startswith(
        f"loss is nan in epoch {epoch}, batch {batch_idx} (after {step} optimizer steps)"
    )
    assert "not finite by now: 0.weight" in str(caught.value)


def test_with_every_batch_it_ends_before_the_step(make_trainer, flat_batches):
    trainer = make_trainer(callbacks=[NaNGuard(check_every=1), Break(0, 1)])
    with pytest.raises(NonFiniteError):
        trainer.fit(flat_batches, num_epochs=1)
    assert trainer.global_step == 1
    assert trainer.model[4].weight.isfinite().all()


def test_c33_a_bad_epoch_is_not_saved(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer(callbacks=[ModelCheckpoint(tmp_path), NaNGuard(), Break(1, 2)])
    with pytest.raises(NonFiniteError):
        trainer.fit(flat_batches, num_epochs=3)
    trainer.load_checkpoint(tmp_path / "last.pt")
    assert len(trainer.metrics_history) == 1
    assert trainer.model[0].weight.isfinite().all()


def test_gradients_on_request(make_trainer, flat_batches):
    class Explode(Callback):
        def on_backward_end(self, batch_idx, trainer, logs=None):
            if batch_idx == 1:
                trainer.model[0].weight.grad[0, 0] = math.inf

    with pytest.raises(NonFiniteError, match="gradient norm is inf in epoch 0, batch 1"):
        make_trainer(callbacks=[NaNGuard(gradients=True), Explode()]).fit(flat_batches, num_epochs=1)
    trainer = make_trainer(callbacks=[NaNGuard(1, gradients=True), Explode()])
    with pytest.raises(NonFiniteError):
        trainer.fit(flat_batches, num_epochs=1)
    assert trainer.model[0].weight.isfinite().all(), "before the step"
    trainer = make_trainer(callbacks=[NaNGuard(gradients=True), Explode()])
    trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    assert len(trainer.fit(flat_batches, num_epochs=1)) == 1, "with float16 the scaler skips such a step"


@pytest.mark.usefixtures("as_on_an_accelerator")
def test_no_step_waits_for_the_device(make_trainer, flat_batches, monkeypatch):
    waits = []
    to_list, item, to_float = torch.Tensor.tolist, torch.Tensor.item, torch.Tensor.__float__
    for name, method in (("tolist", to_list), ("item", item), ("__float__", to_float)):
        monkeypatch.setattr(torch.Tensor, name, lambda self, method=method: (waits.append(1), method(self))[1])
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda self: pytest.fail("a step asked a tensor for its truth"))
    make_trainer(callbacks=[NaNGuard(check_every=10)]).fit(flat_batches * 10, num_epochs=1)
    assert len(waits) <= 3 + 2, "every tenth batch, and loss and accuracy of the epoch"


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="check_every must be at least 1, got 0"):
        NaNGuard(0)
