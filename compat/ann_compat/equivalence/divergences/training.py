"""Sources of difference in what the training computes: the step, what is read when, random numbers."""

from __future__ import annotations

from ann_compat.equivalence.divergences.divergence import ADAM, FIT, NEW, OLD, Divergence

# A batch that notes where it was asked to go.
_SPY = (
    "seen = []\n"
    "class Spy(torch.Tensor):\n"
    "    def to(self, device, **options):\n"
    "        seen.append(str(device))\n"
    "        return self.as_subclass(torch.Tensor).to(device, **options)\n"
    "loader = [(inputs.as_subclass(Spy), targets)]\n"
    "config.device = 'cpu:0'\n"
)
_NOTED = "seen = []\ndef noted(value, name):\n    seen.append(name)\n    return value\n"

DIVERGENCES = (
    # The step.
    Divergence(
        "clipping",
        "clipping",
        "clips the gradients of the model to a total norm of 1.0",
        "clips only where `max_grad_norm` says so",
        "writes `max_grad_norm=1.0`",
        OLD + "loop.train(loader)",
        ADAM + "trainer = Trainer(model, optimizer, nn.CrossEntropyLoss())\n" + FIT,
        writes=("max_grad_norm=1.0",),
    ),
    Divergence(
        "image-batches",
        "4-D inputs",
        "flattens `(N, C, H, W)` to `(N, C*H*W)`",
        "hands the batch to the model as it is",
        "writes `batch_transform=flatten_images`",
        "loader = DataLoader(TensorDataset(inputs.view(10, 1, 2, 2), targets), batch_size=4)\n"
        + OLD
        + "loop.train(loader)",
        "loader = DataLoader(TensorDataset(inputs.view(10, 1, 2, 2), targets), batch_size=4)\n" + NEW + FIT,
        writes=("batch_transform=flatten_images",),
    ),
    Divergence(
        "device",
        "device",
        "moves each batch to `config.device`",
        "takes a GPU where there is one",
        "writes `device=config.device`",
        _SPY + OLD + "loop.train(loader)",
        _SPY + NEW + FIT,
        writes=("device=config.device",),
    ),
    Divergence(
        "stale-gradients",
        "gradients from before",
        "clears them before each forward pass",
        "the same; those of the last step stay after training",
        "nothing",
        "model(inputs).sum().backward()\n" + OLD + "loop.train(loader)",
        "model(inputs).sum().backward()\n" + NEW + FIT,
    ),
    Divergence(
        "optimizer-over-calls",
        "second `train`",
        "goes on with the state of the optimizer",
        "the same",
        "nothing",
        OLD + "loop.train(loader, num_epochs=1)\nloop.train(loader, num_epochs=1)",
        NEW + "trainer.fit(loader, num_epochs=1)\ntrainer.fit(loader, num_epochs=1)",
    ),
    # What is read when.
    Divergence(
        "time-of-learning-rate",
        "learning rate",
        "read when the loop is constructed",
        "read where you build the optimizer",
        "builds the optimizer where the loop was constructed",
        OLD + "config.learning_rate = 0.5\nloop.train(loader)",
        "config.learning_rate = 0.5\n" + NEW + FIT,
        writes=("lr=config.learning_rate)\n",),
    ),
    Divergence(
        "time-of-epochs",
        "number of epochs",
        "`config.num_epochs` is read by `train`",
        "is told to `fit`",
        "reads it in the call of `fit`",
        OLD + "config.num_epochs = 3\nloop.train(loader)",
        "epochs = config.num_epochs\n" + NEW + "config.num_epochs = 3\ntrainer.fit(loader, num_epochs=epochs)",
        writes=("num_epochs=config.num_epochs",),
    ),
    Divergence(
        "epochs-zero",
        "`num_epochs` 0 or None",
        "means the config's",
        "0 trains nothing, None is refused",
        "writes `n or config.num_epochs`",
        "n = 0\n" + OLD + "loop.train(loader, None, n)",
        "n = 0\n" + NEW + "trainer.fit(loader, num_epochs=n)",
        writes=("n or config.num_epochs",),
    ),
    Divergence(
        "order-of-arguments",
        "order of arguments",
        "`train(train, test, epochs)`",
        "`fit(train, epochs, val)`",
        "passes them by name",
        OLD + "loop.train(loader, loader, 1)",
        NEW + "trainer.fit(loader, loader, 1)",
        writes=("num_epochs=1, val_loader=loader",),
    ),
    Divergence(
        "order-of-effects",
        "effects of arguments",
        "arguments are evaluated as they stand: loader, test loader, epochs",
        "they stand in another order",
        "writes the keywords in the order of the old arguments",
        _NOTED + OLD + "loop.train(noted(loader, 'train'), noted(None, 'test'), noted(1, 'epochs'))",
        _NOTED
        + NEW
        + "trainer.fit(noted(loader, 'train'), num_epochs=noted(1, 'epochs'), val_loader=noted(None, 'test'))",
        writes=("val_loader=noted(None, 'test'), num_epochs=",),
    ),
    Divergence(
        "false-criterion",
        "a criterion that is false",
        "`criterion or CrossEntropyLoss()`: an empty `nn.Sequential` is not used",
        "takes what it is given",
        "keeps the `or` where the value can be false",
        "criterion = nn.Sequential()\n" + OLD[:-2] + ", criterion=criterion)\nloop.train(loader)",
        "criterion = nn.Sequential()\n"
        + ADAM
        + "trainer = Trainer(model, optimizer, criterion, max_grad_norm=1.0)\n"
        + FIT,
        writes=("criterion or nn.CrossEntropyLoss()",),
    ),
    # Random numbers.
    Divergence(
        "seed",
        "seeding",
        "seeds nothing; `config.seed` is not used",
        "`seed=42`, which the guide shows, seeds all generators",
        "writes no `seed`",
        OLD + "loop.train(loader)",
        ADAM + "trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), max_grad_norm=1.0, seed=42)\n" + FIT,
    ),
    Divergence(
        "draws-of-evaluation",
        "random draws of a validation",
        "each pass over a `DataLoader` draws from the global generator",
        "the same, unless `isolate_evaluation=True`",
        "nothing",
        OLD + "loop.train(loader, loader)",
        NEW + "trainer.fit(loader, num_epochs=config.num_epochs, val_loader=loader)",
    ),
    Divergence(
        "mode-after-evaluation",
        "mode after a validation",
        "the model is left in evaluation mode",
        "the same, unless `preserve_modes=True`",
        "nothing",
        OLD + "loop.train(loader, loader)\nseen = model.training",
        NEW + "trainer.fit(loader, num_epochs=config.num_epochs, val_loader=loader)\nseen = model.training",
    ),
)
