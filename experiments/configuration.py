"""Run configurations: defaults < preset of the environment < --config file < command line."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from threefactor.analysis.conditions import ANY, CONDITIONS
from threefactor.experiments.coercion import alternatives, coerce
from threefactor.experiments.magnitudes import check_meant, check_range
from threefactor.experiments.parts.environments import anchored_environment
from threefactor.experiments.parts.kinds import KINDS, load_part
from threefactor.experiments.parts.user_files import anchored, shown, split_name
from threefactor.experiments.plain_data import plain
from threefactor.experiments.settings_files import read_file
from threefactor.experiments.yaml_text import dump_yaml
from threefactor.models.engine import ENGINES
from threefactor.naming import check_choice, suggest

#: Settings found for an environment, see `experiments.presets`; the first is the default.
PRESETS = ("plausible", "fast", "none")
#: A shorter timestep, and more timesteps in a decision, cannot be meant.
SHORTEST_TIMESTEP_MS, LONGEST_MS, MOST_STEPS = 1e-4, 1e9, 1_000_000
#: Option -> the least and the most that can be meant.
BOUNDS = {
    "episodes": (1, 10**12),
    "replicas": (1, 100_000),
    "seed": (0, 2**63 - 1),
    "record_episodes": (0, 10**12),
    "probes": (0, 100_000),
    "weight_snapshots": (0, 10**12),
    "reference_episodes": (0, 10**12),
}
CONTROLS = ("none", "frozen", "shuffled", "permuted", "zero")


@dataclass(frozen=True)
class RunOptions:
    """Settings of a run that belong to no part of the agent.

    Parameters
    ----------
    env : str
        Gymnasium id, ``package:Id-v0``, or of a file: ``FILE.py:Id-v0``, ``FILE.py:ClassName``.
    preset : str
        What counts where nothing is said: plausible, the settings at rates that brains have; fast,
        those that give biology up for speed; none, bare defaults.
    max_episode_steps : int or None
        Replaces the environment's time limit.
    env_kwargs : dict
        Arguments of the environment (configuration files only).
    episodes : int
        Episodes of each replica.
    seed : int
        Replica r uses seed + r.
    replicas : int
        Independent agents in one network.
    apart : bool
        Replicas are networks of their own and share nothing, such as a scheduled parameter.
    each : dict
        Setting -> a value for each replica, ``{"rule.learning_rate": [0.01, 0.02]}``; there are as
        many, and they are apart. On the command line: --each.
    window_ms, timestep_ms : float
        Simulated time of a decision; integration step.
    engine : str
        auto, compiled, runtime (Cython) or runtime-numpy.
    control : str
        none; frozen: no plasticity; shuffled: third factors drawn from the past in random order,
        their first 1000 with a random sign instead; permuted: each synapse has the eligibility of
        another; zero: third factor 0.
    weights_from : str or None
        A run whose learned weights the agents begin with, each seed with its own, or all with those
        of a single replica; projections of the same name must have as many synapses.
    record_episodes : int
        So many first and last episodes of replica 0 are recorded spike by spike; 0: nothing is, nor
        what it would do in each state of a gridworld.
    probes : int
        Synapses whose eligibility, weight and third factor are traced in recorded episodes.
    weight_snapshots : int
        Snapshots of all weights over the run.
    reference_episodes : int
        Episodes of the random agent and of the untrained twin in the summary; 0: none.
    stop_when : tuple of str
        What ends the run, which can be resumed: unhealthy, or single conditions such as silent or
        saturated (docs/health.md), in half of the replicas or more. Empty: nothing does.
    checkpoint_every : float
        Seconds between checkpoints; the first ones follow each other sooner.
    """

    env: str = "GridWorld-v0"
    preset: str = "none"
    max_episode_steps: int | None = None
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    episodes: int = 1000
    seed: int = 0
    replicas: int = 1
    apart: bool = False
    each: dict[str, Any] = field(default_factory=dict)
    window_ms: float = 20.0
    timestep_ms: float = 1.0
    engine: str = "auto"
    control: str = "none"
    weights_from: str | None = None
    record_episodes: int = 2
    probes: int = 6
    weight_snapshots: int = 50
    reference_episodes: int = 30
    stop_when: tuple[str, ...] = ()
    checkpoint_every: float = 60.0

    def __post_init__(self) -> None:
        """Raise ValueError for impossible settings."""
        for name, (least, most) in BOUNDS.items():
            check_range(name, getattr(self, name), least, most)
        for name, values in self.each.items():
            if len(values) != self.replicas:
                raise ValueError(
                    f"each.{name}: expected one value for each of {self.replicas} replicas, got "
                    f"{len(values)}; replicas that nobody counts are as many as the values."
                )
        for name in ("window_ms", "timestep_ms"):
            value = getattr(self, name)
            if not 0 < value < LONGEST_MS:
                bound = f"< {LONGEST_MS:g}" if value > 0 else "> 0"
                raise ValueError(f"{name} must be {bound} ms, got {value}.")
        if self.timestep_ms < SHORTEST_TIMESTEP_MS:
            raise ValueError(
                f"timestep_ms must be >= {SHORTEST_TIMESTEP_MS} ms, got {self.timestep_ms}."
            )
        if not self.checkpoint_every > 0:
            raise ValueError(f"checkpoint_every must be > 0 s, got {self.checkpoint_every}.")
        steps = self.window_ms / self.timestep_ms
        if steps > MOST_STEPS:
            raise ValueError(
                f"window_ms must be at most {MOST_STEPS} timesteps ({self.timestep_ms} ms), got "
                f"{self.window_ms} ms."
            )
        if abs(steps - round(steps)) > 1e-9 * steps:
            raise ValueError(
                f"window_ms must be a multiple of timestep_ms ({self.timestep_ms} ms), "
                f"got {self.window_ms} ms."
            )
        for key, value in self.env_kwargs.items():
            if not isinstance(key, str):
                raise ValueError(f"env_kwargs: expected names of arguments, got the key {key!r}.")
            try:
                plain(value)
            except TypeError as error:
                raise ValueError(f"env_kwargs.{key}: {error}") from None
        if self.max_episode_steps is not None:
            check_range("max_episode_steps", self.max_episode_steps, 1, 10**12)
        check_choice("preset", self.preset, PRESETS)
        check_choice("engine", self.engine, ENGINES)
        check_choice("control", self.control, CONTROLS)
        for name in self.stop_when:
            check_choice("stop_when", name, (ANY, *CONDITIONS))


@dataclass(frozen=True)
class Part:
    """A part that every run has: its kind, a key of `KINDS`, and the default choice."""

    kind: str
    default: str
    help: str

    @property
    def table(self) -> Mapping[str, type]:
        """The choices by name; others come from files."""
        return KINDS[self.kind].table


PARTS = {
    "agent": Part("agent", "plastic", "what acts and learns"),
    "encoder": Part("encoder", "one-hot", "observation -> rates or spike times"),
    "model": Part("model", "actor-critic", "layout of the network"),
    "neuron": Part("neuron", "escape-lif", "hidden and output neurons"),
    "critic_neuron": Part("neuron", "escape-lif", "the critic's neurons, if the model has one"),
    "rule": Part("rule", "reinforce", "plasticity"),
    "critic_rule": Part("rule", "td-critic", "plasticity of the critic, if the model has one"),
    "update": Part("update", "plain", "changes that the rule proposes -> weights"),
    "modulator": Part("modulator", "td", "reward -> third factor"),
    "decoder": Part("decoder", "argmax", "spike counts -> action"),
    "learning_signal": Part("learning-signal", "symmetric", "feedback of e-prop to hidden neurons"),
    "schedule": Part("schedule", "fixed", "episodes so far -> a parameter of the network"),
}

#: Parts that the summary of a run names it by.
NAMED = ("agent", "rule", "model", "modulator")


@dataclass(frozen=True)
class RunConfig:
    """A fully resolved run: options, and for each part its name and settings."""

    options: RunOptions
    names: dict[str, str]
    parts: dict[str, Any]

    @property
    def alone(self) -> "RunConfig":
        """The configuration of the first replica, as a run of its own."""
        options = replace(self.options, replicas=1, apart=False, each={})
        return replace(
            self, options=options, parts=self.parts_of(0) if self.options.each else self.parts
        )

    @property
    def taken(self) -> tuple[str, ...]:
        """The agent, and the parts that it is made of; others are no matter to it."""
        return ("agent", *(part.name for part in fields(self.parts["agent"].parts)))

    @property
    def learns_by(self) -> str:
        """What a run is called by: its rule, or the agent where no rule learns."""
        return self.names["rule" if "rule" in self.taken else "agent"]

    @property
    def are_apart(self) -> bool:
        """Whether replicas are agents of their own."""
        return self.options.apart or bool(self.options.each)

    def own(self, replica: int) -> dict[str, Any]:
        """Return what a replica has to itself, ``part.field`` -> value."""
        return {name: values[replica] for name, values in self.options.each.items()}

    def parts_of(self, replica: int) -> dict[str, Any]:
        """Return the parts of a replica: those of all, with what it has to itself."""
        changes: dict[str, dict[str, Any]] = {}
        for name, value in self.own(replica).items():
            part, _, field_name = name.partition(".")
            changes.setdefault(part, {})[field_name] = value
        return self.parts | {part: replace(self.parts[part], **c) for part, c in changes.items()}

    def labels(self) -> dict[str, Any]:
        """Return the choices that the summary of a run names it by, files without their folders."""
        run = self.options
        options = {"env": shown(run.env), "seed": run.seed, "replicas": run.replicas}
        parts = {name: shown(self.names[name]) for name in NAMED if name in self.taken}
        each = {"each": [self.own(r) for r in range(run.replicas)]} if run.each else {}
        return {**options, **parts, "control": run.control, **each}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, of parts those that the agent takes.

        `resolve` of it gives what makes the same run.
        """
        out = plain(self.options)
        for name in self.taken:
            out[name] = {"name": self.names[name], **plain(self.parts[name])}
        return out

    def to_yaml(self) -> str:
        """Return the configuration as YAML."""
        return dump_yaml(self.to_dict())


