"""``python -m threefactor COMMAND`` is ``threefactor COMMAND``."""

import sys

from threefactor.experiments.command_line.main import main

if __name__ == "__main__":
    sys.exit(main())
