from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from granum.app import journal as journal_file
from granum.app.journal import Journal
from granum.app.problems import Problem


def write(path, n):
    journal = Journal(path)
    for number in range(1, n + 1):
        assert journal.append({"n": number, "text": "a µm\n\u2028"}) == number
    return journal


def numbers(journal):
    return [record["n"] for record in journal.records]


def test_records_come_back_in_order_and_folders_are_made_with_the_first(tmp_path):
    path = tmp_path / "a" / "b" / "journal.log"
    Journal(path)
    assert not path.parent.exists()
    journal = write(path, 3)
    again = Journal(path)
    assert again.records == journal.records
    assert len(again) == 3
    assert again.check == journal.check
    assert again.notes == []
    assert again.append({"n": 4}) == 4
    assert numbers(Journal(path)) == [1, 2, 3, 4]


def test_a_line_is_the_checksum_and_the_json(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.append({"n": 1})
    assert journal.path.read_bytes() == b'%08x {"n":1}\n' % zlib.crc32(b'{"n":1}')


def test_forgotten_records_can_be_read_again_by_number(tmp_path):
    journal = write(tmp_path / "j", 5)
    journal.forget()
    journal.append({"n": 6})
    assert journal.records == []
    assert [record["n"] for record in journal.read([2, 6, 1])] == [2, 6, 1]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_half_written_tail_is_cut_off_and_kept_beside(tmp_path, cut):
    path = tmp_path / "j"
    write(path, 3)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    journal = Journal(path)
    assert numbers(journal) == [1, 2]
    whole = data[: data.rfind(b"\n", 0, -1) + 1]
    assert path.read_bytes() == whole
    assert (tmp_path / "j.damaged-1").read_bytes() == data[len(whole) : -cut]
    assert "j.damaged-1" in journal.notes[0]
    assert journal.append({"n": 3}) == 3
    assert Journal(path).notes == []


def test_zeros_after_a_power_cut_are_a_damaged_tail(tmp_path):
    path = tmp_path / "j"
    write(path, 2)
    with path.open("ab") as file:
        file.write(bytes(300))
    assert numbers(Journal(path)) == [1, 2]
    assert (tmp_path / "j.damaged-1").read_bytes() == bytes(300)


def flip_in_the_second(path):
    data = bytearray(path.read_bytes())
    data[data.find(b'"n":2') + 4] ^= 1
    path.write_bytes(data)
    return bytes(data)


def test_damage_in_the_middle_drops_the_later_records_that_may_depend_on_it_and_says_so(tmp_path):
    path = tmp_path / "j"
    write(path, 5)
    data = flip_in_the_second(path)
    journal = Journal(path)
    assert numbers(journal) == [1]
    assert (tmp_path / "j.damaged-1").read_bytes() == data
    assert "4 records are left out, 1 are kept" in journal.notes[0]
    assert journal.append({"n": 9}) == 2
    assert numbers(Journal(path)) == [1, 9]


def test_damage_in_the_middle_costs_only_the_damaged_record_when_records_are_independent(tmp_path):
    path = tmp_path / "j"
    write(path, 5)
    data = flip_in_the_second(path)
    journal = Journal(path, independent=True)
    assert numbers(journal) == [1, 3, 4, 5]
    assert (tmp_path / "j.damaged-1").read_bytes() == data
    assert "1 records are left out, 4 are kept" in journal.notes[0]
    assert [record["n"] for record in journal.read([1, 2])] == [1, 3]
    flip = Journal(path, independent=True)
    assert flip.notes == []
    assert flip.check == journal.check


def test_copies_of_damage_never_overwrite_one_another(tmp_path):
    path = tmp_path / "j"
    write(path, 2)
    for text in (b"one", b"two"):
        with path.open("ab") as file:
            file.write(text)
        Journal(path)
    assert [(tmp_path / f"j.damaged-{n}").read_bytes() for n in (1, 2)] == [b"one", b"two"]


def test_a_read_only_journal_stays_as_it_is(tmp_path):
    path = tmp_path / "j"
    write(path, 2)
    with path.open("ab") as file:
        file.write(b"half")
    before = path.read_bytes()
    journal = Journal(path, read_only=True)
    assert numbers(journal) == [1, 2]
    assert "read-only" in journal.notes[0]
    with pytest.raises(Problem, match="read-only") as caught:
        journal.append({"n": 3})
    assert caught.value.status == 403
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["j"]


@pytest.mark.parametrize("written", [0, 7])
def test_a_full_disk_is_told_and_loses_nothing(tmp_path, monkeypatch, written):
    path = tmp_path / "j"
    journal = write(path, 2)
    before = path.read_bytes()
    real_write = os.write
    calls = []

    def full(handle, data):
        calls.append(len(data))
        if len(calls) == 1 and written:
            return real_write(handle, bytes(data[:written]))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Problem, match="No space left on device") as caught:
        journal.append({"n": 3})
    monkeypatch.undo()
    assert (caught.value.status, caught.value.code) == (507, "not_written")
    assert path.read_bytes() == before
    assert len(journal) == 2
    assert journal.append({"n": 3}) == 3
    assert numbers(Journal(path)) == [1, 2, 3]


