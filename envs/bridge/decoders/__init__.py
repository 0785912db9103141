"""Decoders: network outputs in, actions out; the table of contents is `envs.bridge.DECODERS`."""
