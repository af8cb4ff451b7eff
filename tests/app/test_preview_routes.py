from __future__ import annotations

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from granum.app.forms import RecipeShelf
from granum.app.preview_results import ResultFolder
from granum.app.preview_routes import make_recipe_router, make_router
from granum.app.preview_worker import PreviewJob, PreviewMaker, PreviewSource
from granum.app.problems import add_error_handlers
from granum.recipe import list_recipes, load_recipe
from granum.samples import simulate_particles


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A client, and the key of an exact preview of 700 x 600 pixels."""
    folder = tmp_path_factory.mktemp("previews")
    picture = simulate_particles("discs", size=700, count=30, seed=2, dtype="uint16").image[:, :600]
    np.save(folder / "a.npy", picture)
    results = ResultFolder()
    job = PreviewJob(
        1, PreviewSource("0" * 16, folder / "a.npy"), load_recipe("particles"),
        layers=("labels", "image", "peaks", "mask"), folder=results.path / "1",
    )  # fmt: skip
    job.folder.mkdir()
    found = PreviewMaker().make(job)
    key = results.keep(job, found)
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(make_router(results))
    app.include_router(make_recipe_router(RecipeShelf(folder / "recipes")))
    with TestClient(app) as client:
        yield client, key, np.load(found.layers[0].path), picture
    results.close()


def test_tiles_put_together_are_the_labels(served):
    client, key, labels, _ = served
    whole = np.zeros(labels.shape, np.uint32)
    for y in range(2):
        for x in range(2):
            response = client.get(f"/previews/{key}/layers/0/tiles/0/{y}/{x}")
            if response.status_code == 204:
                continue
            rows, columns = map(int, response.headers["x-tile-shape"].split(","))
            tile = np.frombuffer(response.content, "<u4").reshape(rows, columns)
            whole[y * 512 : y * 512 + rows - 2, x * 512 : x * 512 + columns - 2] = tile[1:-1, 1:-1]
    np.testing.assert_array_equal(whole, labels)


def test_tiles_of_the_image_are_its_pixels(served):
    client, key, _, picture = served
    response = client.get(f"/previews/{key}/layers/1/tiles/0/1/1")
    assert response.headers["content-type"] == "application/octet-stream"
    np.testing.assert_array_equal(np.frombuffer(response.content, "<u2").reshape(188, 88), picture[512:, 512:])
    assert client.get(f"/previews/{key}/layers/1/tiles/1/0/0").headers["x-tile-shape"] == "350,300"


def test_points_are_pairs_of_float32(served):
    client, key, labels, _ = served
    points = np.frombuffer(client.get(f"/previews/{key}/layers/2/points").content, "<f4").reshape(-1, 2)
    assert len(points) >= 20
    assert labels[tuple(np.rint(points).astype(int).T)].all()


def test_objects_are_the_table_of_the_preview(served):
    client, key, labels, _ = served
    body = client.get(f"/previews/{key}/objects").json()
    assert body["n_objects"] == labels.max()
    assert body["columns"][0]["values"] == list(range(1, labels.max() + 1))
    assert body["summary"]["n_objects"] == labels.max()


@pytest.mark.parametrize(
    "path",
    [
        "layers/0/tiles/0/2/0", "layers/0/tiles/0/0/2", "layers/0/tiles/9/0/0", "layers/0/tiles/90/0/0",
        "layers/9/tiles/0/0/0", "layers/2/tiles/0/0/0", "layers/0/points",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404_with_a_sentence(served, path):
    client, key, _, _ = served
    response = client.get(f"/previews/{key}/{path}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_tile_of_an_absurd_number_is_refused(served):
    client, key, _, _ = served
    for at in ("-1/0/0", "0/0/99999999999999999999", "0/x/0"):
        assert client.get(f"/previews/{key}/layers/0/tiles/{at}").status_code == 422
    assert client.get("/previews/none/objects").status_code == 404


def test_recipes_are_listed_checked_and_kept(served):
    client = served[0]
    assert [recipe["name"] for recipe in client.get("/recipes").json()["recipes"]] == list(list_recipes())
    body = {"recipe": "particles", "settings": {"separate.choose.min_size": 55}}
    assert "min_size = 55" in client.post("/recipes/check", json=body).json()["toml"]
    assert client.put("/recipes/mine", json=body).json()["name"] == "mine"
    assert client.get("/recipes").json()["recipes"][-1]["name"] == "mine"
    assert client.put("/recipes/particles", json=body).status_code == 409


@pytest.mark.parametrize("value", ["1e9", "-1", "NaN", '"1e400"', "1e400", "[]", "Infinity", "true", "{}"])
def test_an_absurd_setting_is_refused_and_the_sentence_names_what_is_legal(served, value):
    text = f'{{"recipe": "particles", "settings": {{"segment.automatic.smoothing": {value}}}}}'
    response = served[0].post("/recipes/check", content=text, headers={"content-type": "application/json"})
    assert response.status_code == 422
    message = response.json()["error"]["message"]
    assert value == "{}" or "0 to 50" in message


def test_an_unknown_key_is_refused_and_the_nearest_named(served):
    body = {"recipe": "particles", "settings": {"segment.automatic.smothing": 1}}
    response = served[0].post("/recipes/check", json=body)
    assert response.status_code == 422
    assert "did you mean 'smoothing'" in response.json()["error"]["message"]
    assert served[0].post("/recipes/check", json={"recpe": "particles"}).status_code == 422
