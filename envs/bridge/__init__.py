"""The bridge between Gymnasium spaces and networks: encoders, decoders, batched environments."""

from threefactor.envs.bridge.decoders.continuous import PopulationVector, WeightedMean
from threefactor.envs.bridge.decoders.contract import BoundDecoder, Decoder
from threefactor.envs.bridge.decoders.discrete import Argmax, FirstToSpike, Softmax
from threefactor.envs.bridge.decoders.membrane import Membrane
from threefactor.envs.bridge.decoders.ring import Ring
from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder
from threefactor.envs.bridge.encoders.gaussian import GaussianPopulation
from threefactor.envs.bridge.encoders.k_of_n import KOfN
from threefactor.envs.bridge.encoders.linear import DirectRate, OnOff
from threefactor.envs.bridge.encoders.one_hot import OneHot
from threefactor.envs.bridge.encoders.tile import TileCoding

ENCODERS: dict[str, type[Encoder]] = {
    "one-hot": OneHot,
    "gaussian": GaussianPopulation,
    "on-off": OnOff,
    "tile": TileCoding,
    "k-of-n": KOfN,
    "rate": DirectRate,
}

DECODERS: dict[str, type[Decoder]] = {
    "argmax": Argmax,
    "softmax": Softmax,
    "population-vector": PopulationVector,
    "weighted-mean": WeightedMean,
    "first-to-spike": FirstToSpike,
    "membrane": Membrane,
    "ring": Ring,
}

__all__ = ["DECODERS", "ENCODERS", "BoundDecoder", "BoundEncoder", "Decoder", "Encoder"]
