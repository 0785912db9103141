#!/usr/bin/env python3
"""The door of the command line: ``python run.py COMMAND`` is ``threefactor COMMAND``."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (a checkout may be run under any Python)
    found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.stderr.write("error: threefactor needs Python 3.11 or newer, got " + found + ".\n")
    sys.exit(2)

from threefactor.experiments.command_line.main import main

if __name__ == "__main__":
    sys.exit(main())
