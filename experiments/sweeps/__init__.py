"""Many runs: every combination of settings, each with several seeds, in one folder."""