def test_a_disk_that_does_not_answer_is_told_and_the_rest_is_cut_with_the_next_record(tmp_path, monkeypatch):
    path = tmp_path / "j"
    journal = write(path, 1)

    def broken(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(journal_file, "_push_to_disk", broken)
    monkeypatch.setattr(os, "ftruncate", broken)
    with pytest.raises(Problem, match="Input/output error"):
        journal.append({"n": 2})
    monkeypatch.undo()
    assert journal.append({"n": 3}) == 2
    assert numbers(Journal(path)) == [1, 3]


def test_a_really_full_disk_loses_nothing(tmp_path):
    """A limit on the size of files gives the same short write as a full disk, without root."""
    path = tmp_path / "j"
    write(path, 3)
    before = path.read_bytes()
    code = f"""
import resource, signal, pathlib
from granum.app.journal import Journal
from granum.app.problems import Problem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = pathlib.Path({str(path)!r})
journal = Journal(path)
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before)} + 20, resource.RLIM_INFINITY))
try:
    journal.append({{"text": "x" * 100}})
except Problem as problem:
    print(problem.status)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(path.stat().st_size, journal.append({{"n": 4}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["507", str(len(before)), "4"]
    assert numbers(Journal(path)) == [1, 2, 3, 4]


def test_a_file_that_somebody_else_wrote_to_or_took_away_is_not_written(tmp_path):
    path = tmp_path / "j"
    journal = write(path, 2)
    Journal(path).append({"n": 3})
    with pytest.raises(Problem, match="something else wrote") as caught:
        journal.append({"n": 3})
    assert caught.value.status == 409
    other = Journal(path)
    path.rename(tmp_path / "moved")
    with pytest.raises(Problem, match="moved or deleted"):
        other.append({"n": 4})
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be"):
        Journal(tmp_path / "file" / "j").append({"n": 1})


def test_records_from_many_threads_are_all_there(tmp_path):
    journal = Journal(tmp_path / "j")

    def work(number):
        for step in range(20):
            journal.append({"n": number * 20 + step})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(Journal(tmp_path / "j"))) == list(range(100))


def test_nan_is_no_record(tmp_path):
    journal = Journal(tmp_path / "j")
    with pytest.raises(ValueError):
        journal.append({"n": float("nan")})
    assert len(journal) == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_leaves_whole_records_only_and_is_noted(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("j") / "j"
    journal = write(path, 6)
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    content[where] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    strict = Journal(path, read_only=True)
    loose = Journal(path, read_only=True, independent=True)
    assert strict.records == journal.records[: len(strict)]
    assert len(loose) >= 4  # a lost newline takes the neighbour along
    assert all(record in journal.records for record in loose.records)
    assert len(strict.notes) == len(loose.notes) == 1
