"""The numbered cases that a migration must get right, each with its outcome and the tests that show it.

``S`` cases are traps of behaviour, where a plain renaming would be wrong; the others are forms of source. A case names
programs of ``programs/``, which ``test_programs.py`` executes before and after migration and compares bit for bit, and,
where no program can show it, tests elsewhere.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ann_migrate.api import migrate_paths
from ann_migrate.result import Outcome
from ann_migrate.running.engine import Options, Project, migrate_bytes

HERE = Path(__file__).parent
REWRITE = "rewrite"
DECLINE = "decline"
KEEP = "keep"
"""Left as it is without being a site: someone else's name, or a mention."""

OUTCOMES = {
    REWRITE: ("rewritten", "mixed"),
    DECLINE: ("declined", "mixed"),
    KEEP: ("untouched", "mixed"),
}


@dataclass(frozen=True)
class Case:
    """A case, and for each outcome that its forms have the programs that show it."""

    title: str
    programs: dict[str, str]
    """By outcome, names of programs separated by spaces."""
    tests: tuple[str, ...] = ()
    """``file::function``, relative to ``tests/``."""


CASES = {
    "S1": Case("gradients are always clipped to 1.0", {REWRITE: "clipping_active optimizer_subset frozen_parameters"}),
    "S2": Case(
        "accuracy is in percent",
        {REWRITE: "percent_threshold percent_formatting subscripted_chain history_alias regression_targets"},
    ),
    "S3": Case("4-D batches are flattened", {REWRITE: "images_4d images_4d_own_model images_4d_with_hook"}),
    "S4": Case("train and fit order their arguments otherwise", {REWRITE: "positional_all_three keywords_reordered"}),
    "S5": Case(
        "None and 0 epochs mean the config's",
        {REWRITE: "epochs_none epochs_zero epochs_omitted epochs_expression epochs_negative epochs_bool"},
    ),
    "S6": Case("data goes to config.device", {REWRITE: "device_with_index", DECLINE: "device_changed_between"}),
    "S7": Case(
        "optimizer and criterion have defaults, also for false values",
        {
            REWRITE: "explicit_optimizer_positional explicit_optimizer_keyword explicit_criterion_keyword "
            "explicit_criterion_after_none optimizer_maybe_none optimizer_variable_none criterion_falsy"
        },
    ),
    "S8": Case(
        "records have times and the model's metrics",
        {REWRITE: "epoch_time_present model_metric_keys own_model_overrides_keys history_variable_key"},
    ),
    "S9": Case(
        "the history accumulates over calls",
        {REWRITE: "two_train_calls_accumulate train_in_loop subscript_of_second_call metrics_history_cleared"},
    ),
    "S10": Case(
        "files are written as the config says",
        {REWRITE: "default_files metrics_file_only checkpoints_off_metrics_default files_turned_off_late"},
    ),
    "S11": Case("it prints", {REWRITE: "log_interval_small history_ignored own_model_without_keys"}),
    "S12": Case("checkpoints have their own format", {REWRITE: "save_and_load_checkpoint checkpoint_reloaded"}),
    "S13": Case(
        "methods that Trainer has not, or not so",
        {
            REWRITE: "manual_epochs save_metrics_by_hand current_epoch_read "
            "config_attribute_read evaluate_after_training",
            DECLINE: "current_epoch_in_criterion unknown_attribute",
        },
    ),
    "S14": Case("gradients left from before do not count", {REWRITE: "gradients_left stale_gradients"}),
    "S15": Case("nothing is seeded", {REWRITE: "seed_between data_draws_random_numbers optimizer_built_between"}),
    "S16": Case("models and data with state", {REWRITE: "own_model_batch_norm own_model_dropout same_model_two_loops"}),
    "S17": Case(
        "quick_train returns its loop",
        {REWRITE: "quick_train_local quick_train_default_epochs", DECLINE: "quick_train_dict_escapes"},
    ),
    "1": Case(
        "constructor and train in one expression", {REWRITE: "chained_statement chained_in_lambda return_statement"}
    ),
    "2": Case("constructor and train apart", {REWRITE: "guide_before", DECLINE: "mixed_two_objects"}),
    "3": Case("the class under an alias", {REWRITE: "aliased_from_import import_two_aliases"}),
    "4": Case(
        "the class through a module",
        {
            REWRITE: "module_alias module_from_package dotted_module dotted_submodule submodule_alias "
            "submodule_from_import submodule_from_package"
        },
    ),
    "5": Case("star imports", {REWRITE: "star_import star_import_submodule", DECLINE: "star_imports_two"}),
    "6": Case("an import that may fail", {REWRITE: "import_in_try", DECLINE: "import_fallback_none"}),
    "7": Case("imports for typing only", {REWRITE: "trainer_imported_for_typing"}),
    "8": Case("imports in functions and classes", {REWRITE: "function_local_import class_body_import"}),
    "9": Case("a name with two meanings", {DECLINE: "conditional_definition"}),
    "10": Case(
        "names handed on by people's own modules",
        {},
        (
            "ann_migrate/test_across_files.py::test_case_10_the_migrated_project_computes_the_same",
            "ann_migrate/test_across_files.py::test_case_10_every_form_of_import",
            "ann_migrate/test_across_files.py::test_case_10_what_is_not_sure_is_declined",
        ),
    ),
    "11": Case(
        "a name that is exported",
        {REWRITE: "exported_in_all"},
        ("ann_migrate/test_across_files.py::test_case_11_an_export_of_a_package_is_never_removed",),
    ),
    "12": Case(
        "an attribute of self",
        {
            REWRITE: "self_attribute_across_methods self_attribute_epochs_given self_attribute_two_makers "
            "self_attribute_in_subclass self_attribute_used_outside self_loop_from_another_call "
            "self_attribute_built_late private_attribute",
            DECLINE: "self_attribute_subclass self_attribute_subclass_sets_other",
        },
    ),
    "13": Case(
        "loops in containers",
        {
            REWRITE: "loop_in_dict loop_in_list two_targets_one_stored dict_of_loops dict_mixed list_of_loops "
            "list_appended tuple_of_loops self_dict_of_loops containers_through_functions",
            DECLINE: "name_reused_one_declined list_with_other dict_variable_key_with_other list_aliased_with_other "
            "list_index_deleted dict_key_twice dict_escapes",
        },
    ),
    "14": Case(
        "subclasses",
        {DECLINE: "subclass mixed_subclass"},
        ("ann_migrate/test_subclasses.py::test_the_uses_in_other_files_are_named",),
    ),
    "15": Case("the class as a value", {DECLINE: "class_as_value class_in_registry partial"}),
    "16": Case("names in strings", {DECLINE: "mock_patch loop_read_from_globals", KEEP: "mentions_only"}),
    "17": Case(
        "unpacked arguments", {DECLINE: "star_args double_star_kwargs", REWRITE: "train_star_args train_double_star"}
    ),
    "18": Case("keywords in another order", {REWRITE: "all_keywords keywords_reordered explicit_both_reordered"}),
    "19": Case("calls that fail already", {DECLINE: "wrong_keyword"}),
    "20": Case(
        "arguments with effects",
        {
            REWRITE: "model_and_config_inline chained_with_calls lambda_with_calls comprehension_with_calls "
            "evaluation_order"
        },
    ),
    "21": Case("with and async", {REWRITE: "with_block async_function", DECLINE: "bound_method_as_value"}),
    "22": Case("train uncalled", {REWRITE: "trained_in_thread", DECLINE: "bound_method_as_value"}),
    "23": Case("unbound methods", {DECLINE: "unbound_method"}),
    "24": Case(
        "loops that are handed on",
        {
            REWRITE: "loop_returned annotated_parameter factory_called_twice factory_returns_tuple "
            "factory_early_return factory_lambda factory_async factory_method factory_static_and_class_methods "
            "function_recursive function_default_loop function_from_another_call property_hands_out "
            "loop_given_to_class annotated_containers",
            DECLINE: "escapes_through_call mixed_functions function_gets_other_too function_in_registry "
            "function_unpacked_call factory_decorated factory_returns_other factory_overridden factory_rebound "
            "factory_generator",
        },
        (
            "ann_migrate/test_crossing.py::test_case_24_what_goes_to_other_files_is_rewritten_in_all_of_them",
            "ann_migrate/test_crossing.py::test_case_24_what_is_not_sure_is_declined_in_all_of_them",
        ),
    ),
    "25": Case(
        "names that are bound again",
        {
            REWRITE: "for_loop_rebuilds deleted_loop name_reused_for_second_loop one_name_two_branches "
            "branches_try branches_match maybe_made_before global_loop_from_another_call",
            DECLINE: "rebinding branches_with_other",
        },
    ),
    "26": Case("several targets, and the walrus", {REWRITE: "walrus_loop two_targets history_in_tuple_assignment"}),
    "27": Case(
        "conditional expressions", {REWRITE: "conditional_expression_chain conditional_loop branches_expression"}
    ),
    "28": Case(
        "closures and globals",
        {REWRITE: "closure nested_functions module_global_read_in_function global_statement"},
    ),
    "29": Case("lambdas and comprehensions", {REWRITE: "list_comprehension dict_comprehension generator_expression"}),
    "30": Case("decorators and defaults", {REWRITE: "decorator_argument default_argument"}),
    "31": Case(
        "config changed or rebound between",
        {
            REWRITE: "config_mutated_between config_rebound_between model_rebound_between",
            DECLINE: "device_changed_between device_changed_through_function",
        },
    ),
    "32": Case(
        "attributes written and read",
        {REWRITE: "optimizer_replaced config_attribute_read config_attribute_written"},
    ),
    "33": Case("the optimizer of the loop", {REWRITE: "optimizer_attribute manual_epochs_with_scheduler"}),
    "34": Case("train more than once", {REWRITE: "train_in_loop while_loop losses_of_two_calls"}),
    "35": Case("train of the model is another train", {REWRITE: "model_attribute"}),
    "36": Case(
        "names that are taken",
        {
            REWRITE: "name_nn_taken name_optim_taken names_optimizer_criterion_taken foreign_trainer_name "
            "foreign_trainer_import foreign_trainer_local shadowed_in_function class_attribute_nn "
            "adam_imported optim_alias"
        },
    ),
    "37": Case("what stays on top of a file", {REWRITE: "import_future_docstring import_late main_guard"}),
    "38": Case("torch is not imported", {REWRITE: "torch_not_imported torch_nn_alias"}),
    "39": Case(
        "imports over several lines",
        {REWRITE: "import_parentheses_comments import_backslash import_one_line_several mixed_isinstance"},
    ),
    "40": Case(
        "comments and layout of calls", {REWRITE: "comments_everywhere exploded_call nested_parentheses odd_spacing"}
    ),
    "41": Case("one-line suites", {REWRITE: "one_line_suite one_line_else one_line_function semicolons class_body"}),
    "42": Case(
        "match and f-strings", {REWRITE: "match_statement history_matched loop_in_f_string", DECLINE: "f_string"}
    ),
    "43": Case("a subscript on the chain", {REWRITE: "subscripted_chain"}),
    "44": Case("errors that are caught", {REWRITE: "empty_loader_caught test_loader_empty assert_statement"}),
    "45": Case(
        "annotations and type tests", {REWRITE: "annotated_loop annotated_parameter", DECLINE: "isinstance_only"}
    ),
    "46": Case(
        "patches by name",
        {DECLINE: "mock_patch patched_class"},
        ("ann_migrate/test_patches.py::test_a_site_is_declined_where_a_patch_elsewhere_reaches_it",),
    ),
    "47": Case(
        "docstrings, Markdown, reStructuredText",
        {},
        (
            "ann_migrate/documents/test_docstrings.py::test_both_docstrings_run_to_the_same_bits",
            "ann_migrate/documents/test_docstrings.py::test_examples_fences_and_directives",
            "ann_migrate/documents/test_markdown.py::test_a_tutorial_is_one_program",
            "ann_migrate/documents/test_rst.py::test_directives_literal_blocks_and_examples_share_a_page",
        ),
    ),
    "48": Case(
        "notebooks",
        {},
        (
            "ann_migrate/documents/test_notebook.py::test_both_notebooks_run_to_the_same_bits",
            "ann_migrate/documents/test_notebook.py::test_magics_stay",
            "ann_migrate/documents/test_notebook.py::test_the_layout_is_kept",
            "ann_migrate/documents/test_notebook.py::test_stale_outputs_are_kept_and_named",
        ),
    ),
    "49": Case(
        "the library itself, and files that are no source",
        {},
        (
            "ann_migrate/test_cases.py::test_case_49_the_library_itself_is_left_alone",
            "ann_migrate/test_discover.py::test_named_files_of_any_suffix_are_python_but_documents_are_not",
        ),
    ),
    "50": Case("another class of that name", {KEEP: "own_class_same_name other_library"}),
    "51": Case("partly migrated files", {REWRITE: "partly_migrated", KEEP: "trainer_only"}),
    "52": Case(
        "odd files",
        {REWRITE: "tabs two_space_indent non_ascii"},
        (
            "ann_migrate/test_engine.py::test_a_file_that_cannot_be_analysed_has_a_problem",
            "ann_migrate/test_engine.py::test_the_form_of_a_file_is_kept",
            "ann_migrate/test_engine.py::test_mixed_line_ends_stay_where_they_are",
            "ann_migrate/test_engine.py::test_deep_nesting_is_contained",
            "ann_migrate/test_discover.py::test_a_link_within_is_resolved_and_its_target_taken_once",
        ),
    ),
    "53": Case(
        "the class and the loop taken apart",
        {DECLINE: "deleted_name deepcopy_of_loop getattr_on_loop isinstance_of_loop"},
    ),
    "54": Case("code in strings", {DECLINE: "eval_string"}),
    "55": Case("dead code", {REWRITE: "nn_imported_in_branch short_circuit"}),
}


