"""Agents that learn by plasticity: spikes in, third factor to weights."""
