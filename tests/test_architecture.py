"""The straight line: who imports whom, what each table lists, and that rules fit neurons."""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from threefactor import envs, rules
from threefactor.agents import AGENTS, AgentSettings
from threefactor.envs.bridge import DECODERS, ENCODERS, Decoder, Encoder
from threefactor.models import MODELS, Architecture, neurons
from threefactor.models.assembly import assemble
from threefactor.models.neurons import NEURONS, NeuronModel
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES, Rule
from threefactor.rules.language import parse_equations
from threefactor.rules.modulators import MODULATORS
from threefactor.rules.modulators.contract import Modulator

ROOT = Path(__file__).parents[1]
#: Folders of the library; they are imported as `threefactor.<folder>`.
FOLDERS = ("envs", "rules", "models", "agents", "analysis", "experiments")
#: Folder -> what it may import besides itself and the standard library; None: anything.
ALLOWED: dict[str, tuple[set[str], set[str] | None]] = {
    "envs": (set(), {"gymnasium", "numpy"}),
    "rules": (set(), {"numpy"}),
    "models": ({"rules"}, {"brian2", "numpy"}),
    "agents": ({"envs", "rules", "models"}, {"gymnasium", "numpy"}),
    "analysis": (set(), {"numpy", "scipy", "matplotlib", "h5py", "elephant", "neo", "quantities"}),
    "experiments": ({"envs", "rules", "models", "agents", "analysis"}, None),
}
#: The only folders that may import torch, which is an optional group.
WITH_TORCH = {"models/differentiable", "agents/gradient"}
HAS_TORCH = importlib.util.find_spec("torch") is not None
NEEDING_TORCH = () if HAS_TORCH else tuple(f.replace("/", ".") + "." for f in sorted(WITH_TORCH))
#: What every folder may import: places, words about names that a user misspelt and about lines of
#: code that raised, questions to masks, ranges in which settings are looked for.
COMMON = {"blame", "cache", "masks", "naming", "program", "search_range"}
#: The only modules of `rules` that `models` may know: the contract, its language, random streams.
CONTRACT = {
    f"threefactor.rules.{module}"
    for module in ("checks", "contract", "delays", "language", "streams", "updates")
}
#: What executes strings; only the interpreter of networks may know it, and of exact steps PyTorch.
EXECUTION = {
    "interpreter": {
        f"threefactor.rules.interpreter.{module}"
        for module in ("arrays", "integration", "places", "plasticity")
    },
    "differentiable": {"threefactor.rules.interpreter.propagators"},
}


def imports(path):
    """Yield the dotted modules that a file imports, in functions as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "threefactor":
                yield from (f"threefactor.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            if name in ("import_module", "__import__") and node.args:
                if isinstance(node.args[0], ast.Constant):
                    yield node.args[0].value


def forbidden(path, folder, may_project, may_outside):
    found = []
    for module in imports(path):
        top, _, rest = module.partition(".")
        if top in sys.stdlib_module_names:
            continue
        if top == "threefactor":
            if rest.partition(".")[0] not in {folder, *COMMON, *may_project, "__version__"}:
                found.append(module)
        elif top in FOLDERS:  # under its bare name
            found.append(module)
        elif may_outside is not None and top not in may_outside:
            found.append(module)
    return found


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_follow_the_table(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = {}
    for file in files:
        may_project, may_outside = ALLOWED[folder]
        if may_outside is not None and has_torch(file):
            may_outside = may_outside | {"torch"}
        wrong[str(file.relative_to(ROOT))] = forbidden(file, folder, may_project, may_outside)
    assert {file: modules for file, modules in wrong.items() if modules} == {}


def has_torch(file):
    """Whether a file may import torch."""
    return file.parent.relative_to(ROOT).as_posix() in WITH_TORCH


def test_torch_is_imported_where_it_belongs():
    wrong = {
        str(file.relative_to(ROOT))
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        if "torch" in {module.partition(".")[0] for module in imports(file)} and not has_torch(file)
    }
    assert wrong == set()


def imported_at_once(path):
    """Return the modules that a file imports when it is imported itself."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return found


def test_experiments_load_figures_only_to_draw_them():
    """Matplotlib takes longer to load than a misspelt name may take to be refused."""
    drawing = {
        ".".join(("threefactor", *file.relative_to(ROOT).with_suffix("").parts))
        for file in (ROOT / "analysis").rglob("*.py")
        if any(m.partition(".")[0] == "matplotlib" for m in imported_at_once(file))
    }
    assert "threefactor.analysis.style" in drawing
    wrong = {
        str(file.relative_to(ROOT)): found
        for file in (ROOT / "experiments").rglob("*.py")
        if (found := imported_at_once(file) & drawing)
    }
    assert wrong == {}, "import them in the function that draws"


def test_models_know_only_the_contract_of_rules():
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in (ROOT / "models").rglob("*.py")
        for module in imports(file)
        if module.startswith("threefactor.rules")
        and module not in CONTRACT | EXECUTION.get(file.parent.name, set())
        and not module.startswith("threefactor.rules.language.")
    }
    assert wrong == set()


def test_doors_import_the_command_line_only():
    for door in (ROOT / "run.py", ROOT / "threefactor" / "__main__.py"):
        assert set(imports(door)) == {"sys", "threefactor.experiments.command_line.main"}


def test_close_names_are_sought_in_one_place():
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    assert [str(file) for file in files if "difflib" in imports(file)] == []


def test_what_all_folders_import_needs_nothing():
    for module in COMMON:
        file = ROOT / "threefactor" / f"{module}.py"
        assert {name.partition(".")[0] for name in imports(file)} <= sys.stdlib_module_names


