"""The runs that there are: an index over folders, which can be asked and rebuilt."""
