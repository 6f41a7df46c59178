"""``python -m pwffsim``."""

import sys

from pwffsim.cli import main

sys.exit(main())
