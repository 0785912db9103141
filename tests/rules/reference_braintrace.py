"""Make reference_braintrace.json: what BrainTrace learns from fixed spikes and third factors.

Run with a Python that has BrainTrace: `python tests/rules/reference_braintrace.py` (how to make one
is in docs/braintrace.md). The neurons are written here once more, in JAX; how their states depend
on the weights, and what that makes of a weight, is left to BrainTrace. Times in ms, v and w in mV.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
PACKAGES = ("braintrace", "brainstate", "braintools", "jax", "numpy")
STEPS, WINDOW, INPUTS, NEURONS = 120, 10, 5, 3
#: Strength of the adaptation, mV: plain and adaptive neurons.
STRENGTH = {"lif": 0.0, "adaptive": 4.0}
ADAPTIVE = {
    "tau_membrane_ms": 20.0, "tau_adaptation_ms": 60.0, "v_threshold_mv": 16.0,
    "reset_by_mv": 14.0, "psi_height": 0.4, "psi_width_mv": 12.0,
}  # fmt: skip
ESCAPE = {
    "tau_membrane_ms": 15.0, "v_threshold_mv": 12.0, "v_slope_mv": 3.0,
    "rate_at_threshold_hz": 60.0, "exponent_limit": 5.0,
}  # fmt: skip
TAU_READOUT_MS = 8.0
RULES = {
    "eprop-reward": {"tau_readout_ms": TAU_READOUT_MS, "trace_decay": 0.7},
    "rmax": {"tau_eligibility_ms": 40.0},
    "rstdp-et": {
        "tau_plus_ms": 17.0, "tau_minus_ms": 34.0, "tau_eligibility_ms": 25.0, "a_plus": 1.0,
        "a_minus": 0.6,
    },
}  # fmt: skip
PARAMETERS = {
    "steps": STEPS, "window": WINDOW, "strength": STRENGTH, "adaptive": ADAPTIVE,
    "escape": ESCAPE, "tau_readout_ms": TAU_READOUT_MS, "rules": RULES,
}  # fmt: skip


def draw():
    """Return what both programs are given: spikes, weights, third factors."""
    rng = np.random.default_rng(1)
    windows = STEPS // WINDOW
    given = {
        "input": (rng.random((STEPS, INPUTS)) < 0.25).astype(float),
        "actor": (rng.random((STEPS, NEURONS)) < 0.15).astype(float),
        "w_input": rng.normal(3.0, 4.0, (INPUTS, NEURONS)),
        "w_recurrent": rng.normal(-2.0, 4.0, (NEURONS, NEURONS)),
        "third_factor": rng.normal(size=(STEPS, NEURONS)),
        "reward": rng.normal(size=windows),
        "learning_signal": rng.normal(size=(windows, NEURONS)),
    }
    return {name: values.round(3).tolist() for name, values in given.items()}


def decay(tau_ms):
    """Return what one timestep of 1 ms leaves."""
    return np.exp(-1.0 / tau_ms)


def module(weights, states, update):
    """Return a BrainTrace model of NEURONS neurons: its weights, hidden states and timestep."""
    import brainstate
    import jax.numpy as jnp

    class Model(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            for name, values in weights.items():
                setattr(self, name, brainstate.ParamState(jnp.asarray(values)))

        def init_state(self, *_, **__):
            for name in states:
                setattr(self, name, brainstate.HiddenState(jnp.zeros(NEURONS)))

        def update(self, *told):
            return update(self, *told)

    return Model()


def adaptive_neurons(given, strength, spike_is_late=True):
    """Return LIF neurons with an adaptive threshold, recurrently connected, and two filters.

    The state `spike` is the spike of the timestep before, a function of the previous v and
    adaptation, unless `spike_is_late` is False. The reset is not differentiated, as in e-prop.
    """
    import braintrace
    import jax
    from braintools.surrogate import ReluGrad

    neuron = ADAPTIVE
    width = neuron["psi_width_mv"]
    heaviside = ReluGrad(alpha=neuron["psi_height"], width=1.0)
    keep, adapt, read = (
        decay(tau)
        for tau in (neuron["tau_membrane_ms"], neuron["tau_adaptation_ms"], TAU_READOUT_MS)
    )

    def spikes(v, adaptation):
        # psi is psi_height/psi_width*(1 - |distance|/psi_width), per mV.
        return heaviside((v - neuron["v_threshold_mv"]) / width - strength / width * adaptation)

    def step(self, inputs, learning_signal, leak):
        fired = spikes(self.v.value, self.adaptation.value)
        arriving = braintrace.matmul(inputs, self.w_input.value)
        arriving += braintrace.matmul(fired, self.w_recurrent.value)
        arriving -= neuron["reset_by_mv"] * jax.lax.stop_gradient(fired)
        v = keep * self.v.value + keep * arriving
        adaptation = adapt * self.adaptation.value + adapt * fired
        filtered = read * self.filtered.value + (1 - read) * fired
        trace = leak * self.trace.value + learning_signal * filtered
        # Computed anew: BrainTrace follows `fired`, were it the state, through w_recurrent as well.
        before, new = spikes(self.v.value, self.adaptation.value), spikes(v, adaptation)
        self.v.value, self.adaptation.value = v, adaptation
        self.spike.value = before if spike_is_late else new
        self.filtered.value, self.trace.value = filtered, trace
        return {"v": v, "new spike": new, "spike": self.spike.value, "trace": trace}

    weights = {name: given[name] for name in ("w_input", "w_recurrent")}
    states = ("v", "adaptation", "spike", "filtered", "trace")
    return module(weights, states, step)


def escape_neurons(given):
    """Return LIF neurons with escape noise; `trace` is the leaky sum of their log-likelihood."""
    import braintrace
    import jax.numpy as jnp

    neuron, leak = ESCAPE, decay(RULES["rmax"]["tau_eligibility_ms"])

    def step(self, inputs, before, spikes):
        arriving = braintrace.matmul(inputs, self.w_input.value)
        v = decay(neuron["tau_membrane_ms"]) * (self.v.value + arriving) * (1 - before)
        exponent = (v - neuron["v_threshold_mv"]) / neuron["v_slope_mv"]
        exponent = jnp.minimum(exponent, neuron["exponent_limit"])
        expected = neuron["rate_at_threshold_hz"] * 1e-3 * jnp.exp(exponent)
        likelihood = spikes * jnp.log(-jnp.expm1(-expected)) - (1 - spikes) * expected
        self.v.value, self.trace.value = v, leak * self.trace.value + likelihood
        return {"v": v, "trace": self.trace.value}

    return module({"w_input": given["w_input"]}, ("v", "trace"), step)


def stdp_synapses(given):
    """Return states whose derivatives by the weights are those of reward-modulated STDP.

    `pairs` is the leaky sum of weighted pairs: dpairs/dw is the eligibility of MSTDPET.
    """
    import braintrace

    rule = RULES["rstdp-et"]
    scale = 1.0 / rule["tau_eligibility_ms"]

    def step(self, inputs, spikes):
        arriving = braintrace.matmul(inputs, self.w_input.value)
        drive = decay(rule["tau_plus_ms"]) * self.drive.value + arriving
        post = decay(rule["tau_minus_ms"]) * self.post.value + spikes
        pairs = rule["a_plus"] * spikes * drive - rule["a_minus"] * post * arriving
        leak = decay(rule["tau_eligibility_ms"])
        self.drive.value, self.post.value = drive, post
        self.pairs.value = leak * self.pairs.value + scale * pairs
        return {"pairs": self.pairs.value}

    return module({"w_input": given["w_input"]}, ("drive", "post", "pairs"), step)


def late(rows):
    """Return rows of timesteps one timestep later: one row more."""
    return np.concatenate([np.zeros_like(rows[:1]), rows])


def ended(rows):
    """Return rows of timesteps and a silent one, in which late states catch up."""
    return np.concatenate([rows, np.zeros_like(rows[:1])])


def at_ends(rows):
    """Return one row for each timestep, zero unless it ends a decision window."""
    each = np.zeros((STEPS, *rows.shape[1:]))
    each[WINDOW - 1 :: WINDOW] = rows
    return each


def learn(algorithm, model, inputs, state, factor, **options):
    """Return what BrainTrace makes of every weight in all, and the outputs of every timestep.

    `factor`, (timesteps, 1 or neurons), multiplies one state in the loss; where the algorithm
    takes a modulator, it is the modulator of this state and 0 of all others.
    """
    import braintrace
    import jax.numpy as jnp

    learner = braintrace.compile(
        model, algorithm, *(jnp.asarray(rows[0]) for rows in inputs), **options
    )
    (group,) = learner.graph.hidden_groups
    is_modulated = jnp.array([path[-1] == state for path in group.hidden_paths], float)

    def step(factor, *told):
        given = jnp.broadcast_to(factor, NEURONS)[:, None] * is_modulated
        modulator = {"modulator": given} if algorithm is braintrace.ThreeFactor else {}
        outputs = learner.update(*told, **modulator)
        return jnp.sum(factor * outputs[state]), outputs

    rows = [jnp.asarray(rows) for rows in (factor, *inputs)]
    gradients, outputs = learner.etrace_grad(*rows, step_fn=step, reduction="sum", has_aux=True)
    changes = {path[-1]: np.asarray(change).tolist() for path, change in gradients.items()}
    return changes, {name: np.asarray(values) for name, values in outputs.items()}


def simulate_adaptive(given, strength):
    """Return what e-prop and its relatives learn in a network that fires freely."""
    import braintrace

    windows = np.arange(STEPS) // WINDOW
    silent = np.zeros((STEPS + 1, NEURONS)), np.zeros((STEPS + 1, 1))
    inputs = (late(given["input"]), *silent)
    factor, kappa = given["third_factor"], decay(TAU_READOUT_MS)
    opens = np.arange(STEPS) % WINDOW == 0
    leak = np.where(opens, RULES["eprop-reward"]["trace_decay"], 1.0)[:, None]
    learning_signal = given["learning_signal"][windows]
    credited = tuple(late(rows) for rows in (given["input"], learning_signal, leak))
    rewards = late(at_ends(given["reward"][:, None]))
    runs = {
        "EProp": (braintrace.EProp, inputs, "spike", late(factor), {}),
        "EProp, kappa": (
            braintrace.EProp, inputs, "spike", late(factor), {"kappa_filter_decay": kappa}
        ),
        "EProp, kappa at the membrane": (
            braintrace.EProp, inputs, "new spike", ended(factor), {"kappa_filter_decay": kappa}
        ),
        "ThreeFactor": (braintrace.ThreeFactor, credited, "trace", rewards, {}),
    }  # fmt: skip
    samples = {}
    for name, (algorithm, told, state, factors, options) in runs.items():
        model = adaptive_neurons(given, strength)
        samples[name], outputs = learn(algorithm, model, told, state, factors, **options)
    model = adaptive_neurons(given, strength, spike_is_late=False)
    samples["EProp, spike of the same timestep"], _ = learn(
        braintrace.EProp, model, inputs, "spike", ended(factor)
    )
    return samples | {name: outputs[name][:STEPS].tolist() for name in ("v", "new spike")}


def simulate_all(given):
    """Return {"neuron or rule": samples} for what `draw` returned."""
    import braintrace
    import jax

    given = {name: np.array(values) for name, values in given.items()}
    reward, spikes = at_ends(given["reward"][:, None]), given["actor"]
    escape_inputs = late(given["input"])[:STEPS], late(spikes)[:STEPS], spikes
    with jax.enable_x64(True):
        samples = {name: simulate_adaptive(given, mv) for name, mv in STRENGTH.items()}
        changes, outputs = learn(
            braintrace.ThreeFactor, escape_neurons(given), escape_inputs, "trace", reward
        )
        samples["rmax"] = {"ThreeFactor": changes, "v": outputs["v"].tolist()}
        changes, _ = learn(
            braintrace.ThreeFactor, stdp_synapses(given), (given["input"], spikes), "pairs", reward
        )
        samples["rstdp-et"] = {"ThreeFactor": changes}
    return samples


if __name__ == "__main__":
    given = draw()
    versions = {name: version(name) for name in PACKAGES}
    content = {"versions": versions, "parameters": PARAMETERS, "given": given}
    content |= simulate_all(given)
    entries = (f"{json.dumps(name)}: {json.dumps(v)}" for name, v in content.items())
    FILE.write_text("{\n" + ",\n".join(entries) + "\n}\n")
