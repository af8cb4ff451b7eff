"""`python -m granum`: the same as the command `granum`."""

from __future__ import annotations

from granum.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
