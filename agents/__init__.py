"""Agents: what acts and learns; `AGENTS` is the table of contents."""

if __name__ != "threefactor.agents":
    raise ImportError("this folder is threefactor.agents: import it by that name")

from threefactor.agents.contract import AgentSettings
from threefactor.agents.gradient.algorithms import (
    DQNSettings,
    ReparameterisedSettings,
    SequenceTD3BCSettings,
    TD3Settings,
)
from threefactor.agents.plastic.settings import PlasticSettings

AGENTS: dict[str, type[AgentSettings]] = {
    "dqn": DQNSettings,
    "plastic": PlasticSettings,
    "reparameterised": ReparameterisedSettings,
    "sequence-td3bc": SequenceTD3BCSettings,
    "td3": TD3Settings,
}

__all__ = ["AGENTS", "AgentSettings"]
