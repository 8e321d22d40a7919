"""`python -m micrograd_plus` is the command line, for where `micrograd-plus` is not on PATH."""

import sys

from micrograd_plus.cli import main

sys.exit(main())
