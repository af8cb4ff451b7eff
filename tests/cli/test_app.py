from __future__ import annotations


def test_the_app_says_that_it_is_coming(granum):
    code, out, _ = granum("app")
    assert code == 0
    assert "it is coming" in out
