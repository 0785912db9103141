"""The parts that a run is made of: kinds, names, and classes from users' files."""
