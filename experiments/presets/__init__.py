"""Presets: settings found for an environment, with where they come from, as data."""
