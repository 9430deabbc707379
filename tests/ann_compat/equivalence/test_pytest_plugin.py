import pytest

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.harness import run_case

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "no:cacheprovider")  # the plugin itself comes by its entry point, as for everyone
OWN_CASES = """
    import torch
    from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel

    def adaptive():
        config = AdaptiveConfig(input_dim=3, output_dim=2, num_nodes=2, hidden_dim=2, num_epochs=1)
        data = [(torch.randn(4, 3), torch.randint(0, 2, (4,)))]
        return AdaptiveModel(config), config, data, data

    def forgotten():
        model, config, data, _ = adaptive()
        return model, config, []

    made = []
    def restless():
        made.append(None)
        model, config, data, _ = adaptive()
        return model, config, data * len(made)

    cases = {"adaptive": adaptive}
    bad_cases = {"forgotten": forgotten, "restless": restless, "no tuple": lambda: 3}
"""


@pytest.fixture(autouse=True, scope="module")
def everything_is_imported():
    """The runs below share this process and forget the modules that they import; torch cannot be imported twice."""
    assert not run_case(CaseSpec()).comparison.differences


@pytest.fixture
def project(pytester):
    pytester.makepyfile(my_equiv=OWN_CASES)
    return pytester


def test_the_fixture_is_there_and_fails_as_an_assertion(pytester):
    pytester.makepyfile(
        """
        import torch
        def train(rate):
            layer = torch.nn.Linear(2, 1)
            optimizer = torch.optim.SGD(layer.parameters(), lr=rate)
            layer(torch.ones(1, 2)).sum().backward()
            optimizer.step()

        def test_same(assert_equivalent):
            assert_equivalent(lambda: train(0.1), lambda: train(0.1))

        def test_other(assert_equivalent):
            assert_equivalent(lambda: train(0.1), lambda: train(0.2))
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*learning_rates*0.1 != 0.2*"])


def test_the_marker_says_what_the_fixture_takes_and_the_closest_decides(pytester):
    pytester.makepyfile(
        """
        import pytest, torch
        seen = []
        def seed():
            seen.append(torch.initial_seed())

        @pytest.mark.ann_equiv(must_train=False, seeds=[7])
        class TestIt:
            def test_of_the_class(self, assert_equivalent):
                seen.clear()
                assert_equivalent(seed, seed)
                assert set(seen) == {7}

            @pytest.mark.ann_equiv(seeds=[8])
            def test_its_own(self, assert_equivalent):
                seen.clear()
                assert_equivalent(seed, seed)
                assert set(seen) == {8}
        """
    )
    pytester.runpytest_inprocess(*PLUGIN, "--strict-markers").assert_outcomes(passed=2)


def test_items_run_in_other_processes_and_their_lines_come_back(project):
    project.makepyprojecttoml('[tool.ann-equiv]\ncases = "my_equiv:cases"\n')
    result = project.runpytest_subprocess(*PLUGIN, "-n", "2", "--ann-equiv", "--ann-equiv-family", "own")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["adaptive: EQUAL"])


@pytest.mark.parametrize(
    ("arguments", "ini", "message"),
    [
        (["--ann-equiv-family", "all"], "", "--ann-equiv-family must be one of configs, stateful*own; got 'all'"),
        ([], "ann_equiv_profile = huge", "ann_equiv_profile must be one of pr, ci, nightly, got 'huge'"),
        ([], "ann_equiv_examples = many", "ann_equiv_seed and ann_equiv_examples must be integers: *'many'"),
    ],
)
def test_what_is_wrong_is_a_usage_error(project, arguments, ini, message):
    project.makeini(f"[pytest]\n{ini}\n")
    result = project.runpytest_inprocess(*PLUGIN, "--ann-equiv", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_nothing_is_added_without_the_option(project):
    project.makepyfile(test_one="def test_one(): pass")
    project.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


def test_own_cases_of_pyproject_are_items_with_a_line_each(project):
    project.makepyprojecttoml('[tool.ann-equiv]\ncases = "my_equiv:cases"\n')
    result = project.runpytest_inprocess(*PLUGIN, "--ann-equiv", "--ann-equiv-examples", "3", "-m", "ann_equiv", "-v")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(["ann-equiv: 3 configs, seed 0"])
    result.stdout.fnmatch_lines(
        ["adaptive: EQUAL", "configs: VACUOUS*combinations occurred.", "configs: *never occurred"]
    )
    result.stdout.fnmatch_lines(["stateful: VACUOUS*"])
    result.stdout.fnmatch_lines(["programs: VACUOUS*"])


def test_bad_own_cases_fail_each_for_its_reason(project):
    project.makeini("[pytest]\nann_equiv_cases = my_equiv:bad_cases\nann_equiv_examples = 1\n")
    result = project.runpytest_inprocess(*PLUGIN, "--ann-equiv", "--ann-equiv-family", "own")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["nothing was trained, so nothing was compared; *ZeroDivisionError*"])
    result.stdout.fnmatch_lines(["*the factory does not make the same each time*"])
    result.stdout.fnmatch_lines(["*a case must be a tuple (model, config, train_loader, ...) of 3 to 6 parts, got 3*"])


@pytest.mark.parametrize("entry", ["my_equiv", "my_equiv:nothing", "no_module:cases", "my_equiv:torch"])
def test_an_entry_that_leads_nowhere_is_a_usage_error(project, entry):
    project.makeini(f"[pytest]\nann_equiv_cases = {entry}\n")
    result = project.runpytest_inprocess(*PLUGIN, "--ann-equiv")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: cases*"])


def test_the_plugin_module_loads_neither_torch_nor_hypothesis(pytester):
    code = (
        "import sys, ann_compat.equivalence.pytest_plugin\n"
        "assert not {'torch', 'hypothesis', 'libcst'} & set(sys.modules), sorted(sys.modules)"
    )
    import sys

    paths = f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}\n"
    assert pytester.run(sys.executable, "-c", paths + code).ret == 0
