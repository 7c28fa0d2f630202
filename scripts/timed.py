"""`timed.py NAME COMMAND...` runs a command, says on standard error how long it took, and exits as the command did."""

from __future__ import annotations

import subprocess
import sys
import time


def main() -> int:
    name, *command = sys.argv[1:]
    begun = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    print(f"--- {name}: {time.monotonic() - begun:.1f} s", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
