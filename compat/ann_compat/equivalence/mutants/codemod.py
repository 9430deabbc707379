"""Defects of the codemod: each must be caught by generated programs."""

from __future__ import annotations

from ann_compat.equivalence.planting import Mutant

_CONSTRUCTOR = "ann_migrate.rules.constructor"
_NEW = f"{_CONSTRUCTOR}:_New"
_PLAN_TRAIN = "ann_migrate.rules.train:plan_use"
_TRANSFORM = "ann_migrate.rules.train:_transform"
_EPOCHS = "ann_migrate.rules.train:_epochs"
_PLAN = "ann_migrate.rewriting.plan:Plan"
_MIGRATION = "ann_migrate.rewriting.migration:Migration"

_LEGACY_PATH = "adaptiveneuralnetwork.training.TrainingLoop"
_OR_CONFIG = 'f"({{}}) or {config}" if loose else f"{{}} or {config}"'
_ANEW = "type({who}.optimizer)({who}.model.parameters(), lr=config.learning_rate)"

CODEMOD_MUTANTS = (
    # The constructor.
    Mutant("omits-clipping", "max_grad_norm is left out", ((f"{_NEW}.make_rest", '("max_grad_norm", "1.0"), ', ""),)),
    Mutant(
        "omits-device",
        "device is left out",
        ((f"{_NEW}.make_rest", '("device", f"{config}.device"), ', ""),),
    ),
    Mutant(
        "literal-learning-rate",
        "the learning rate is Adam's default, not the config's",
        ((f"{_NEW}._default", "lr={self.text['config']}.learning_rate", "lr=0.001"),),
    ),
    Mutant(
        "learning-rate-of-another-config",
        "the learning rate is that of another config of the file",
        (
            (
                f"{_NEW}._default",
                "lr={self.text['config']}.",
                "lr={'other_config' if 'other_config' in self.plan.context.names.module.variables "
                "else self.text['config']}.",
            ),
        ),
    ),
    Mutant(
        "optimizer-made-at-training",
        "the optimizer is made where the loop trains, not where it is constructed",
        (
            (
                _TRANSFORM,
                'fit = rename_method(text, "train", "fit", arguments)',
                'fit = rename_method(text, "train", "fit", arguments); who = text.partition(".")[0]\n'
                "        if who.isidentifier() and who.islower() and who not in ('self', 'holder', 'training'):\n"
                f"            fit = f\"[setattr({{who}}, 'optimizer', {_ANEW}), {{fit}}][1]\"",
            ),
        ),
    ),
    Mutant(
        "given-optimizer-unused",
        "an optimizer that is given is evaluated, but Adam is used",
        (
            (
                f"{_NEW}._explicit",
                "value = self.plan.arguments[name]",
                "value = self.plan.arguments[name]\n"
                "    if name == 'optimizer' and name not in self.hoisted: return f'{{}} and {self._default(name)}'",
            ),
        ),
    ),
    Mutant(
        "given-criterion-ignored",
        "a criterion that is given is left out",
        (
            (
                f"{_NEW}.make_steps",
                "if name in _STEPS and",
                "if name in _STEPS and name != 'criterion' and",
            ),
        ),
    ),
    Mutant(
        "name-collides",
        "optimizer and criterion are bound although the file has such names",
        ((f"{_CONSTRUCTOR}:_name_is_free", "if name in taken or", "if True or name in taken or"),),
    ),
    Mutant(
        "arguments-made-early",
        "what belongs into an expression that runs later is made in a statement before it",
        (
            (f"{_PLAN}.insertable", "not isinstance(parent, _FIRST_IN) or first is not at", "False"),
            (
                f"{_PLAN}.is_assigned",
                "isinstance(parent, (ast.Assign, ast.AnnAssign)) and parent.value is self.constructor",
                "True",
            ),
            (f"{_PLAN}.insertable", '("module", "function")', '("module", "function", "lambda")'),
        ),
    ),
    # train.
    Mutant(
        "arguments-swapped",
        "the second and the third argument of train change their meaning",
        (
            (
                _PLAN_TRAIN,
                'Arguments(call, METHODS["train"])',
                'Arguments(call, type(METHODS["train"])("train", ("train_loader", "num_epochs", "test_loader"), 1))',
            ),
        ),
    ),
    Mutant(
        "zero-epochs-kept",
        "0 epochs mean none instead of the config's",
        ((_EPOCHS, _OR_CONFIG, 'f"{{}} if {{}} is not None else {config}"'),),
    ),
    Mutant(
        "argument-evaluated-twice",
        "the number of epochs is evaluated twice",
        ((_EPOCHS, _OR_CONFIG, 'f"(({{}}) and ({{}})) or {config}"'),),
    ),
    Mutant(
        "arguments-reordered",
        "arguments with effects are evaluated in the order of the signature",
        ((_PLAN_TRAIN, "if all(is_plain(arguments[name]) for name in arguments.order) and", "if"),),
    ),
    Mutant(
        "awaits-reordered",
        "arguments that are awaited are evaluated in another order",
        (
            (
                _PLAN_TRAIN,
                "order = list(new)",
                "order = sorted(new) if any(isinstance(n, ast.Await) for n in ast.walk(call)) else list(new)",
            ),
        ),
    ),
    Mutant(
        "returns-none",
        "the value of the rewritten call is None",
        ((_TRANSFORM, 'return f"{wrapper}({fit})" if wrapper else fit', 'return f"(({fit}) and None)"'),),
    ),
    Mutant(
        "percent-unflagged",
        "whoever reads accuracies gets fractions",
        (
            (
                "ann_migrate.facts.history:needs_legacy_history",
                "tree = plan.context.tree",
                "return False\n    tree = plan.context.tree",
            ),
        ),
    ),
    Mutant(
        "first-use-only",
        "of several uses only the first is rewritten",
        ((f"{_MIGRATION}._plan_objects", "for item in first.found.uses:", "for item in first.found.uses[:1]:"),),
    ),
    # Which names and objects are meant.
    Mutant(
        "same-name-taken",
        "any name TrainingLoop passes for the legacy class",
        (
            (
                "ann_migrate.flow.sites:_along_chain",
                "paths = names.paths(at)",
                f"paths = {{'{_LEGACY_PATH}'}} if getattr(at, 'id', '') == 'TrainingLoop' else names.paths(at)",
            ),
        ),
    ),
    Mutant(
        "star-arguments-taken",
        "star arguments pass",
        (("ann_migrate.rules.star_arguments:check", "for argument in call.args:", "for argument in ():"),),
    ),
    Mutant(
        "subclass-taken",
        "a class that derives from the legacy one is left alone for another reason",
        (("ann_migrate.rules.subclass:explain_name", "isinstance(parent, ast.ClassDef) and", "False and"),),
    ),
    Mutant(
        "rebinding-unseen",
        "of a name that may hold another object, the first binding counts",
        (
            (
                "ann_migrate.flow.trace_holders:Holders.variable",
                "in bindings:\n        self._bound",
                "in bindings[:1]:\n        self._bound",
            ),
        ),
    ),
    # Text.
    Mutant(
        "import-removed",
        "the import goes although other code needs it",
        ((f"{_MIGRATION}._removable", "if not others and not exported and", "if"),),
    ),
    Mutant(
        "import-at-top",
        "new imports are put above everything",
        (
            (
                "ann_migrate.rewriting.import_lines:_below",
                'insert(place.end + len(rest.encode("utf-8")), f"{newline}{indent}{line}")',
                'insert(0, f"{line}{newline}")',
            ),
        ),
    ),
    Mutant(
        "never-finished",
        "each run changes the file again",
        (
            (
                f"{_MIGRATION}._edits",
                "return []",
                "return [__import__('ann_migrate.text.edits').text.edits.insert(0, self.source.newline)]",
            ),
        ),
    ),
    Mutant(
        "comments-lost",
        "comments beside arguments are dropped",
        (
            (f"{_NEW}._piece", "Piece(text, old.leading, old.trailing)", "Piece(text)"),
            (f"{_NEW}.transform", "if lost:", "if False:"),
        ),
    ),
    Mutant(
        "byte-order-mark-lost",
        "the byte order mark is dropped",
        (("ann_migrate.text.source:Source.encode", "return self.bom + data", "return data"),),
    ),
    Mutant(
        "line-ends-mixed",
        "new lines end with a line feed alone",
        (("ann_migrate.text.source:Source.newline_at", "if match:", "return '\\n'\n        if match:"),),
    ),
    Mutant(
        "strings-edited",
        "text in strings is rewritten",
        (
            (
                f"{_MIGRATION}.result",
                "data, edited = self.rewrite()",
                "data, edited = self.rewrite(); data = data.replace(b'\"TrainingLoop(', b'\"Trainer(')",
            ),
        ),
    ),
)
