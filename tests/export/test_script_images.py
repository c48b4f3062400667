"""The code of a run on pictures: reads them as the app does, and gives the run's figures without this package."""

import ast
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from imagenet import weights as imagenet_weights
from pictures import GREY, packed, plain, zipped
from PIL import Image
from scripts import printed_by

from lrapp.execution import room, worker
from lrapp.export import finished_image_run, finished_run, script_images
from lrapp.export import script as codegen
from lrapp.images import datasets
from lrapp.images.pixels import read_picture
from lrapp.preparation.image_arrays import prepare_images
from lrapp.runs.store import Store
from lrapp.settings import (
    AugmentationSettings,
    CLRSettings,
    DataSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PictureFileSource,
    PictureSettings,
    PicturesSource,
    PretrainedStart,
    RunSettings,
    TrainingSettings,
)

Row = LayerSettings
MODEL = ModelSettings(
    layers=(
        Row(kind="conv", units=6, batch_norm=True, dropout=0.1),
        Row(kind="residual", units=8, stride=2),
        Row(kind="residual", units=8),
        Row(kind="max_pool", size=2),
        Row(units=16, l2=1e-3, activation="gelu"),
    ),
    augmentation=AugmentationSettings(flip="both", shift=0.1, rotate=10, zoom=0.1, contrast=0.1),
)
DIGITS = PicturesSource(name="digits")
CASES = {
    "digits": RunSettings(
        data=DataSettings(source=DIGITS),
        model=MODEL,
        training=TrainingSettings(epochs=4),
        policy=CLRSettings(base_lr=1e-3, max_lr=1e-2, step_size=2),
    ),
    "some digits, weighted": RunSettings(
        data=DataSettings(
            source=DIGITS,
            class_weights=True,
            pictures=PictureSettings(only_classes=("7", "1"), most_rows=90),
        ),
        model=ModelSettings(layers=(Row(kind="conv", units=4), Row(kind="global_avg_pool"))),
        training=TrainingSettings(epochs=3),
        policy=OneCycleSettings(),
    ),
    "pretrained": RunSettings(
        data=DataSettings(source=DIGITS, pictures=PictureSettings(only_classes=("7", "1"), most_rows=96)),
        model=ModelSettings(layers=(Row(units=4),), start=PretrainedStart(size=32)),
        training=TrainingSettings(
            epochs=3, groups=GroupSettings(early=0.1, middle=0.3, frozen_epochs=1, early_frozen_epochs=1)
        ),
        policy=CLRSettings(base_lr=1e-4, max_lr=1e-3, step_size=2),
    ),
    "own": RunSettings(
        data=DataSettings(
            source=PictureFileSource(name="o\nwn.zip", sha256="0" * 64), pictures=PictureSettings(size=8)
        ),
        model=ModelSettings(layers=(Row(units=8),)),
        training=TrainingSettings(epochs=3, batch_size=8),
    ),
    "in blocks": RunSettings(
        data=DataSettings(source=DIGITS, pictures=PictureSettings(only_classes=("7", "1"), most_rows=90)),
        model=ModelSettings(layers=(Row(units=8),)),
        training=TrainingSettings(epochs=3, batch_size=8),
    ),
}

_AFTER = """
    print("RESULT", json.dumps(made["history"].history["val_loss"]))
    np.savez("seen.npz", *(made[f"{kind}_{part}"] for part in ("train", "validation", "test") for kind in "xy"))"""

Done = dict[str, tuple[finished_image_run.PictureRecipe, Path, str]]


def _own_pictures() -> bytes:
    """Two classes, with a name twice, of which one is broken, and something loose."""
    rng = np.random.default_rng(0)
    files = [("top/loose.png", GREY), ("top/a/1.png", b"\x89PNG broken")]
    for number in range(24):
        for name, bright in (("a", 40), ("b c", 160)):
            pixels = rng.integers(bright, bright + 90, (9, 14, 3), np.uint8)
            files.append((f"top/{name}/{number}.png", packed(Image.fromarray(pixels))))
    return zipped(files)


