"""One run: the loop, its directory, recordings, checkpoints, evaluation."""
