from __future__ import annotations

import typing

import numpy as np
import pytest

from granum import pipeline
from granum.channel_roles import ASSAY_KINDS, ChannelRole, find_channels, role_named, swapped_patterns
from granum.errors import RecipeError, SettingError
from granum.image import Image
from granum.plate.assay import Kind
from granum.recipe import parse_recipe

ROLES = (
    ChannelRole("brightfield", ("BF", "TL", "transmitted"), optional=True),
    ChannelRole("live", ("Hoechst", "DAPI", "calcein"), about="All nuclei."),
    ChannelRole("dead", ("Draq7", "Cy5", "EthD-1", "PI")),
)
RECIPE = """
name = "two-stains"
assay = "live-dead"

[channels.brightfield]
names = ["BF"]
optional = true

[channels.live]
names = ["Hoechst", "DAPI"]
about = "All nuclei."

[channels.dead]
names = ["Draq7"]

[[step]]
do = "stand_in.above"
from = { image = "channel.live", area = "channel.brightfield" }
"""


def image_of(*names, n=3, **about):
    n = len(names) or n
    return Image.from_array(
        np.arange(n * 6).reshape(n, 2, 3).astype(np.uint8), axes="CYX", channel_names=names, **about
    )


def find(image, roles=ROLES, **given):
    found, _ = find_channels(roles, image, given, recipe="two-stains")
    return {role: (one.source, one.stain) for role, one in found.items()}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("live", "dead"), {"live": (0, "live"), "dead": (1, "dead")}),
        (("Cy5", "Hoechst 33342"), {"live": (1, "Hoechst 33342"), "dead": (0, "Cy5")}),
        (
            ("TL_BF", "dapi", "Draq7 (Cy5)"),
            {"brightfield": (0, "TL_BF"), "live": (1, "dapi"), "dead": (2, "Draq7 (Cy5)")},
        ),
        (("Bright Field", "Calcein-AM", "EthD1"), {"brightfield": (0, "Bright Field"), "live": (1, "Calcein-AM"),
                                                   "dead": (2, "EthD1")}),
        (("DAPI", "Cy 5", "FITC"), {"live": (0, "DAPI"), "dead": (1, "Cy 5")}),
    ],
)  # fmt: skip
def test_roles_are_found_by_what_files_call_their_channels(names, found):
    assert find(image_of(*names)) == found


def test_a_name_within_a_word_or_a_number_is_none():
    with pytest.raises(SettingError, match=r"finds no channel for dead"):
        find(image_of("DAPI", "Cy5.5", "pixel"))


def test_typed_channels_win_over_the_names_of_the_file_and_any_name_of_a_role_will_do():
    image = image_of("Hoechst", "Cy5", "other")
    assert find(image, draq7="2") == {"live": (0, "Hoechst"), "dead": (2, "draq7")}
    assert find(image, DEAD=2, live="hoechst") == {"live": (0, "Hoechst"), "dead": (2, "DEAD")}
    with pytest.raises(SettingError, match=r"'PI': is the same as 'dead'"):
        find(image, dead=1, PI=2)


def test_an_optional_role_may_be_missing_or_not_wanted_and_a_needed_one_not():
    image = image_of("BF", "DAPI", "PI")
    assert list(find(image)) == ["brightfield", "live", "dead"]
    assert list(find(image, brightfield="none")) == ["live", "dead"]
    with pytest.raises(SettingError, match="does not work without dead"):
        find(image, dead="none")


def test_a_missing_role_says_its_names_what_there_is_and_what_to_type():
    with pytest.raises(SettingError) as caught:
        find(image_of("BF", "C2", "Draq7"))
    text = str(caught.value)
    assert "live (All nuclei, called live, Hoechst, DAPI, calcein)" in text
    assert "has 3 channels: 0 (BF), 1 (C2), 2 (Draq7)" in text
    assert text.endswith("as in --channel live=1.")
    with pytest.raises(SettingError, match=r"2 channels without names: 0, 1.* --channel live=0 --channel dead=1\.$"):
        find(image_of(n=2))
    with pytest.raises(SettingError, match=r"in which files it is, as in --channel live=\*_w1.tif"):
        find(image_of(n=1))


