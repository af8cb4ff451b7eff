"""The table of faults in `docs/contributing/app.md` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBERS = {2, 5, 6, 7, 8, 12, 16, 18, *range(21, 31), 32, 34}


def rows():
    text = (ROOT / "docs" / "contributing" / "app.md").read_text(encoding="utf-8")
    section = text.partition("## What it survives")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| fault")]


def test_every_fault_that_was_promised_has_a_row_with_tests():
    found = {int(row[2:].split()[0]) for row in rows() if row[2].isdecimal()}
    assert found == NUMBERS
    for row in rows():
        assert "::" in row, row


def test_every_test_in_the_table_exists():
    named = [name for row in rows() for name in re.findall(r"`([^`]+\.(?:py|tsx?)::[^`]+)`", row)]
    assert len(named) > 60
    for name in named:
        file, _, test = name.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {test}(" in text or f'test("{test}"' in text, name
