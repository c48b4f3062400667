"""The most confidently wrong pictures."""

import dataclasses
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import some_images
from PIL import Image

from lrapp.errors import UserError
from lrapp.evaluation.counts_and_curves import class_figures
from lrapp.evaluation.misclassified import Mistakes, class_sentence, mistakes
from lrapp.preparation.image_arrays import prepare_images
from lrapp.preparation.table_arrays import Prepared
from lrapp.settings import DataSettings

FLOATS = NDArray[np.float32]


def several(**more: object) -> Prepared:
    images = some_images((6, 8, 10), tests=2)
    return prepare_images(dataclasses.replace(images, **more), DataSettings())  # type: ignore[arg-type]


def right(data: Prepared) -> FLOATS:
    return np.eye(3, dtype=np.float32)[data.test.y] * 0.7 + np.float32(0.1)


def test_the_surest_mistakes_come_first() -> None:
    data = several(names=tuple(f"{number}.png" for number in range(30)))
    outputs = right(data)
    wrong = (data.test.y + 1) % 3
    outputs[1] = 0.1
    outputs[1, wrong[1]] = 0.8
    outputs[4] = 0.05
    outputs[4, wrong[4]] = 0.9
    found = mistakes(data, outputs)
    assert (found.part, found.rows, found.wrong) == ("test", 6, 2)
    assert found.sentence == (
        "2 of 6 test pictures were misclassified; those that the network was surest of come first."
    )
    assert [one.row for one in found.shown] == [28, 25]
    first = found.shown[0]
    assert first.name == "28.png"
    assert first.confidence == pytest.approx(0.9)
    assert first.truth_chance == pytest.approx(0.05)
    assert first.truth == data.classes[data.test.y[4]]
    assert first.answer == data.classes[wrong[4]]
    drawn = np.asarray(Image.open(io.BytesIO(first.picture)))
    np.testing.assert_array_equal(drawn, data.test.x[4, ..., 0])
    assert mistakes(data, outputs, most=1).sentence == (
        "2 of 6 test pictures were misclassified; this is the one that the network was surest of."
    )


def test_nothing_wrong() -> None:
    data = several()
    found = mistakes(data, right(data))
    assert found.shown == ()
    assert found.sentence == "All 6 test pictures were classified correctly."


def test_two_classes_without_test_pictures() -> None:
    data = prepare_images(some_images((20, 20), shape=(400, 300, 3)), DataSettings(test_share=0))
    chance = np.where(data.validation.y > 0, 0.9, 0.1).astype(np.float32)
    chance[2] = 1 - chance[2]
    found = mistakes(data, chance[:, None])
    assert (found.part, found.rows, found.wrong) == ("validation", 8, 1)
    (one,) = found.shown
    assert one.name == ""
    assert one.confidence == pytest.approx(0.9)
    assert one.truth_chance == pytest.approx(0.1)
    assert {one.truth, one.answer} == {"class a", "class b"}
    assert one.truth == data.classes[int(data.validation.y[2])]
    assert Image.open(io.BytesIO(one.picture)).size == (100, 134)


def test_they_are_kept_as_json() -> None:
    data = several()
    found = mistakes(data, right(data)[::-1])
    assert found.shown
    kept = found.to_json()
    assert kept.isascii()
    assert Mistakes.from_json(kept) == found


def test_damaged_files_are_told(subtests: pytest.Subtests) -> None:
    for text in [b"", b"{}", b"[]", b'{"part": 1}', b"[" * 100_000]:
        with (
            subtests.test(f"{text!r}"),
            pytest.raises(UserError, match=r"^The pictures that this run got wrong are damaged"),
        ):
            Mistakes.from_json(text)


def test_they_are_shown_with_their_names_made_harmless() -> None:
    data = several(names=tuple(f"{'deep/' * 20}<{number}>.png" for number in range(30)))
    data = dataclasses.replace(data, classes=("<b>a</b>", 'b"', "c\n"))
    outputs = right(data)
    outputs[0] = [0.0001, 0.0001, 0.9998]
    page = mistakes(data, outputs).as_html()
    assert "<b>a</b>" not in page
    assert page.count("<figure>") == 1
    assert "taken for <b>c</b><br>99.9 % sure" in page
    assert "&lt;24&gt;.png</small>" in page
    assert "deep/" * 20 not in page
    assert page.count('<img alt="A picture of ') == 1, "small: pixel by pixel"
    large = dataclasses.replace(
        data, test=dataclasses.replace(data.test, x=np.zeros((6, 90, 90, 1), np.uint8))
    )
    assert '<img class=large alt="' in mistakes(large, outputs).as_html()
    assert mistakes(data, right(data)).as_html() == ""


def test_the_best_and_the_worst_class_are_told() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    figures = class_figures(truth, np.array([0, 0, 1, 0, 0, 0]), ("a", "b", "c"))
    assert class_sentence(figures) == (
        "Classified correctly most often: “a”, 100.0 % of its pictures; least often: “c”, 0.0 %."
    )
    assert class_sentence(class_figures(truth, truth, ("a", "b", "c"))) == (
        "All classes are classified correctly equally often: 100.0 % of their pictures."
    )
    assert class_sentence(class_figures(truth[:2], truth[:2], ("a", "b"))) == ""