def test_two_channels_for_one_role_and_one_for_two_are_errors():
    with pytest.raises(SettingError, match=r"0 \(DAPI\) and 2 \(Hoechst\) could both be live; .* --channel live=0"):
        find(image_of("DAPI", "PI", "Hoechst"))
    assert find(image_of("DAPI", "PI", "live"))["live"] == (2, "live")
    with pytest.raises(SettingError, match=r"channel 0 live/dead would be both live and dead"):
        find(image_of("live/dead", "x"))
    with pytest.raises(SettingError, match=r"channel 1 .*both live and dead"):
        find(image_of(n=2), live=1, dead="1")


def test_the_same_file_twice_is_one_channel_for_two_roles(tmp_path):
    image, same = image_of(n=1, source=tmp_path / "a.tif"), image_of(n=1, source=tmp_path / "a.tif")
    other = image_of(n=1, source=tmp_path / "b.tif")
    with pytest.raises(SettingError, match=r"a\.tif would be both live and dead"):
        find(image, live=0, dead=same)
    with pytest.raises(SettingError, match=r"b\.tif would be both"):
        find(image, live=other, dead=other)
    assert find(image, Hoechst=same, dead=other)["live"] == (same, "Hoechst")


def test_a_channel_given_for_one_role_and_called_like_another_is_noted():
    _, notes = find_channels(ROLES, image_of("Draq7", "Hoechst"), {"live": 0, "dead": 1})
    assert len(notes) == 2
    assert "'Draq7', which is a name of dead; are the channels swapped" in notes[0]
    assert find_channels(ROLES, image_of("Hoechst", "Draq7"), {"live": 0, "dead": 1})[1] == []


@pytest.mark.parametrize(
    ("patterns", "noted"),
    [
        ({"hoechst": "*_draq7.tif", "draq7": "*_hoechst.tif"}, ["hoechst", "draq7"]),
        ({"live": "*_PI_w1.tif", "dead": "*_w2.tif"}, ["live"]),
        ({"hoechst": "*_hoechst.tif", "draq7": "*_draq7.tif"}, []),
        ({"live": "*_w1.tif", "dead": "*_w2.tif"}, []),
        # a name in the patterns of both is that of the experiment
        ({"live": "hoechst_*_w1.tif", "dead": "hoechst_*_w2.tif"}, []),
        ({"live": "hoechst_draq7_*_w1.tif", "dead": "hoechst_draq7_*_w2.tif"}, []),
    ],
)
def test_a_pattern_given_for_one_role_and_called_like_another_is_noted(patterns, noted):
    notes = swapped_patterns(ROLES, patterns)
    assert [note.split(":")[0] for note in notes] == [f"channel {word}" for word in noted]
    assert all("are the channels swapped?" in note for note in notes)


def test_the_name_of_a_file_in_place_of_a_pattern_is_told():
    with pytest.raises(SettingError, match=r"A pattern of files needs a \*"):
        find(image_of("DAPI", "PI"), live="a_hoechst.tif")


def test_a_recipe_of_one_needed_role_takes_the_only_channel():
    roles = (ChannelRole("phase"), ChannelRole("dead", optional=True))
    assert find(image_of(n=1), roles) == {"phase": (0, "phase")}
    with pytest.raises(SettingError, match="finds no channel for phase"):
        find(image_of(n=2), roles)


def test_at_least_one_role_must_be_there():
    roles = (ChannelRole("phase", optional=True), ChannelRole("dead", optional=True))
    with pytest.raises(SettingError, match="finds no channel for phase"):
        find(image_of("a", "b"), roles)
    assert find(image_of("a", "dead"), roles) == {"dead": (1, "dead")}
    assert find(image_of(n=1), roles[:1]) == {"phase": (0, "phase")}


def test_a_wrong_channel_number_says_what_the_file_has():
    with pytest.raises(SettingError, match=r"'live': image: no channel 7; it has 0 \(DAPI\)"):
        find(image_of("DAPI", "PI"), live=7)