def test_every_case_is_here() -> None:
    expected = {f"S{number}" for number in range(1, 18)} | {str(number) for number in range(1, 56)}
    assert expected - CASES.keys() == set()
    assert CASES.keys() - expected == set()


@pytest.mark.parametrize("number", CASES)
def test_case(number: str) -> None:
    case = CASES[number]
    assert case.programs or case.tests
    for outcome, programs in case.programs.items():
        for program in programs.split():
            assert verdict(program) in OUTCOMES[outcome], f"{program} is expected to be {outcome}"
            outcomes = set(outcomes_of(program))
            wanted = {REWRITE: Outcome.REWRITTEN, DECLINE: Outcome.DECLINED}.get(outcome)
            assert outcomes == set() if wanted is None else wanted in outcomes, program
    for test in case.tests:
        assert test_exists(test), test


def test_case_49_the_library_itself_is_left_alone() -> None:
    package = HERE.parents[1] / "adaptiveneuralnetwork"
    result = migrate_paths([package])
    assert result.files, "the package names its own classes"
    assert not any(file.changed for file in result.files)


def verdict(program: str) -> str:
    first = (HERE / "programs" / f"{program}.py").read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("# verdict: ")


@cache
def outcomes_of(program: str) -> tuple[Outcome, ...]:
    source = (HERE / "programs" / f"{program}.py").read_bytes()
    result = migrate_bytes(source, path=Path(f"{program}.py"), project=Project.single(), options=Options())
    return tuple(site.outcome for site in result.sites)


def test_exists(test: str) -> bool:
    """Whether ``file::function`` names a test that is there."""
    file, _, function = test.partition("::")
    tree = ast.parse((HERE.parent / file).read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in ast.walk(tree))


test_exists.__test__ = False  # type: ignore[attr-defined]  # a helper whose name reads well
