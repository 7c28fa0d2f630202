"""`python -m cli`: the `sluice` command without an installation."""

from __future__ import annotations

import sys

from cli.app import main

sys.exit(main())