def test_the_import_check_sees_what_it_should(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(
        "def f():\n    from threefactor.models.network import Network\n    import scipy.stats\n"
    )
    assert forbidden(file, "rules", set(), {"numpy"}) == [
        "threefactor.models.network", "scipy.stats"
    ]  # fmt: skip


def concrete(package, base):
    """Return all classes of a package's modules that derive from `base` and can be chosen.

    Of modules that can be imported: without torch, not those that need it.
    """
    found = set()
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        try:
            module = importlib.import_module(info.name)
        except ImportError:
            if info.name.removeprefix("threefactor.").startswith(NEEDING_TORCH):
                continue
            raise
        for kind in vars(module).values():
            is_own = isinstance(kind, type) and kind.__module__ == info.name
            if is_own and issubclass(kind, base) and not kind.__name__.startswith("_"):
                if not inspect.isabstract(kind) and kind is not base:
                    found.add(kind)
    return found


@pytest.mark.parametrize(
    ("package", "base", "table"),
    [
        ("agents", AgentSettings, AGENTS), ("rules", Rule, RULES),
        ("models.neurons", NeuronModel, NEURONS),
        ("models", Architecture, MODELS), ("envs.bridge.encoders", Encoder, ENCODERS),
        ("envs.bridge.decoders", Decoder, DECODERS), ("rules.modulators", Modulator, MODULATORS),
    ],
)  # fmt: skip
def test_every_class_is_in_its_table_once(package, base, table):
    assert concrete(importlib.import_module(f"threefactor.{package}"), base) == set(table.values())
    assert len(set(table.values())) == len(table)
    for name in table:
        assert name == name.lower()
        assert "_" not in name


def test_every_environment_is_registered():
    entry_points = {spec.entry_point for spec in gymnasium.registry.values()}
    for info in pkgutil.iter_modules(envs.__path__, f"{envs.__name__}."):
        if info.ispkg:
            continue
        for name, kind in vars(importlib.import_module(info.name)).items():
            is_own = isinstance(kind, type) and kind.__module__ == info.name
            if is_own and issubclass(kind, gymnasium.Env):
                assert f"{info.name}:{name}" in entry_points


@pytest.mark.parametrize(
    ("package", "table"),
    [(rules, RULES), (neurons, NEURONS)],
    ids=["rules", "neurons"],
)  # fmt: skip
def test_every_summary_fits_a_table_cell(package, table):
    for name, kind in table.items():
        first = (kind.__doc__ or "").splitlines()[0]
        assert 10 < len(first) < 110, name
        assert first.endswith("."), name


def fits(rule, neuron):
    if not neuron.threshold and (rule.on_post or rule.post_on_spike):
        return False
    units = parse_equations(neuron.equations).units
    if any(units.get(name, unit) != unit for name, unit in rule.required_units.items()):
        return False
    return bool(neuron.ports) and set(rule.requires) <= set(neuron.exposes)


def network_of(neuron, names):
    """Return a network in which a projection of every named rule meets one population."""
    low, high = (-0.5, 0.5) if neuron.readout else (1.0, 3.0)
    projections = tuple(
        Projection(
            name.replace("-", "_"), "input", "actor", **all_to_all(3, 2),
            weights=Uniform(low, high), w_min=-5.0, w_max=5.0, port=next(iter(neuron.ports)),
            rule=RULES[name](),
        )
        for name in names
    )  # fmt: skip
    source = Population("input", 3, NEURONS["poisson"]())
    modules = np.array([0, 1])
    return NetworkSpec((source, Population("actor", 2, neuron, modules=modules)), projections)


FITTING = {
    name: [rule for rule in RULES if fits(RULES[rule], kind())] for name, kind in NEURONS.items()
}


def test_every_rule_fits_a_neuron_and_every_neuron_a_rule():
    assert set().union(*FITTING.values()) == set(RULES)
    assert [name for name in NEURONS if NEURONS[name].ports and not FITTING[name]] == []


@pytest.mark.parametrize("name", [name for name in NEURONS if FITTING[name]])
def test_every_fitting_pair_assembles(name):
    neuron = NEURONS[name]()
    for rule in FITTING[name]:
        plan = assemble(network_of(neuron, [rule]), replicas=2)
        assert plan.synapses[0].n_synapses == 12
    assert assemble(network_of(neuron, FITTING[name])).structure()


RUNNABLE = [name for name in NEURONS if FITTING[name]]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNNABLE)
def test_fitting_pairs_run_a_window(name, open_network):
    """Every fourth rule that fits meets on one population, offset from neuron to neuron."""
    names = FITTING[name][RUNNABLE.index(name) % 4 :: 4] or FITTING[name]
    network = open_network(network_of(NEURONS[name](), names))
    network.advance(300.0, 20)
    network.close_decision(np.array([1]))
    network.consolidate(np.array([0.5]))
    network.start_episode(np.ones(1, bool))
    for weights in network.weights().values():
        assert np.all(np.isfinite(weights))
        assert np.all(np.abs(weights) <= 5.0)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_refuses_a_neuron_that_lacks_what_it_needs(name):
    rule = RULES[name]()
    missing = [n for n in NEURONS if NEURONS[n].ports and not fits(rule, NEURONS[n]())]
    spec = network_of(NEURONS["lif"](), [])
    projection = Projection(
        "plastic", "input", "actor", **all_to_all(3, 2), weights=Uniform(0, 1), rule=rule,
        port="current",
    )  # fmt: skip
    for other in missing:
        neuron = NEURONS[other]()
        bad = replace(projection, port=next(iter(neuron.ports)))
        with pytest.raises(
            ValueError, match=rf"{type(rule).__name__} (needs|acts).*{type(neuron).__name__}"
        ):
            NetworkSpec((spec.populations[0], Population("actor", 2, neuron)), (bad,))
