import base64
import io
import json
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from granum.errors import ModelError, OutputError
from granum.learn.classifiers import FAMILIES, fit_classifier
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.model_file import FORMAT_VERSION, load_model, model_bytes, read_model, save_model
from granum.learn.pixel_model import ContextStage, PixelModel, Stage
from granum.learn.scribbles import PixelClass

VERSION_1 = Path(__file__).parent / "model_version_1.txt"
FEATURES = FeatureSet(sigmas=(1.0, 4.0), kinds=("gaussian", "gradient", "deviation"))
MANY = [f"first/{i}.{a}.npy" for i in range(50) for a in "abcdefghijklmnopqrstuvwxyz"]
IMAGE = (np.add.outer(np.arange(40) ** 2, 3 * np.arange(50)) % 251).astype(np.uint8)[None]


def make_model(family="logistic", second="mlp", **changes):
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 150).astype(np.uint8)
    planes = (random.normal(size=(3, 5))[labels] + random.normal(size=(150, 5))).T.astype(np.float32)
    quick = {
        "mlp": {"steps": 20, "hidden": (8,)}, "lightgbm": {"rounds": 3, "most_leaves": 5},
        "random_forest": {"trees": 3, "most_leaves": 8}, "extra_trees": {"trees": 2, "most_leaves": 8},
    }  # fmt: skip
    first = fit_classifier(family, planes[:4].copy(), labels, n_classes=3, **quick.get(family, {}))
    after = fit_classifier(second, planes, labels, n_classes=3, **quick.get(second, {}))
    context = ContextStage((2, 5), after, (1.5,))
    known = {
        "classes": (PixelClass(1, "Matrix"), PixelClass(2, "γ′ phase", "#ff0000"), PixelClass(200, "pore")),
        "n_channels": 1, "channel_names": ("BSE",), "dtype": "uint8", "pixel_size_nm": 12.5, "features": FEATURES,
        "normalisation": "training", "intensity": IntensityScale((100.0,), (80.0,)),
        "first": Stage((0, 1, 2, 3), first),
        "context": context, "prior": (0.5, 0.3, 0.2), "smoothing_px": 1.0, "about": {"report": {"miou": 0.71}},
    }  # fmt: skip
    return PixelModel(**{**known, **changes})


