from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from granum.choice import Choice
from granum.errors import OutputError, ReadError
from granum.read import file_sha256
from granum.report.provenance import machine, versions, write_json


def test_versions_name_granum_python_and_numpy():
    found = versions()
    assert found["numpy"] == np.__version__
    assert {"granum", "python", "scipy"} <= found.keys()
    assert list(found) == sorted(found)


def test_the_machine_tells_no_names():
    import getpass
    import socket

    text = json.dumps(machine())
    assert machine()["cores"] >= 1
    assert socket.gethostname() not in text
    assert getpass.getuser() not in text.split('"')


def test_a_file_has_its_sha256_and_a_folder_one_of_all_its_files(tmp_path):
    (tmp_path / "a").write_bytes(b"granum")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"granum").hexdigest()
    store = tmp_path / "s.zarr"
    (store / "0").mkdir(parents=True)
    (store / "0" / "c").write_bytes(b"1")
    before = file_sha256(store)
    (store / "0" / "c").write_bytes(b"2")
    assert file_sha256(store) != before
    with pytest.raises(ReadError, match="none: no such file"):
        file_sha256(tmp_path / "none")


def test_json_is_sorted_stable_and_has_no_nan(tmp_path):
    value = {
        "b": np.float32(1.5), "a": [np.int64(3), float("nan"), Path("x")], "c": Choice("x", {"k": (1, 2)}, "why"),
        "d": np.array([[1, 2]]), "e": {True, False}, "f": "µ",
    }  # fmt: skip
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "a": [3, None, "x"], "b": 1.5, "c": {"about": "x", "chosen": {"k": [1, 2]}, "reason": "why", "candidates": []},
        "d": [[1, 2]], "e": [False, True], "f": "µ",
    }  # fmt: skip
    assert text.index('"a"') < text.index('"b"')
    assert "µ" in text
    assert text.endswith("}\n")


def test_what_has_no_json_form_is_said(tmp_path):
    with pytest.raises(OutputError, match="complex"):
        write_json(tmp_path / "a.json", {"a": 1j})
