from __future__ import annotations

from pathlib import Path

import pytest

from granum.object_table import COLUMNS, FLAGS
from granum.report.exports import EXPORTS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
def test_the_docs_of_the_run_folder_tell_every_column_with_its_meaning(column):
    rows = (DOCS / "reference" / "run_folder.md").read_text(encoding="utf-8").splitlines()
    assert [row for row in rows if row.startswith(f"| `{column.name}` |") and row.endswith(f"| {column.meaning} |")]


@pytest.mark.parametrize("flag", FLAGS)
def test_the_docs_of_the_run_folder_tell_every_flag_with_its_meaning(flag):
    assert f"| `{flag}` | {FLAGS[flag][1]} |" in (DOCS / "reference" / "run_folder.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXPORTS)
def test_the_docs_of_export_tell_every_format(name):
    assert f"| `{name}` |" in (DOCS / "how_to" / "export.md").read_text(encoding="utf-8")