@pytest.fixture(scope="module")
def done_again(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Each case's run, the folder of its script, and what that printed in a process without this package."""
    home = tmp_path_factory.mktemp("code-pictures")
    store = Store(home / "store")
    imagenet_weights.keep("MobileNetV2", 224, home)
    with pytest.warns(UserWarning, match="Duplicate name"):
        own = _own_pictures()
    made: dict[str, tuple[finished_image_run.PictureRecipe, Path]] = {}
    for case, settings in CASES.items():
        source = settings.data.source
        if isinstance(source, PictureFileSource):
            kept = source.model_copy(update={"sha256": store.keep_file(own, "own.zip").sha256})
            settings = settings.model_copy(  # noqa: PLW2901
                update={"data": settings.data.model_copy(update={"source": kept})}
            )
        run = store.create(settings.model_copy(update={"closer_look": False}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keras.src.utils.file_utils.config, "keras_home", lambda: str(home))
            if case == "in blocks":
                patch.setattr(room, "needed", lambda settings, prepared, began: (0, 24))
            outcome = worker.work(run.folder, store.home)
        run.set_status(state=outcome.state, message=outcome.message)
        recipe = finished_image_run.picture_recipe(run, store)
        folder = home / case
        folder.mkdir()
        (folder / "train.py").write_text(codegen.script(recipe), "utf-8")
        (folder / finished_run.SPLIT).write_bytes(recipe.split)
        if recipe.archive is not None:
            (folder / finished_image_run.ARCHIVE).write_bytes(recipe.archive.read_bytes())
        made[case] = recipe, folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        printed = printed_by({case: folder for case, (_, folder) in made.items()}, _AFTER)
    return {case: (*made[case], printed[case]) for case in made}


@pytest.mark.parametrize("case", CASES)
def test_the_script_does_the_run_again_without_this_package(case: str, done_again: Done) -> None:
    recipe, folder, printed = done_again[case]
    script = (folder / "train.py").read_text("utf-8")
    assert "lrapp" not in script
    assert ("in_blocks" in script) == (case == "in blocks")
    # The same pictures in the same parts ...
    with np.load(folder / "seen.npz") as seen:
        arrays = list(seen.values())
    parts = (recipe.prepared.train, recipe.prepared.validation, recipe.prepared.test)
    for x, y, part in zip(arrays[::2], arrays[1::2], parts, strict=True):
        np.testing.assert_array_equal(x, part.x)
        np.testing.assert_array_equal(y.ravel(), part.y)
        assert y.dtype == part.y.dtype
    # ... the same history ...
    losses = json.loads(re.findall("RESULT (.*)", printed)[0])
    assert losses[:2] == pytest.approx([epoch.val_loss for epoch in recipe.history.epochs[:2]], rel=1e-3)
    assert len(losses) == len(recipe.history.epochs)
    # ... and the same figure at the end, within what the script says.
    figure = float(re.findall(r"accuracy on the test pictures: (\S+)", printed)[0])
    assert recipe.scores is not None
    value = recipe.scores.metrics[0].value
    assert value is not None
    assert figure == pytest.approx(value, abs=max(0.02, 2.01 / recipe.scores.rows))


def test_the_notebook_of_pictures_holds_the_same_code(done_again: Done) -> None:
    recipe, folder, _ = done_again["own"]
    notebook = json.loads(codegen.notebook(recipe))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    script = (folder / "train.py").read_text("utf-8")
    assert ast.dump(ast.parse("\n".join(code))) == ast.dump(ast.parse(script))
    assert "'o\\nwn.zip'" in script


def test_fashion_mnist_is_read_from_files_beside(
    done_again: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not datasets.here("fashion-mnist"):
        pytest.skip("needs Fashion-MNIST on this machine")
    found = datasets.read_set("fashion-mnist")
    data = DataSettings(source=PicturesSource(name="fashion-mnist"), pictures=PictureSettings(most_rows=500))
    prepared = prepare_images(found, data)
    settings = CASES["digits"].model_copy(update={"data": data})
    recipe = dataclasses.replace(
        done_again["digits"][0], settings=settings, prepared=prepared, known=found.classes
    )
    split = ["none"] * len(found.labels)
    for part in ("train", "validation", "test"):
        for row in getattr(prepared, part).rows:
            split[row] = part
    (tmp_path / "split.csv").write_text("\n".join(["part", *split, ""]))
    folder = next(
        path for path in datasets._folders() if (path / "t10k-labels-idx1-ubyte.gz").is_file()
    )  # where the app itself found them
    for path in folder.glob("*.gz"):
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in codegen.cells_of(recipe)[:3]:
        exec(cell.code, names)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(names[f"x_{part}"], getattr(prepared, part).x)
        np.testing.assert_array_equal(names[f"y_{part}"], getattr(prepared, part).y)


def _odd_pictures() -> dict[str, bytes]:
    rng = np.random.default_rng(3)
    noise = Image.fromarray(rng.integers(0, 256, (70, 41, 3), np.uint8))
    large = Image.fromarray(rng.integers(0, 256, (30, 45, 3), np.uint8)).resize((900, 600))
    turned = Image.Exif()
    turned[0x0112] = 6
    grey16 = Image.fromarray(rng.integers(0, 65_536, (20, 20), np.uint16))
    clear = noise.copy()
    clear.putalpha(Image.fromarray(rng.integers(0, 256, (70, 41), np.uint8)))
    return {
        "png": packed(noise),
        "grey": packed(noise.convert("L")),
        "palette": packed(noise.quantize(7)),
        "16 bits": packed(grey16),
        "transparent": packed(clear),
        "large jpeg": packed(large, "JPEG", quality=80),
        "turned jpeg": packed(noise, "JPEG", exif=turned),
        "cmyk jpeg": packed(noise.convert("CMYK"), "JPEG"),
        "gif": packed(noise, "GIF"),
        "webp": packed(noise, "WEBP"),
        "exact": packed(plain(70, (12, 12), "L")),
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_files_are_read_as_in_the_app(channels: int) -> None:
    shape = (12, 12, channels)
    names: dict[str, Any] = {}
    exec(script_images.reader_file(shape), names)
    for kind, data in _odd_pictures().items():
        found = names["read_picture"](io.BytesIO(data))
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, read_picture(data, shape), err_msg=kind)
