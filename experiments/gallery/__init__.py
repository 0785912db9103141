"""Published experiments that need no environment, each a claim with its controls."""
