"""The baseline experiment: a model, its training loop, and what came out."""

from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Experiment:
    """Trains an AdaptiveModel and remembers how it went."""

    def __init__(self, config, target=90.0):
        self.config = config
        self.target = target  # in percent
        self.model = AdaptiveModel(config)
        self.trainer = TrainingLoop(self.model, self.config)
        self.history = []
        self.passed = False

    def run(self, train_loader, test_loader):
        """Train for as long as the config says."""
        self.history = self.trainer.train(train_loader, test_loader)
        # accuracy is in percent
        self.passed = self.history[-1]["val_accuracy"] >= self.target
        return self.history

    def fine_tune(self, train_loader, epochs):
        """A few more epochs at a tenth of the learning rate; the records go on in the same history."""
        for group in self.trainer.optimizer.param_groups:
            group["lr"] *= 0.1
        self.trainer.train(train_loader, num_epochs=epochs)
        scores = self.trainer.evaluate(train_loader)
        self.history[-1].update(scores)  # how well it knows what it was taught

    def verdict(self):
        last = self.history[-1]
        word = "passed" if self.passed else "failed"
        return (
            f"{word}: {last['val_accuracy']:.2f}% after {len(self.history)} epochs (target {self.target:.0f}%), "
            f"{last['active_node_ratio']:.0%} of the nodes active"
        )
