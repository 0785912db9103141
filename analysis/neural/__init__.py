"""Analyses of what neurons and synapses did in a run: spikes, weights, credit, receptive fields."""
