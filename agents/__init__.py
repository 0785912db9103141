"""Agents: what acts and learns; `AGENTS` is the table of contents."""

if __name__ != "threefactor.agents":
    raise ImportError("this folder is threefactor.agents: import it by that name")

from threefactor.agents.contract import AgentSettings
from threefactor.agents.gradient.settings import DQNSettings, ReparameterisedSettings
from threefactor.agents.plastic.settings import PlasticSettings

AGENTS: dict[str, type[AgentSettings]] = {
    "dqn": DQNSettings,
    "plastic": PlasticSettings,
    "reparameterised": ReparameterisedSettings,
}

__all__ = ["AGENTS", "AgentSettings"]
