"""Encoders: observations in, firing rates out; the table of contents is `envs.bridge.ENCODERS`."""
