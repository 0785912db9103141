"""What the parts of a plastic agent must agree on, checked before its first decision."""

import numpy as np

from threefactor.envs.bridge import BoundEncoder, Decoder
from threefactor.models.host import (
    check_third_factor,
    listeners,
    reward_populations,
    signal_arrays,
    steps_to_spike,
)
from threefactor.models.specification import NetworkSpec
from threefactor.rules.contract import AGREEMENT, LEARNING_SIGNAL
from threefactor.rules.modulators.contract import Modulator


def check_wiring(spec: NetworkSpec, modulator: Modulator, decoder: Decoder) -> None:
    """Raise ValueError if a rule waits for what nobody sends, or a part reads what nobody keeps."""
    check_third_factor(spec, modulator.vectors)
    hearing = reward_populations(spec)
    if hearing and modulator.computed_by not in ("reward", ""):
        raise ValueError(
            f"modulator {type(modulator).__name__}: {hearing[0]!r} computes the TD error within "
            "the network and expects a reward, not another TD error; use --modulator reward."
        )
    for signal, population, _ in signal_arrays(spec):
        if signal not in (AGREEMENT, LEARNING_SIGNAL):
            raise ValueError(
                f"signal {signal!r}: a rule at {population!r} waits for it and nobody sends it; "
                f"agents send {AGREEMENT!r} and {LEARNING_SIGNAL!r}, a Modulation what it names."
            )
    critic = None if spec.critic is None else spec.population(spec.critic)
    rate = getattr(modulator, "full_rate_hz", None)
    if critic and critic.is_divisive and rate is not None:
        raise ValueError(
            f"modulator.full_rate_hz: expected none, got {rate:g}: the value of "
            f"{critic.name!r} is divided and has no rate; use --modulator.full-rate-hz none and "
            "--modulator.value-gain, or --model.is-divisive false."
        )
    output = spec.population(spec.output)
    if decoder.reads == "first_spike_times_ms" and not output.times_first_spike:
        raise ValueError(
            f"decoder {type(decoder).__name__}: expected first spike times of {output.name!r}, and "
            "the model keeps none; let it pass parts.times_first_spike to its output population."
        )


def check_input(spec: NetworkSpec, encoder: BoundEncoder, window_ms: float) -> None:
    """Raise ValueError unless the input takes what the encoder emits, within the window."""
    name, source = type(encoder).__name__, spec.population(spec.input)
    if source.neuron.takes != encoder.emits:
        raise ValueError(
            f"encoder {name} emits {encoder.emits}, and the input of the model takes "
            f"{source.neuron.takes}; let the model build it by "
            "`self.input_population(parts)`, or of parts.input_neuron."
        )
    if encoder.emits == "rates_hz":
        highest, most = encoder.rates_range_hz[1], 1000.0 / spec.timestep_ms
        if not highest <= most * (1 + 1e-9):
            raise ValueError(
                f"encoder: rates of up to {highest:g} Hz are more than one spike in each "
                f"timestep of {spec.timestep_ms:g} ms ({most:g} Hz); lower --encoder.rate-max-hz "
                "or --timestep-ms."
            )
    if encoder.emits == "spike_times_ms":
        latest, timestep_ms = np.array(encoder.times_range_ms[1]), spec.timestep_ms
        if steps_to_spike(latest, timestep_ms) * timestep_ms > window_ms * (1 + 1e-9):
            raise ValueError(
                f"encoder {name}: expected spikes in timesteps of the decision window of "
                f"{window_ms:g} ms, got spikes at up to {latest:g} ms; raise --window-ms or let "
                "them come earlier."
            )


def check_window(spec: NetworkSpec, window_ms: float) -> None:
    """Raise ValueError if the reward would take the whole window."""
    if reward_populations(spec) and window_ms < 2 * spec.timestep_ms:
        raise ValueError(
            f"window_ms: expected two timesteps or more, because the last one is that of the "
            f"reward, got {window_ms:g} ms at a timestep of {spec.timestep_ms:g} ms."
        )


def check_choices(spec: NetworkSpec, is_choosing: bool) -> None:
    """Raise ValueError if a rule waits for the agreement with a choice that nobody makes."""
    waiting = listeners(spec, AGREEMENT)
    if waiting and not is_choosing:
        raise ValueError(
            f"rule: at {waiting[0]!r} it waits for the {AGREEMENT} with what was chosen, and a "
            "continuous action is no choice; take another rule, such as reinforce."
        )
    has_action_values = spec.critic is not None and spec.population(spec.critic).modules is not None
    if has_action_values and not is_choosing:
        raise ValueError(
            f"model: {spec.critic!r} says what each action is worth, and a continuous action is no "
            "choice; use --model actor-critic."
        )
