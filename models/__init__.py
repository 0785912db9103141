"""Networks: observation rates in, spike counts out; `MODELS` is the table of architectures."""

if __name__ != "threefactor.models":
    raise ImportError("this folder is threefactor.models: import it by that name")


from threefactor.models.architectures.action_values import ActionValues
from threefactor.models.architectures.actor_critic import ActorCritic
from threefactor.models.architectures.contract import Architecture, Parts
from threefactor.models.architectures.feedforward import FeedForward
from threefactor.models.architectures.layered import Layered
from threefactor.models.architectures.recurrent import Recurrent
from threefactor.models.architectures.td_actor_critic import TDActorCritic

MODELS: dict[str, type[Architecture]] = {
    "feed-forward": FeedForward,
    "actor-critic": ActorCritic,
    "layered": Layered,
    "recurrent": Recurrent,
    "td-actor-critic": TDActorCritic,
    "action-values": ActionValues,
}

__all__ = ["MODELS", "Architecture", "Parts"]
