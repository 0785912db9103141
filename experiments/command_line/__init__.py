"""The command line: words to requests, errors of one line."""
