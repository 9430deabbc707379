"""Defects of ``Trainer`` and of the small modules that its loop uses."""

from __future__ import annotations

from ann_compat.equivalence.planting import Mutant

_TRAINING = "adaptiveneuralnetwork.training"
_FIT = f"{_TRAINING}.trainer:Trainer.fit"
_INIT = f"{_TRAINING}.trainer:Trainer.__init__"
_EVALUATE = f"{_TRAINING}.trainer:Trainer.evaluate"
_TRAIN_BATCHES = f"{_TRAINING}.trainer:Trainer._train_batches"
_EPOCH = f"{_TRAINING}.trainer:Trainer._run_epoch"
_FIRST_BATCHES = f"{_TRAINING}.run:Run._first_batches"
_STEP = f"{_TRAINING}.stepping:Stepping.step"
_BEGIN_BATCH = f"{_TRAINING}.stepping:Stepping.begin_batch"
_RECORD = "ann_compat.bridge:LegacyCallback.on_epoch_end"

_CLIP = "torch.nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=self.max_grad_norm)"
_CLIPS = "if self.max_grad_norm is not None:"
_OPTIMIZER_STEP = "    self.optimizer.step()"

TRAINER_MUTANTS = (
    # The step.
    Mutant("no-clipping", "gradients are not clipped", ((_STEP, _CLIPS, "if False:"),)),
    Mutant(
        "clip-by-value",
        "gradients are clipped element by element",
        ((_STEP, _CLIP, "torch.nn.utils.clip_grad_value_(self.model.parameters(), self.max_grad_norm)"),),
    ),
    Mutant("clip-1.01", "gradients are clipped to 1.01", ((_STEP, "max_norm=self", "max_norm=1.01 * self"),)),
    Mutant(
        "clip-inf-norm",
        "the norm is the largest element",
        ((_STEP, "max_norm=self.max_grad_norm", "max_norm=self.max_grad_norm, norm_type=float('inf')"),),
    ),
    Mutant(
        "clip-after-step",
        "gradients are clipped after the step",
        ((_STEP, _CLIPS, "if False:"), (_STEP, _OPTIMIZER_STEP, f"{_OPTIMIZER_STEP}; {_CLIP}")),
    ),
    Mutant(
        "clip-optimizer-parameters",
        "the norm is that of the optimizer's parameters, not of the model's",
        (
            (
                _STEP,
                "(self.model.parameters(), max_norm",
                "([p for group in self.optimizer.param_groups for p in group['params']], max_norm",
            ),
        ),
    ),
    Mutant("no-zero-grad", "gradients add up over steps", ((_BEGIN_BATCH, "self.optimizer.zero_grad()", "pass"),)),
    Mutant(
        "zero-grad-to-zero",
        "gradients are set to zero instead of None",
        ((_BEGIN_BATCH, "zero_grad()", "zero_grad(set_to_none=False)"),),
    ),
    Mutant(
        "zero-grad-after-step",
        "gradients are cleared after the step instead of before the forward pass",
        (
            (_BEGIN_BATCH, "self.optimizer.zero_grad()", "pass"),
            (_STEP, _OPTIMIZER_STEP, f"{_OPTIMIZER_STEP}; self.optimizer.zero_grad()"),
        ),
    ),
    Mutant(
        "no-step-on-last-batch",
        "the last batch of an epoch makes no step",
        (
            (_TRAIN_BATCHES, "if stepping.window_is_full or batch_idx + 1 == length:", "if batch_idx + 1 != length:"),
            (_TRAIN_BATCHES, "if not stepping.window_is_empty:", "if False:"),
        ),
    ),
    Mutant(
        "extra-step",
        "the optimizer steps once more after each epoch",
        ((_TRAIN_BATCHES, "run.between_batches = False", "run.between_batches = False; self.optimizer.step()"),),
    ),
    Mutant(
        "autocast",
        "mixed precision is on",
        ((_INIT, "Precision(self.device, use_amp", "Precision(self.device, True"),),
    ),
    # Modes and gradients.
    Mutant(
        "train-mode-once",
        "the model is not put back into training mode after an evaluation",
        ((_FIRST_BATCHES, "trainer.model.train()", "trainer.current_epoch or trainer.model.train()"),),
    ),
    Mutant(
        "no-eval-mode",
        "evaluation leaves the mode as it is",
        ((f"{_TRAINING}.run:evaluation_mode", "model.eval()", ""),),
    ),
    Mutant(
        "evaluation-in-training-mode",
        "the model is evaluated in training mode",
        ((f"{_TRAINING}.run:evaluation_mode", "model.eval()", "model.train()"),),
    ),
    Mutant("evaluation-with-gradients", "evaluation records gradients", ((_EVALUATE, "no_grad", "enable_grad"),)),
    Mutant("modes-restored", "evaluation puts the modes back", ((_INIT, "= preserve_modes", "= True"),)),
    # Epochs, batches, order.
    Mutant(
        "epoch-less",
        "an epoch is left out",
        ((_FIT, "(run.position.epoch, num_epochs)", "(run.position.epoch, num_epochs - 1)"),),
    ),
    Mutant(
        "epoch-more",
        "an epoch is added",
        ((_FIT, "(run.position.epoch, num_epochs)", "(run.position.epoch, num_epochs + 1)"),),
    ),
    Mutant(
        "sanity-evaluation",
        "the validation loader is run through before training",
        (
            (
                _FIT,
                'run.tell("on_train_begin", self, Logs())',
                'run.tell("on_train_begin", self, Logs()); val_loader is not None and self.evaluate(val_loader)',
            ),
        ),
    ),
    Mutant(
        "extra-iterator",
        "the loader is asked for one more iterator, which draws from the global generator",
        ((_FIRST_BATCHES, "trainer.model.train()", "trainer.model.train(); iter(loader)"),),
    ),
    Mutant(
        "peek",
        "the first batch is looked at before the epoch",
        ((_FIRST_BATCHES, "trainer.model.train()", "trainer.model.train(); next(iter(loader), None)"),),
    ),
    Mutant(
        "drops-last-batch",
        "the last of several batches is left out",
        (
            (
                _TRAIN_BATCHES,
                "enumerate(batches, position.batches)",
                "enumerate(b for i, b in enumerate(batches) if not length or i + 1 < max(length, 2))",
            ),
        ),
    ),
    Mutant(
        "trains-on-validation-data",
        "training takes the validation loader",
        ((_EPOCH, "_batches(run.train_loader, run)", "_batches(run.val_loader or run.train_loader, run)"),),
    ),
    Mutant(
        "no-flattening",
        "4-D inputs are not flattened",
        ((f"{_TRAINING}.trainer:Trainer._prepare_inputs", "self.batch_transform is None", "True"),),
    ),
    Mutant(
        "flattens-everything",
        "3-D and 5-D inputs are flattened as well",
        ((f"{_TRAINING}.batches:flatten_images", "inputs.dim() == 4", "inputs.dim() > 2"),),
    ),
    Mutant(
        "reshape-for-view",
        "images that no flat view can be made of are copied instead of refused",
        ((f"{_TRAINING}.batches:flatten_images", "inputs.view", "inputs.reshape"),),
    ),
    # Random numbers and settings.
    Mutant(
        "seeds-each-epoch",
        "each epoch is seeded",
        ((_EPOCH, "self.current_epoch = epoch", "self.current_epoch = epoch; torch.manual_seed(epoch)"),),
    ),
    Mutant(
        "seeds-in-constructor",
        "the trainer seeds",
        ((_INIT, "if seed is not None:", "seed = seed or 42\n    if True:"),),
    ),
    Mutant(
        "cudnn-flag-left",
        "a process-wide flag is left changed",
        ((_INIT, "self.use_amp = use_amp", "self.use_amp = use_amp; torch.backends.cudnn.benchmark = True"),),
    ),
    # What is reported.
    Mutant(
        "sample-mean-loss",
        "training losses are averaged over samples instead of batches",
        (
            (
                _TRAIN_BATCHES,
                "tally.update(loss, outputs, targets)",
                "tally.update(loss * len(targets), outputs, targets); tally.loss.batches += len(targets) - 1",
            ),
        ),
    ),
    Mutant(
        "sample-mean-validation-loss",
        "validation losses are averaged over samples instead of batches",
        (
            (
                _EVALUATE,
                "tally.update(loss, outputs, targets)",
                "tally.update(loss * len(targets), outputs, targets); tally.loss.batches += len(targets) - 1",
            ),
        ),
    ),
    Mutant(
        "float32-loss-sum",
        "losses are summed in float32",
        ((f"{_TRAINING}.metrics:summand", "value.item()", "value.detach().float()"),),
    ),
    Mutant(
        "loss-after-step",
        "the loss is computed again after the step",
        (
            (
                _TRAIN_BATCHES,
                "tally.update(loss, outputs, targets)",
                "outputs, loss = self._forward(model, inputs, targets); tally.update(loss, outputs, targets)",
            ),
        ),
    ),
    Mutant(
        "validation-by-cross-entropy",
        "the validation loss ignores the user's criterion",
        (
            (
                _EVALUATE,
                "outputs, loss = self._forward(self.model, inputs, targets)",
                "outputs = self.model(inputs); loss = torch.nn.CrossEntropyLoss()(outputs, targets)",
            ),
        ),
    ),
    Mutant(
        "wrong-accuracy",
        "wrong predictions are counted",
        ((f"{_TRAINING}.metrics:LegacyAccuracy.update", ".eq(", ".ne("),),
    ),
    Mutant(
        "converted-percent",
        "the percentage is made from the fraction, which differs in the last bit",
        (
            (
                f"{_TRAINING}.metrics:LegacyAccuracy.compute",
                "100.0 * int(self.correct) / self.total",
                "100.0 * (int(self.correct) / self.total)",
            ),
        ),
    ),
    Mutant(
        "metrics-before-evaluation",
        "the model's metrics are taken before the evaluation",
        (
            (
                _EPOCH,
                "position.extras = run.train",
                "early = getattr(self.model, 'get_metrics', dict)(); position.extras = run.train",
            ),
            (_EPOCH, "position.extras))", "position.extras | {'early': early}))"),
            (_RECORD, "_legacy_model(trainer).get_metrics()", "logs['early']"),
        ),
    ),
    Mutant(
        "optimizer-state-lost",
        "a second call of fit starts with a fresh optimizer",
        (
            (
                _FIT,
                "num_epochs = as_epochs(num_epochs)",
                "num_epochs = as_epochs(num_epochs); self.optimizer.state.clear()",
            ),
        ),
    ),
    Mutant(
        "metrics-file-after-error",
        "the metrics file is written although training failed",
        (
            (
                f"{_TRAINING}.run:fitting",
                "report_exception(run.hooks, trainer, error)",
                "[c.save_metrics() for c in trainer.callbacks if getattr(c, 'config', trainer).metrics_file]",
            ),
        ),
    ),
    # What no run of migrated code can show.
    Mutant(
        "scheduler-before-optimizer",
        "a scheduler is stepped before training",
        (
            (
                _EPOCH,
                "position.record = {",
                "self.scheduler and step_scheduler(self.scheduler, {'train_loss': 0.0}); position.record = {",
            ),
        ),
        equivalent="the legacy loop has no schedulers, so migrated code passes none to fit",
    ),
)
