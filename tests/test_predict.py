"""`layerwise evaluate`, `predict`, `models` and `data`: what becomes of a run."""

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import call, refused, run
from examples_of_data import OWN, write_houses, write_images, write_pets, write_song

import layerwise as lw
from layerwise.commands import leaving
from layerwise.commands.networks import MODELS
from layerwise.commands.recipes import RECIPES


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of every kind of data."""
    folder = tmp_path_factory.mktemp("trained")
    write_pets(folder / "pets.csv")
    write_houses(folder / "houses.csv")
    write_images(folder / "photos")
    write_song(folder / "song.txt")
    (folder / "own.py").write_text(OWN)
    table = ("--epochs", 20, "--out")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(leaving, "pictures", lambda run, trainer, task: [])
        for words in [
            ("digits", "--epochs", 8, "--out", "digits"),
            ("digits", "--epochs", 2, "--model", "own.py:net", "--out", "own"),
            ("pets.csv", "--target", "pet", "--drop", "name", *table, "pets"),
            ("houses.csv", "--target", "price", *table, "houses"),
            ("photos", "--size", 12, "--model", "multi_layer_net", "--hidden", 50,
             *("--epochs", 40, "--batch-size", 10, "--out", "places")),
            ("song.txt", "--length", 16, "--hidden", 32, "--epochs", 12, "--out", "song"),
        ]:  # fmt: skip
            result = call("train", *words)
            assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def there(trained, monkeypatch):
    """The folder with these runs, to be looked at only."""
    monkeypatch.chdir(trained)
    return trained


@pytest.fixture
def copied(trained, here):
    """Runs to be changed."""
    for name in ("digits", "pets", "song"):
        shutil.copytree(trained / name, here / name)
    return here


def said(*words):
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def drawn(n, path, size=(8, 8), ink=True, mode="RGB"):
    """One of the held-out digits as a picture, black on white; its class."""
    from PIL import Image

    (x, t) = lw.data.digits(flatten=False).test
    pixels = 255 * (1 - x[n, 0] if ink else x[n, 0])
    Image.fromarray(np.round(pixels).astype("uint8")).resize(size).convert(mode).save(path)
    return str(t[n])


# ---------------------------------------------------------------- evaluate


def test_evaluate_says_again_what_the_training_said(there):
    for name in ("digits", "pets", "houses", "places", "song"):
        test = json.loads(Path(name, "result.json").read_bytes())["test"]
        values = json.loads(said("evaluate", name, "--json"))
        assert values.pop("rows") > 0 and values == test


def test_evaluate_has_a_line_for_each_class(there):
    lines = said("evaluate", "digits").splitlines()
    assert (
        lines[0].startswith("Right on the test part: 9")
        and " of 360 images. The loss is " in (lines[0])
    )
    assert lines[2].split() == ["class", "rows", "right", "most", "often", "mistaken", "for"]
    rows = [line.split()[:2] for line in lines[4:]]
    assert [name for name, _ in rows] == [*"0123456789"]
    assert sum(int(count) for _, count in rows) == 360
    assert said("evaluate", "houses").count("\n") == 1


def test_evaluate_on_other_data(there, tmp_path):
    assert json.loads(said("evaluate", "digits", "digits", "--json"))["rows"] == 360
    assert said("evaluate", "digits", "digits").startswith("Right on the test part: ")
    assert said("evaluate", "pets", "pets.csv").startswith("Right on all of pets.csv: ")
    assert json.loads(said("evaluate", "pets", "pets.csv", "--json"))["rows"] == 200
    assert json.loads(said("evaluate", "houses", "houses.csv", "--json"))["rows"] == 200
    assert json.loads(said("evaluate", "song", "song.txt", "--json"))["rows"] > 200
    for n in range(20):
        name = str(lw.data.digits().test[1][n])
        (tmp_path / name).mkdir(exist_ok=True)
        drawn(n, tmp_path / name / f"{n}.png")
    values = json.loads(said("evaluate", "digits", tmp_path, "--json"))
    assert values["rows"] == 20 and values["accuracy"] > 0.8
    assert json.loads(said("evaluate", "places", "photos", "--json"))["rows"] == 60


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("nowhere", "nowhere: expected the folder of a run, but there is no such folder."),
        ("own.py", "own.py: expected the folder of a run, but it is a file."),
        (".", ".: no run is there, since it has no settings.json."),
        ("digits pets.csv", "digits has learned a set of images, but pets.csv is a table."),
        ("pets song.txt", "pets has learned a table, but song.txt is a text."),
        ("digits mnits", "mnits: there is no data set of this name, and no such file or folder. "
                         "Did you mean mnist?"),
        ("pets houses.csv", "houses.csv has no column 'pet'; it has 'area', 'rooms', 'age', "
                            "'price'."),
        ("digits photos", "photos/day: digits knows no class 'day'; it knows 0, 1, 2, 3, 4, 5, 6, "
                          "7, 8, 9."),
        ("own", "own: the network is made of layers of your own. Name the file that has them: "
                f"--layers {Path('own', 'model.py')}"),
    ],
)  # fmt: skip
def test_evaluate_refuses_in_one_line(words, text, there):
    assert refused("evaluate", *words.split()) == text


def test_layers_of_ones_own_are_taken_from_a_file_that_was_named(there, tmp_path):
    assert said("evaluate", "own", "--layers", "own/model.py").startswith("Right on the test part")
    (tmp_path / "empty.py").write_text("x = 1")
    text = refused("evaluate", "own", "--layers", tmp_path / "empty.py")
    assert "there is no layer class in it" in text


def test_a_test_part_that_nobody_knows(copied, trained):
    """Of data that has changed, it is not known which rows were learned from."""
    settings = json.loads((copied / "pets" / "settings.json").read_bytes())
    lines = (trained / "pets.csv").read_text().splitlines()
    Path("pets.csv").write_text("\n".join(lines[:-1]))
    settings["data"] = str(copied / "pets.csv")
    Path("pets", "settings.json").write_text(json.dumps(settings))
    text = refused("evaluate", "pets")
    assert text.startswith("pets.csv is not what it was when pets was begun, so nobody knows which")
    assert text.endswith("layerwise evaluate pets pets.csv")
    assert json.loads(said("evaluate", "pets", "pets.csv", "--json"))["rows"] == 199


# ---------------------------------------------------------------- predict


def test_predict_takes_images_of_any_size_and_colour(there, tmp_path):
    names = [
        drawn(0, tmp_path / "small.png"),
        drawn(1, tmp_path / "large.png", size=(120, 130), mode="L"),
        drawn(2, tmp_path / "photo.jpg", size=(64, 64)),
        drawn(3, tmp_path / "clear.png", size=(40, 40), mode="RGBA"),
    ]
    files = [tmp_path / name for name in ("small.png", "large.png", "photo.jpg", "clear.png")]
    found = json.loads(said("predict", "digits", *files, "--json"))
    assert [one["file"] for one in found] == [str(file) for file in files]
    assert [one["class"] for one in found] == names
    for one in found:
        assert list(one["probabilities"]) == [*"0123456789"]
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert one["probability"] == max(one["probabilities"].values())
        assert one["probabilities"][one["class"]] == one["probability"]


def test_an_image_is_read_as_in_training(there, tmp_path):
    """The same pixels give the same probabilities as the row of the data itself."""
    drawn(5, tmp_path / "five.png")
    found = json.loads(said("predict", "digits", tmp_path / "five.png", "--json"))
    net = lw.load("digits/net.safetensors")
    x, _ = lw.data.digits().test
    scores = lw.Softmax().forward(net.predict(1 - np.round(255 * (1 - x[5:6])) / 255))
    assert list(found[0]["probabilities"].values()) == pytest.approx(scores[0].tolist(), abs=1e-5)
    drawn(5, tmp_path / "light.png", ink=False)
    found_light = json.loads(
        said("predict", "digits", tmp_path / "light.png", "--invert", "--json")
    )
    assert found_light[0]["probabilities"] == pytest.approx(found[0]["probabilities"], abs=0.02)


def test_predict_takes_all_images_in_a_folder(there, tmp_path):
    for name in ("10.png", "2.png", "notes.txt"):
        drawn(0, tmp_path / name) if name != "notes.txt" else (tmp_path / name).write_text("")
    found = json.loads(said("predict", "digits", tmp_path, tmp_path / "2.png", "--json"))
    assert [Path(one["file"]).name for one in found] == ["2.png", "10.png", "2.png"]


def test_predict_prints_a_table(there, tmp_path):
    name = drawn(0, tmp_path / "a.png")
    head, _, row = said("predict", "digits", tmp_path / "a.png").splitlines()
    assert head.split() == ["file", "class", "probability", "then"]
    assert row.split()[:2] == [str(tmp_path / "a.png"), name] and row.count(" %") == 3
    head, _, row = said("predict", "digits", tmp_path / "a.png", "--top", 1).splitlines()
    assert head.split() == ["file", "class", "probability"] and row.count(" %") == 1


def test_predict_takes_rows_of_tables(there, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("home,weight,legs\ncage,0.3,2\nhouse,22,4\n")
    found = json.loads(said("predict", "pets", new, "--json"))
    assert [(one["file"], one["row"], one["class"]) for one in found] == [
        *((str(new), 1, "bird"), (str(new), 2, "dog"))
    ]
    rows = list(csv.DictReader(io.StringIO(said("predict", "pets", new, "--csv"))))
    assert list(rows[0]) == ["file", "row", "class", "probability", "p(bird)", "p(cat)", "p(dog)"]
    assert float(rows[1]["p(dog)"]) == found[1]["probability"]

    new.write_text("area,rooms,age\n100,4,10\n40,2,70\n")
    first, second = json.loads(said("predict", "houses", new, "--json"))
    assert list(first) == ["file", "row", "price"]
    assert first["price"] > 250_000 > second["price"]
    assert said("predict", "houses", new).splitlines()[0].split() == ["file", "row", "price"]


def test_predict_continues_a_text(there):
    words = ("predict", "song", "la la", "--length", 40)
    text = said(*words)
    assert text.startswith("la la") and len(text) == 5 + 40 + 1
    assert text == said(*words) != said(*words, "--seed", 1, "--temperature", 3)
    assert said(*words, "--temperature", 0.01) == said(*words, "--temperature", 0.01, "--seed", 1)
    assert said("predict", "song", "la", "la", "--length", 0) == "la la\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("digits nothing.png", "nothing.png: there is no such file. Check the name."),
        ("digits pets.csv", "pets.csv: expected a PNG or JPEG image. Is it another kind?"),
        ("pets photos/day/0.png", "photos/day/0.png: expected a text in UTF-8, but byte 0 is 0x89. "
                                  "Store it as UTF-8."),
        ("pets houses.csv", "houses.csv has no column 'legs'; it has 'area', 'rooms', 'age', "
                            "'price'."),
        ("pets pets.csv --invert", "--invert is for images, but pets has learned a table."),
        ("song la --invert", "--invert is for images, but song has learned a text."),
        ("pets pets.csv --length 0", "--length is for a text, but pets has learned a table."),
        ("digits a.png --seed 0", "--seed is for a text, but digits has learned a set of images."),
        ("places a.png --temperature 1", "--temperature is for a text, but places has learned a "
                                         "set of images."),
        ("song song.txt", "song.txt is a file, but song continues a text that is given as it is: "
                          'layerwise predict song "Once upon a time"'),
        ("song la --top 1", "--top is for classes, but song has learned a text."),
        ("houses houses.csv --top 1", "--top is for classes, but houses tells 'price'."),
        ("pets pets.csv --top 1 --json", "--top is for the table; --json always has all classes."),
        ("pets photos", "photos is a folder. Give the name of a file in it."),
        ("pets none.csv", "none.csv: there is no such file. Check the name."),
        ("places photos", "photos: the folder has no images, .png, .jpg, .jpeg. If it has a folder "
                          "of images for each class: layerwise evaluate places photos"),
        ("digits a.png --json --csv", "--json and --csv: choose one of them."),
        ("song a --json", "--json is for classes and numbers, but song has learned a text."),
        ("song Z", "The text has no 'Z'; it has '\\n ,.;adeghiklnorstw'."),
        ("song a --temperature 0", "--temperature 0: give a number above 0."),
    ],
)  # fmt: skip
def test_predict_refuses_in_one_line(words, text, there):
    assert refused("predict", *words.split()) == text


def test_a_prompt_of_nothing(there):
    text = "Give the beginning of a text, at least a character."
    assert refused("predict", "song", "") == text


def test_as_a_person_calls_it(there, tmp_path):
    name = drawn(0, tmp_path / "a.png")
    done = run("predict", "digits", str(tmp_path / "a.png"), folder=there)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[2].split()[1] == name
    done = run("evaluate", "nowhere", folder=there)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: nowhere: expected the folder of a run, but there is no such folder.\n"
    )


# ---------------------------------------------------------------- damaged runs

IMAGE = '{"layerwise recipe": 1, "kind": "image"}'


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("settings.json", None, "digits: no run is there, since it has no settings.json."),
        ("settings.json", "{}", "this version of layerwise has not written it"),
        ("settings.json", "no json", "the settings of the run are damaged: Expecting value"),
        ("settings.json", '{"layerwise run": 9}', "this version of layerwise has not"),
        ("settings.json", '{"layerwise run": 1, "seed": 3}', "is too much or missing"),
        ("recipe.json", None, "The run is damaged: digits/recipe.json: it cannot be read: No such"),
        ("recipe.json", IMAGE, "The run is damaged: digits/recipe.json: expected a recipe, but: "),
        ("net.safetensors", None, "digits: the run has no network yet"),
        ("net.safetensors", "nothing", "digits/net.safetensors: the file is damaged"),
    ],
)
def test_a_damaged_run_is_one_line(name, content, text, copied):
    path = Path("digits", name)
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert text in refused("evaluate", "digits")
    assert text in refused("predict", "digits", "a.png")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, {"no": "thing"}) for name in ("data", "hidden", "lr", "augment", "seed", "kind")),
        *(("kind", "text"), ("kind", "song"), ("data", "write_idx"), ("optimizer", "magic")),
        *(("epochs", 0), ("batch_size", -1), ("validation", 2.0), ("seed", True), ("lr", "1")),
        *(("hidden", ["1"]), ("augment", ["turn 3"]), ("schedule", ""), ("engine", "steam")),
    ],
)
def test_a_setting_that_cannot_be_is_damage(name, value, copied):
    settings = json.loads(Path("digits", "settings.json").read_bytes())
    settings[name] = value
    Path("digits", "settings.json").write_text(json.dumps(settings))
    text = refused("evaluate", "digits")
    wrong = "kind" if name == "data" and isinstance(value, str) else name
    assert f"the settings of the run are damaged: {wrong} " in text


def test_a_network_that_does_not_fit_its_recipe(copied):
    drawn(0, "a.png")
    shutil.copy("song/net.safetensors", "digits")
    text = refused("predict", "digits", "a.png")
    assert text.startswith("digits: the run is damaged, its network and its recipe do not fit: ")
    assert refused("evaluate", "digits") == text


def test_what_could_not_be_computed_is_null_in_json():
    values = {"loss": 0.5, "r2": None, "mae": float("nan")}
    assert leaving.plain_values(values) == {"loss": 0.5, "r2": None, "mae": "nan"}


# ---------------------------------------------------------------- models and data


def test_models_are_listed(here):
    lines = said("models").splitlines()
    rows = [line.split("  ")[0] for line in lines[2 : lines.index("")]]
    assert rows == [*MODELS] == lw.models.__all__ or sorted(rows) == sorted(lw.models.__all__)
    lenet = next(line for line in lines if line.startswith("lenet5"))
    assert lenet.split()[1:3] == ["61,706", "images"]


def test_every_model_of_the_library_can_be_chosen():
    assert sorted(MODELS) == sorted(lw.models.__all__)
    assert {how.model for how in RECIPES.values()} <= set(MODELS)


def test_data_are_listed_with_the_place_of_their_files(here, monkeypatch):
    monkeypatch.setenv("LAYERWISE_DATA", str(here))
    lines = said("data").splitlines()
    assert [line.split()[0] for line in lines[2:6]] == [one.name for one in lw.data.sets()]
    assert lines[2].endswith("comes with the library")
    assert lines[3].endswith("12 MB, to be downloaded when first used")
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        kind = "idx3" if "images" in name else "idx1"
        (here / f"{name}-{kind}-ubyte").write_bytes(b"")
    assert said("data").splitlines()[3].endswith(str(here))