def take_apart(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put_together(members, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(out, "w", compression) as archive:
            for name, data in members.items() if isinstance(members, dict) else members:
                archive.writestr(name, data)
    return out.getvalue()


def digest(members):
    """Return the members with a JSON that lists their SHA-256, as a forger would."""
    import hashlib

    document = json.loads(members["model.json"])
    document["sha256"] = {
        name: hashlib.sha256(data).hexdigest() for name, data in members.items() if name != "model.json"
    }
    return {**members, "model.json": json.dumps(document).encode()}


@pytest.fixture(scope="module")
def data():
    return model_bytes(make_model("lightgbm", "random_forest"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_comes_back_as_it_was(family, tmp_path):
    model = make_model(family, family)
    model.save(tmp_path / "a.granum_model")
    again = PixelModel.load(tmp_path / "a.granum_model")
    for name in ("classes", "n_channels", "channel_names", "dtype", "pixel_size_nm", "features", "normalisation",
                 "intensity", "prior", "smoothing_px", "about"):  # fmt: skip
        assert getattr(again, name) == getattr(model, name)
    one, two = model.predict(IMAGE), again.predict(IMAGE)
    np.testing.assert_array_equal(one.classes, two.classes)
    np.testing.assert_array_equal(one.probabilities, two.probabilities)
    assert again.describe() == model.describe()


def test_the_same_model_gives_the_same_bytes(tmp_path):
    one, two = model_bytes(make_model("lightgbm")), model_bytes(make_model("lightgbm"))
    assert one == two
    assert model_bytes(read_model(one, name="")) == one
    assert model_bytes(make_model(about={"report": 2})) != model_bytes(make_model())
    save_model(make_model("lightgbm"), tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == one


def test_the_words_of_lightgbm_are_in_it_for_use_elsewhere(data):
    import lightgbm

    text = take_apart(data)["first/lightgbm.txt"].decode()
    assert lightgbm.Booster(model_str=text).num_trees() == 9


def test_it_replaces_a_file_in_one_step_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "m.granum_model"
    target.write_bytes(b"old")
    save_model(make_model(), target)
    assert [path.name for path in tmp_path.iterdir()] == ["m.granum_model"]
    assert load_model(target).classes[1].name == "γ′ phase"


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    with pytest.raises(OutputError, match="cannot be written"):
        save_model(make_model(), tmp_path / "nowhere" / "m")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        save_model(make_model(), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_is_said(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ModelError, match=path.name):
            load_model(path)


def test_a_file_of_version_1_is_read_for_ever():
    lines = VERSION_1.read_text(encoding="ascii").splitlines()
    start = lines.index("model")
    expected = np.array(lines[lines.index("probabilities") + 1 : start], np.float32).reshape(3, 8, 10)
    model = read_model(base64.b64decode("".join(lines[start + 1 :])), name="version 1")
    assert [known.name for known in model.classes] == ["Matrix", "γ′ phase", "pore"]
    assert model.about == {"report": {"miou": 0.71}}
    np.testing.assert_allclose(model.predict(IMAGE, window=(10, 20, 18, 30)).probabilities, expected, atol=2e-3)


@pytest.mark.parametrize("n", [0, 1, 10, 100, 1000, -1, -22, -300])
def test_a_truncated_file_is_refused(data, n):
    with pytest.raises(ModelError, match=r"m\.granum_model: "):
        read_model(data[:n], name="m.granum_model")


def test_a_newer_format_is_refused_with_what_to_do(data):
    members = take_apart(data)
    members["model.json"] = members["model.json"].replace(
        f'"format_version": {FORMAT_VERSION}'.encode(), f'"format_version": {FORMAT_VERSION + 1}'.encode()
    )
    with pytest.raises(ModelError, match="in format 2, this one reads up to 1; update granum"):
        read_model(put_together(members), name="m")


class Trap:
    def __reduce__(self):
        return os.system, ("touch /tmp/granum_trap",)


def test_no_code_in_a_file_is_run(data):
    trap = Path("/tmp/granum_trap")
    trap.unlink(missing_ok=True)
    members = take_apart(data)
    name = "first/left.npy"
    out = io.BytesIO()
    np.save(out, np.array([Trap()], object), allow_pickle=True)
    for poison in (out.getvalue(), pickle.dumps(Trap()), pickle.dumps(np.arange(3))):
        with pytest.raises(ModelError):
            read_model(poison, name="m")
        with pytest.raises(ModelError):
            read_model(put_together(digest({**members, name: poison})), name="m")
        with pytest.raises(ModelError):
            read_model(put_together({**members, "model.json": poison}), name="m")
    assert not trap.exists()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 << 40, 1 << 40), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 1), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<m8[s]', 'fortran_order': False, 'shape': (3,), }",
        "__import__('os').system('touch /tmp/granum_trap')",
        "(" * 5000,
        "",
    ],
)
def test_lying_headers_of_arrays_are_refused(data, header):
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    poison = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(12)
    members = take_apart(data)
    with pytest.raises(ModelError):
        read_model(put_together(digest({**members, "first/base.npy": poison})), name="m")


def test_bombs_and_strange_archives_are_refused(data):
    members = take_apart(data)
    for strange in (
        put_together(members, zipfile.ZIP_DEFLATED),
        put_together({"model.json": bytes(10**7)}, zipfile.ZIP_DEFLATED),
        put_together({}),
        put_together({"readme.txt": b"hello"}),
        put_together({**members, "../evil.npy": b""}),
        put_together({**members, "first/evil.py": b""}),
        put_together({**members, **{f"first/x_{i}.npy": b"" for i in range(10)}}),
        put_together({**members, **dict.fromkeys(MANY, b"")}),
        put_together([*members.items(), ("model.json", members["model.json"])]),
        put_together({name: content for name, content in members.items() if name != "first/left.npy"}),
        put_together({**members, "first/left.npy": members["first/right.npy"]}),
        b"PK\x05\x06" + bytes(18), b"x" * 1000, json.dumps({"format": "granum pixel model"}).encode(),
    ):  # fmt: skip
        with pytest.raises(ModelError):
            read_model(strange, name="m")


def walk(value, path=()):
    """Yield the way to every place in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from walk(inner, (*path, key))


STRANGE = [None, True, -1, 0, 7, 1e308, -0.5, "", "x", [], {}, [[]], 10**30, "\ud800", {"a": 1}]


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_change_of_the_json_is_refused_or_harmless(data, draw):
    members = take_apart(data)
    document = json.loads(members["model.json"])
    path = draw.draw(st.sampled_from([way for way in walk(document) if way and way[0] != "sha256"]))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    value = draw.draw(st.sampled_from([*STRANGE, "leave it out"]))
    if value == "leave it out":
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    check({**members, "model.json": json.dumps(document).encode()})


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_change_of_an_array_is_refused_or_harmless(data, draw):
    members = take_apart(data)
    name = draw.draw(st.sampled_from(sorted(name for name in members if name.endswith(".npy"))))
    content = bytearray(members[name])
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(content) - 1))
        content[place] = draw.draw(st.sampled_from([0, 1, 127, 128, 255, content[place] ^ 1]))
    check(digest({**members, name: bytes(content)}))


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_change_of_the_file_is_refused_or_harmless(data, draw):
    content = bytearray(data)
    n = len(content)
    for _ in range(draw.draw(st.integers(1, 3))):
        # the archive's own bytes: around the members and at the end
        place = draw.draw(st.one_of(st.integers(0, n - 1), st.integers(n - 1800, n - 1), st.integers(0, 60)))
        content[place] = draw.draw(st.integers(0, 255))
    attempt(bytes(content))


def check(members):
    attempt(put_together(members))


def attempt(changed):
    """Load a changed file: an error of one sentence, or a model that predicts probabilities."""
    try:
        model = read_model(changed, name="m")
    except ModelError as error:
        said = str(error)
        refused = said.startswith("m: ") and "\n" not in said and len(said) < 400
        if not refused:
            raise
        return
    try:
        found = model.predict(np.concatenate([IMAGE] * model.n_channels)[:, :12, :12])
    except ModelError:
        return
    assert np.isfinite(found.probabilities).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-4)


if __name__ == "__main__":  # makes the file of version 1; only ever for a new version
    tiny = make_model("logistic", "lightgbm")
    probabilities = tiny.predict(IMAGE, window=(10, 20, 18, 30)).probabilities
    encoded = base64.b64encode(model_bytes(tiny)).decode()
    rows = ["probabilities", *(f"{value:.4f}" for value in probabilities.ravel()), "model"]
    rows += [encoded[i : i + 120] for i in range(0, len(encoded), 120)]
    VERSION_1.write_text("\n".join(rows) + "\n", encoding="ascii")
