from __future__ import annotations


def test_the_demo_leaves_samples_and_a_report(granum, tmp_path):
    out = tmp_path / "demo"
    code, printed, err = granum("demo", "-o", out, "--count", 20)
    assert code == 0, err
    assert "40 were drawn" in printed
    assert (out / "result" / "report.html").is_file()
    assert len(list((out / "samples" / "images").iterdir())) == 2
    code, _, err = granum("demo", "-o", out)
    assert code == 2
    assert "exists already" in err
