"""Environments: one `gymnasium.Env` per file, registered here; `bridge` joins them to networks.

Importing this package registers

| id | what it is |
|---|---|
| `GridWorld-v0` | the 10 x 10 "687" gridworld with slips, discounted return, optimum known |
| `Identity-v0` | repeat the symbol just seen: the smallest task a reward can teach |
| `Hover-v0` | fly a Crazyflie back to a point and stay there: 500 steps of 10 ms |
"""

if __name__ != "threefactor.envs":
    raise ImportError("this folder is threefactor.envs: import it by that name")


import gymnasium as gym

gym.register(
    id="GridWorld-v0", entry_point="threefactor.envs.gridworld:GridWorld", max_episode_steps=300
)
gym.register(
    id="Identity-v0", entry_point="threefactor.envs.identity:Identity", max_episode_steps=100
)
gym.register(id="Hover-v0", entry_point="threefactor.envs.hover:Hover", max_episode_steps=500)