def test_a_role_knows_its_names():
    assert role_named(ROLES, "ethd1") == "dead"
    assert role_named(ROLES, "hoechst 33342") is None
    assert role_named(ROLES, "-") is None


@pytest.mark.usefixtures("stand_ins")
class TestInRecipes:
    def test_roles_and_the_assay_are_read_and_written_again(self):
        recipe = parse_recipe(RECIPE)
        assert recipe.assay == "live-dead"
        assert recipe.channels == ("brightfield", "live", "dead")
        assert [role.optional for role in recipe.roles] == [True, False, False]
        assert recipe.roles[1] == ChannelRole("live", ("Hoechst", "DAPI"), False, "All nuclei.")
        assert parse_recipe(recipe.to_toml()) == recipe
        assert parse_recipe(recipe.to_toml()).to_toml() == recipe.to_toml()
        assert not recipe.reads_image

    def test_the_assays_are_those_of_plates(self):
        assert set(ASSAY_KINDS) == set(typing.get_args(Kind))

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('assay = "live-dead"', 'assay = "livedead"', "did you mean 'live-dead'"),
            ('assay = "live-dead"', "assay = 3", "assay = 3; there are live-dead, confluency"),
            ("optional = true", "optionl = true", r"\[channels.brightfield\]: unknown key 'optionl'; did you mean"),
            ("optional = true", "optional = 1", "optional must be true or false"),
            ("about = ", "about = 3 #", "about a text"),
            ('names = ["BF"]', 'names = "BF"', "must be a list of texts"),
            ('names = ["BF"]', 'names = ["-"]', "must be a list of texts"),
            ('names = ["BF"]', 'names = ["dapi"]', r"the name 'DAPI' belongs to \[channels.brightfield\] already"),
            ('names = ["BF"]', 'names = ["LIVE"]', r"the name 'live' belongs to \[channels.brightfield\] already"),
            ("[channels.dead]", "[channels.Dead]", "small letters"),
            ("[channels.dead]", "[channels.image]", "not 'image'"),
            ('"channel.live"', '"channel.liv"', r"no table in \[channels\]; did you mean 'channel.live'"),
            ('{ image = "channel.live"', '{ image = "channel.brightfield"', r"\[channels.brightfield\] is optional"),
            ("[channels.brightfield]", "[[channels]]", "channels must be tables"),
            ('assay = "live-dead"', 'asay = "live-dead"', "unknown key 'asay'; did you mean 'assay'"),
        ],
    )
    def test_a_wrong_table_says_where_and_what(self, old, new, message):
        with pytest.raises(RecipeError, match=message):
            parse_recipe(RECIPE.replace(old, new), where="mine.toml")

    def test_the_pipeline_hands_out_what_was_found_and_shows_the_first(self):
        recipe = parse_recipe(RECIPE.replace(', area = "channel.brightfield"', ""))
        image = image_of("PI", "Hoechst 33342", "BF")
        result = pipeline.run(recipe, image, channels={"dead": 0})
        assert result.layers["stains"] == {"brightfield": "BF", "live": "Hoechst 33342", "dead": "dead"}
        np.testing.assert_array_equal(result.picture, image.plane(channel=2))
        np.testing.assert_array_equal(result.layers["channel.live"], image.plane(channel=1))
        assert result.layers["mask"].sum() == (image.plane(channel=1) > 10).sum() == 1

    def test_a_missing_optional_role_leaves_no_layer_and_steps_run_without(self):
        image = image_of("Hoechst", "Draq7")
        result = pipeline.run(parse_recipe(RECIPE), image)
        assert "channel.brightfield" not in result.layers
        assert result.layers["stains"] == {"live": "Hoechst", "dead": "Draq7"}
        np.testing.assert_array_equal(result.picture, image.plane(channel=0))

    def test_a_channel_that_is_none_of_the_recipe_is_an_error(self):
        with pytest.raises(SettingError, match=r"reads only brightfield, live, dead; did you mean 'Hoechst'"):
            pipeline.run(parse_recipe(RECIPE), image_of("Hoechst", "Draq7"), channels={"hoecst": 0})