def resolve(*layers: Mapping[str, Any]) -> RunConfig:
    """Return the configuration of nested layers, later ones over earlier ones, defaults below.

    A layer that names another choice for a part discards what lower layers set for that part.
    Users' files (``FILE.py:ClassName``) are looked for from the present folder and then named by
    their absolute paths.

    Raises
    ------
    ValueError
        For an unknown key, part or choice (with the closest known name) or a value of wrong type.
    TypeError, ValueError
        For a class of a user's file that does not keep the contract of its kind.
    """
    merged: dict[str, Any] = {name: {"name": part.default} for name, part in PARTS.items()}
    for layer in layers:
        for key, value in anchor_files(layer, Path.cwd()).items():
            if key in PARTS:
                value = part_settings(key, value)
                known = merged[key]
                same = "name" not in value or value["name"] == known["name"]
                merged[key] = {**known, **value} if same else value
            else:
                merged[key] = value
    option_names = [f.name for f in fields(RunOptions)]
    for key in merged:
        if key not in PARTS and key not in option_names:
            hint = suggest(str(key), [*option_names, *PARTS])
            raise ValueError(f"Unknown setting {key!r}.{hint}")
    names, parts = {}, {}
    for key in PARTS:
        settings = dict(merged[key])
        names[key] = settings.pop("name")
        parts[key] = build_part(key, names[key], settings)
    own = {k: v for k, v in merged.items() if k not in PARTS}
    if each := own.get("each"):
        own["each"] = each_replica(coerce(each, dict, "run.each"), parts)
        own.setdefault("replicas", len(next(iter(own["each"].values()))))
    config = RunConfig(build(RunOptions, own, "run"), names, parts)
    for replica in range(config.options.replicas if each else 0):
        config.parts_of(replica)  # the parts' own range checks
    return config


