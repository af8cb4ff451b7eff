from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from PIL import Image

from granum.errors import EmptyResultError, OutputError
from granum.image import PixelSize
from granum.learn.scribbles import PixelClass
from granum.report import video
from granum.report.video import VideoFrame, write_assay_video
from granum.report.video_panels import PanelPainter

LEGEND = (PixelClass(1, "cell", "#445566"), PixelClass(3, "live", "#56b4e9"), PixelClass(4, "dead", "#d55e00"))
HALF_UM = PixelSize(0.5, 0.5, "um", "typed")


class Field:
    """Frames made when they are asked for: two nuclei, of which the right one dies at frame 3."""

    def __init__(self, n=6, shape=(120, 160), *, roles=("brightfield", "live", "dead"), classes=True, level=1.0):
        self.n, self.shape, self.roles, self.classes, self.level = n, shape, roles, classes, level
        self.read = []

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.read.append(index)
        height, width = self.shape
        spots = {"left": (slice(height // 3, height // 2), slice(width // 8, width // 4))}
        spots["right"] = (spots["left"][0], slice(width // 2, width // 2 + width // 8))
        noise = np.random.default_rng(index).normal(0, 4, (3, height, width))
        planes = {"brightfield": 3000 + 10 * noise[0], "live": 100 + noise[1], "dead": 100 + noise[2]}
        classes = np.zeros(self.shape, np.uint8)
        for name, spot in spots.items():
            dead = name == "right" and index >= 3
            planes["brightfield"][spot] += 500
            planes["live"][spot] += 900 * self.level
            planes["dead"][spot] += 900 * dead * self.level
            classes[spot] = 4 if dead else 3
        given = {role: planes[role] for role in self.roles}
        return VideoFrame(index * 0.5, **given, classes=classes if self.classes else None)


def painter(frames, width=640, unit="h", size=HALF_UM):
    return PanelPainter(frames, width, unit, size, {"live": "Hoechst", "dead": "Draq7"}, LEGEND)


def panel(picture, of, number):
    """Return the inside of a panel of a picture."""
    top = number // of.columns * (of.panel[0] + of.bar) + of.bar
    left = number % of.columns * of.panel[1]
    return picture[top : top + of.panel[0], left : left + of.panel[1]].astype(int)


def films(path):
    film = cv2.VideoCapture(str(path))
    while True:
        there, picture = film.read()
        if not there:
            break
        yield picture
    film.release()


def test_brightfield_and_stains_make_the_four_panels_of_the_seed():
    assert [kind for kind, _ in painter(Field()).panels] == ["composite", "stains", "gradient", "classes"]
    assert painter(Field()).panels[1][1] == "Hoechst (blue), Draq7 (red)"


@pytest.mark.parametrize(
    ("roles", "classes", "kinds"),
    [(("live", "dead"), True, ["stains", "classes"]), (("live",), False, ["stains"]),
     (("brightfield",), True, ["brightfield", "overlay"]), (("brightfield",), False, ["brightfield"]),
     (("brightfield", "live"), False, ["composite", "stains", "gradient"])],
)  # fmt: skip
def test_only_what_is_there_gets_a_panel(roles, classes, kinds):
    assert [kind for kind, _ in painter(Field(roles=roles, classes=classes)).panels] == kinds


def test_a_nucleus_is_blue_and_gets_red_when_it_dies():
    frames = Field()
    of = painter(frames)
    y, x = of.panel[0] * 5 // 12, of.panel[1] * 9 // 16
    before, after = (panel(of.draw(frames[i]), of, 1)[y, x] for i in (0, 5))
    assert before[2] > 200
    assert before[0] < 60
    assert after[0] > 200
    assert after[2] > 200
    live, dead = (panel(of.draw(frames[i]), of, 3)[y, x] for i in (0, 5))
    assert tuple(live) == (0x56, 0xB4, 0xE9)
    assert tuple(dead) == (0xD5, 0x5E, 0x00)


def test_the_contrast_is_that_of_the_series_so_a_stain_that_rises_is_seen_to_rise():
    class Rising(Field):
        def __getitem__(self, index):
            self.level = (index + 1) / self.n
            return super().__getitem__(index)

    frames = Rising()
    of = painter(frames)
    y, x = of.panel[0] * 5 // 12, of.panel[1] * 3 // 16
    blue = [panel(of.draw(frames[i]), of, 1)[y, x, 2] for i in range(6)]
    assert np.abs(np.array(blue) - 255 * np.arange(1, 7) / 6).max() < 12


def test_a_stain_that_nothing_took_stays_dark():
    frames = Field(level=0.0)
    of = painter(frames)
    assert panel(of.draw(frames[0]), of, 1).mean() < 40


def test_the_gradient_does_not_overflow():
    class Step(Field):
        def __getitem__(self, index):
            plane = np.zeros(self.shape, np.uint16)
            plane[:, 80:] = 60000
            return VideoFrame(0.0, plane, plane)

    of = painter(Step())
    assert of.limits["gradient"][1] == pytest.approx(240000)
    inside = panel(of.draw(Step()[0]), of, 2)
    assert inside[:, of.panel[1] // 2 - 1].mean() > 240
    assert inside[:, : of.panel[1] // 3].max() == 0


@pytest.mark.parametrize("shape", [(120, 160), (480, 1080), (37, 41), (2, 900), (1, 1)])
@pytest.mark.parametrize("width", [64, 333, 1280])
def test_pictures_have_even_sizes_within_the_width(shape, width):
    frames = Field(2, shape)
    of = painter(frames, width)
    picture = of.draw(frames[0])
    assert picture.shape == (*of.size, 3)
    assert of.size[0] % 2 == of.size[1] % 2 == 0
    assert of.size[1] <= width + 8
    assert of.size[0] <= width + 4 * of.bar + 8


def test_frames_of_another_size_keep_their_scale_and_the_picture_its_size():
    class Uneven(Field):
        def __getitem__(self, index):
            plane = np.full((100, 140) if index else (120, 160), 50.0)
            plane[10:20, 10:20] = 90
            return VideoFrame(float(index), plane)

    frames = Uneven()
    of = painter(frames)
    first, second = (panel(of.draw(frames[i]), of, 0) for i in (0, 1))
    n = of.panel[0] * 15 // 120
    assert first.shape == second.shape
    assert first[n, n].min() == second[n, n].min() == 255


def test_the_scale_bar_has_the_length_that_it_says():
    frames = Field(2, (480, 640), roles=("brightfield",), classes=False)
    of = painter(frames)
    with_bar, without = (panel(painter(frames, size=size).draw(frames[0]), of, 0) for size in (HALF_UM, None))
    changed = (with_bar != without).any(axis=2) & (with_bar == 255).all(axis=2)
    rows = changed.sum(axis=1)
    assert rows.max() == pytest.approx(100, abs=2)  # 50 um of 160


def test_the_time_stands_in_every_picture_and_numbers_of_frames_have_no_unit():
    frames = Field()
    assert painter(frames)._time_words(2.5) == "2.5 h"
    assert painter(frames, unit="frame")._time_words(12.0) == "frame 12"
    of = painter(frames)
    bars = [of.draw(frames[i])[: of.bar, : of.panel[1]] for i in (0, 1)]
    assert (bars[0] != bars[1]).any()


def test_the_film_has_all_frames_and_shows_them(tmp_path):
    frames = Field(7)
    path = write_assay_video(tmp_path / "a", frames, width=320, legend=LEGEND, pixel_size=HALF_UM)
    assert sorted(tmp_path.iterdir()) == [path]
    if path.suffix == ".gif":
        pytest.skip("this OpenCV has no encoder")
    of = PanelPainter(frames, 320, "h", HALF_UM, {}, LEGEND)
    shown = list(films(path))
    assert len(shown) == 7
    for index in (0, 6):
        assert np.abs(shown[index][:, :, ::-1].astype(int) - of.draw(frames[index])).mean() < 8


def test_frames_are_read_once_and_a_sample_once_more(tmp_path):
    frames = Field(20, (40, 60))
    write_assay_video(tmp_path / "a", frames, width=128)
    assert len(frames.read) <= 20 + 8


def test_without_an_encoder_it_is_a_gif_with_the_same_bytes_every_time(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "_encoders", list)
    path = write_assay_video(tmp_path / "film.mp4", Field(), fps=4, legend=LEGEND)
    assert path == tmp_path / "film.gif"
    first = path.read_bytes()
    assert write_assay_video(tmp_path / "film.mp4", Field(), fps=4, legend=LEGEND).read_bytes() == first
    of = PanelPainter(Field(), 640, "h", None, {}, LEGEND)
    with Image.open(path) as film:
        assert film.n_frames == 6
        assert film.info["duration"] == 250
        assert film.info["loop"] == 0
        for index in (0, 5):
            film.seek(index)
            assert np.abs(np.asarray(film.convert("RGB")).astype(int) - of.draw(Field()[index])).mean() < 6


def test_an_encoder_that_loses_frames_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "_encode", lambda *_: False)
    assert write_assay_video(tmp_path / "film", Field(2), gif=False).suffix == ".gif"
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"]


def test_no_frame_and_no_picture_are_said(tmp_path):
    for frames in ([], [VideoFrame(0.0), VideoFrame(1.0)]):
        with pytest.raises(EmptyResultError, match="picture"):
            write_assay_video(tmp_path / "a", frames)
    assert not list(tmp_path.iterdir())


def test_a_frame_without_pictures_is_black_and_breaks_nothing(tmp_path):
    frames = [Field()[0], VideoFrame(1.0), Field()[5]]
    path = write_assay_video(tmp_path / "a", frames, gif=True)
    with Image.open(path) as film:
        assert film.n_frames == 3


def test_a_place_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(video, "_write_gif", full)
    with pytest.raises(OutputError, match="No space left"):
        write_assay_video(tmp_path / "a", Field(2), gif=True)


@pytest.mark.slow
def test_a_browser_plays_the_film(tmp_path, chromium):
    path = write_assay_video(tmp_path / "a", Field(6), width=320, fps=12)
    if path.suffix == ".gif":
        pytest.skip("this OpenCV has no encoder")
    page = chromium.new_page()
    data = base64.b64encode(path.read_bytes()).decode()
    page.set_content(f'<video muted src="data:video/mp4;base64,{data}"></video>')
    played = page.evaluate(
        """async () => {
            const film = document.querySelector("video");
            await film.play();
            await new Promise((done) => film.addEventListener("ended", done));
            return [film.videoWidth, film.videoHeight, film.duration, film.error];
        }"""
    )
    assert played[:2] == [320, next(films(path)).shape[0]]
    assert played[2] == pytest.approx(0.5, abs=0.1)
    assert played[3] is None
