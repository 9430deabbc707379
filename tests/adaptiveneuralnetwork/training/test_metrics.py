import pytest
import torch

from adaptiveneuralnetwork.training import Accuracy, LegacyAccuracy
from adaptiveneuralnetwork.training.metrics import FunctionMetric, LossMean, MetricSet

LOGITS = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])


def test_accuracy_is_a_fraction_over_all_batches():
    accuracy = Accuracy()
    accuracy.update(LOGITS, torch.tensor([1, 1, 1]))
    accuracy.update(LOGITS[:1], torch.tensor([0]))
    assert float(accuracy.compute()) == 2 / 4
    accuracy.reset()
    assert accuracy.compute() is None


def test_accuracy_looks_again_when_a_batch_is_of_another_kind():
    accuracy = Accuracy()
    accuracy.update(LOGITS, torch.tensor([1, 1, 1]))
    accuracy.update(LOGITS[:2], torch.tensor([1, 1]))
    assert float(accuracy.compute()) == 3 / 5
    accuracy.update(LOGITS, torch.rand(3))
    assert accuracy.compute() is None


@pytest.mark.usefixtures("as_on_an_accelerator")
def test_on_an_accelerator_accuracy_is_counted_there():
    accuracy = Accuracy()
    for _ in range(2):
        accuracy.update(LOGITS, torch.tensor([1, 1, 1]))
    assert isinstance(accuracy.correct, torch.Tensor)
    assert accuracy.compute().dtype is torch.float64
    assert accuracy.compute().item() == 4 / 6


def test_accuracy_counts_dense_targets():
    accuracy = Accuracy()
    accuracy.update(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long))
    assert float(accuracy.compute()) == 1.0


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (torch.zeros(3, 1), torch.zeros(3, 1)),
        (torch.zeros(3, 2), torch.zeros(3, 2)),
        (torch.zeros(3), torch.zeros(3, dtype=torch.long)),
        (torch.zeros(3, 1), torch.zeros(3, dtype=torch.long)),
        (torch.zeros(3, 2, dtype=torch.long), torch.zeros(3, dtype=torch.long)),
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.bool)),
        (torch.zeros(3, 2, 5), torch.zeros(3, dtype=torch.long)),
        ({"logits": LOGITS}, torch.zeros(3, dtype=torch.long)),
    ],
)
def test_c37_accuracy_is_left_out_where_it_has_no_meaning(outputs, targets):
    accuracy = Accuracy()
    accuracy.update(outputs, targets)
    accuracy.update(LOGITS, torch.tensor([1, 1, 1]))
    assert accuracy.compute() is None


def test_every_accuracy_has_the_bits_of_python_division():
    accuracy, legacy = Accuracy(), LegacyAccuracy()
    differing = 0
    for total in range(1, 60):
        for correct in range(total + 1):
            accuracy.correct = legacy.correct = torch.tensor(correct)
            accuracy.total = legacy.total = total
            assert float(accuracy.compute()) == correct / total
            assert legacy.compute() == 100.0 * correct / total
            differing += 100.0 * correct / total != 100 * (correct / total)
    assert differing  # so converting the fraction to percent would not do


def test_the_legacy_rule_counts_where_accuracy_does_not():
    legacy = LegacyAccuracy()
    legacy.update(torch.tensor([[0.3], [0.9]]), torch.tensor([[0.0], [2.0]]))
    assert legacy.compute() == 50.0
    dense = LegacyAccuracy()
    dense.update(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long))
    assert dense.compute() == 100.0 * 32 / 2


def test_the_legacy_rule_refuses_class_probabilities_and_nothing_counted():
    with pytest.raises(RuntimeError, match=r"view|shape"):
        LegacyAccuracy().update(LOGITS, torch.zeros(3, 2))
    with pytest.raises(ZeroDivisionError):
        LegacyAccuracy().compute()


@pytest.mark.parametrize("place", ["cpu", "accelerator"])
def test_the_sum_of_losses_has_the_bits_of_the_sum_of_items(place, request):
    if place == "accelerator":
        request.getfixturevalue("as_on_an_accelerator")
    losses = torch.rand(500, generator=torch.Generator().manual_seed(1)) * 10
    mean, total = LossMean(), 0.0
    for loss in losses:
        mean.add(loss)
        total += loss.item()
    assert isinstance(mean.sum, torch.Tensor) is (place == "accelerator")
    assert mean.compute() == total / len(losses)


def test_a_loss_of_one_element_and_any_shape_counts():
    mean = LossMean()
    mean.add(torch.tensor([[2.0]]))
    assert mean.compute() == 2.0


def test_c36_function_metrics_are_weighted_by_samples():
    metric = FunctionMetric(lambda outputs, targets: outputs.mean())
    metric.update(torch.ones(3, 2), torch.zeros(3))
    metric.update(torch.zeros(1, 2), torch.zeros(1))
    assert float(metric.compute()) == 0.75


def test_c39_function_metrics_keep_no_graph():
    metric = FunctionMetric(lambda outputs, targets: outputs.sum())
    metric.update(torch.ones(2, requires_grad=True) * 2, torch.zeros(2))
    assert not metric.sum.requires_grad


def test_metric_objects_are_copied_so_that_training_and_validation_count_apart():
    mine = LegacyAccuracy()
    metrics = MetricSet({"percent": mine})
    metrics.update(LOGITS, torch.tensor([1, 1, 1]))
    assert mine.total == 0
    assert metrics.metrics["percent"].compute() == 100.0 * 2 / 3


@pytest.mark.parametrize("metric", [3, "mean", LegacyAccuracy, None])
def test_what_is_no_metric_is_refused_by_name(metric):
    with pytest.raises(TypeError, match=r"metrics\['m'\] must be a function"):
        MetricSet({"m": metric})
    with pytest.raises(TypeError, match="names must be strings, got 1"):
        MetricSet({1: LegacyAccuracy()})
