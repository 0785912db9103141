"""Networks: observation rates in, spike counts out; `MODELS` is the table of architectures."""

from models.actor_critic import ActorCritic
from models.architecture import Architecture, Parts
from models.feedforward import FeedForward
from models.layered import Layered
from models.recurrent import Recurrent

MODELS: dict[str, type[Architecture]] = {
    "feed-forward": FeedForward,
    "actor-critic": ActorCritic,
    "layered": Layered,
    "recurrent": Recurrent,
}

__all__ = ["MODELS", "Architecture", "Parts"]
