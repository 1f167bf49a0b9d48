"""`python -m leap_core` is `leap`."""

import sys

from leap_core.cli.main import main

sys.exit(main())