def each_replica(given: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return ``part.field`` -> a value for each replica, as the fields take them.

    Raises
    ------
    ValueError
        For a setting that there is not (with the closest one that there is), one that is no single
        number, word or truth value, or what is no list.
    """
    kinds = {
        f"{part}.{name}": kind
        for part, settings in parts.items()
        for name, kind in get_type_hints(type(settings)).items()
        if name in {f.name for f in fields(settings)}
    }
    found = {}
    for key, values in given.items():
        name = str(key).replace("-", "_")
        if name not in kinds:
            raise ValueError(
                f"each: there is no setting {key!r} of a part of this run.{suggest(name, kinds)}"
            )
        if not set(alternatives(kinds[name])) <= {int, float, str, bool, type(None)}:
            raise ValueError(f"each: {name} is no single number or word; all replicas share it.")
        values = plain(values)  # of a NumPy array as well
        if not isinstance(values, list) or not values:
            raise ValueError(
                f"each.{name}: expected a list with a value for each replica, got {values!r}."
            )
        found[name] = [coerce(value, kinds[name], f"each.{name}") for value in values]
    return found


def part_settings(part: str, value: Any) -> dict[str, Any]:
    """Return ``{"name": ..., setting: ...}`` of what a layer says of a part: a name or settings."""
    if value is None or isinstance(value, str):
        return {} if value is None else {"name": value}
    if not isinstance(value, Mapping):
        raise ValueError(f"{part} must be a name or settings, got {value!r}.")
    if "name" in value:
        coerce(value["name"], str, f"{part}.name")
    return dict(value)


def anchor_files(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return settings that name users' files by absolute paths; relative ones start at `folder`."""
    out = dict(settings)
    for key in PARTS:
        value = out.get(key)
        if isinstance(value, str):
            out[key] = anchored(value, folder)
        elif isinstance(value, Mapping) and isinstance(value.get("name"), str):
            out[key] = {**value, "name": anchored(value["name"], folder)}
    if isinstance(out.get("env"), str):
        out["env"] = anchored_environment(out["env"], folder)
    return out


def build_part(part: str, name: str, settings: Mapping[str, Any]) -> Any:
    """Return a part with its settings; fields that are paths start at the file of its class."""
    kind = load_part(PARTS[part].kind, name)
    built = build(kind, settings, part)
    named = split_name(name)
    folder = Path(named[0] if named else inspect.getfile(kind)).parent
    paths = {key: folder / value for key, value in vars(built).items() if isinstance(value, Path)}
    for key, path in paths.items():
        if not path.is_file():
            raise ValueError(f"{part}.{key}: there is no file {path.name!r} in {path.parent}.")
    return replace(built, **paths) if paths else built


def read_settings(path: str | Path) -> dict[str, Any]:
    """Return the content of a YAML or TOML file, which names users' files from its own folder.

    Raises
    ------
    ValueError
        In one line, if it cannot be read.
    """
    return anchor_files(read_file(path), Path(path).parent.resolve())


def build(kind: type, settings: Mapping[str, Any], where: str) -> Any:
    """Return ``kind(**settings)`` with values coerced to the fields' types."""
    types = get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    values = {}
    for key, value in settings.items():
        name = str(key).replace("-", "_")
        if name not in known:
            owner = "" if kind is RunOptions else f" of {where}"
            raise ValueError(f"Unknown setting {key!r}{owner}.{suggest(name, known)}")
        values[name] = coerce(value, types[name], f"{where}.{name}")
        if kind is not RunOptions:
            check_meant(f"{where}.{name}", values[name])
    return kind(**values)
