"""Contract checkers: what each kind of part promises, tried out."""
