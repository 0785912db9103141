"""What the parts of a plastic agent must agree on, checked before its first decision."""

from threefactor.envs.bridge import Decoder
from threefactor.models.host import check_third_factor, signal_arrays
from threefactor.models.specification import NetworkSpec
from threefactor.rules.contract import AGREEMENT, LEARNING_SIGNAL
from threefactor.rules.modulators.contract import Modulator


def check_wiring(spec: NetworkSpec, modulator: Modulator, decoder: Decoder) -> None:
    """Raise ValueError if a rule waits for what nobody sends, or a part reads what nobody keeps."""
    check_third_factor(spec, modulator.vectors)
    for signal, population, _ in signal_arrays(spec):
        if signal not in (AGREEMENT, LEARNING_SIGNAL):
            raise ValueError(
                f"signal {signal!r}: a rule at {population!r} waits for it and nobody sends it; "
                f"agents send {AGREEMENT!r} and {LEARNING_SIGNAL!r}, a Modulation what it names."
            )
    output = spec.population(spec.output)
    if decoder.reads == "first_spike_times_ms" and not output.times_first_spike:
        raise ValueError(
            f"decoder {type(decoder).__name__}: expected first spike times of {output.name!r}, and "
            "the model keeps none; let it pass parts.times_first_spike to its output population."
        )
