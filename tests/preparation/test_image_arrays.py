"""Pictures and settings -> arrays of bytes."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from pictures import some_images

from lrapp.errors import UserError
from lrapp.images.datasets import Images
from lrapp.preparation import expected_shape
from lrapp.preparation.image_arrays import check_pictures, prepare_images
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.settings import DataSettings, PictureSettings


def prepared(images: Images, pictures: PictureSettings | None = None, **more: Any) -> Prepared:
    settings = DataSettings(pictures=pictures or PictureSettings(), **more)
    found = prepare_images(images, settings)
    assert check_pictures(images.facts, settings) == found.task
    every = np.concatenate([part.rows for part in parts(found)])
    assert len(set(every.tolist())) == len(every), "disjoint"
    for part in parts(found):
        assert part.x.dtype == np.uint8
        assert part.x.shape == (len(part.rows), *images.shape)
        np.testing.assert_array_equal(part.x, images.pixels[part.rows])
        names = np.array(found.classes)[part.y.astype(int)]
        np.testing.assert_array_equal(names, np.array(images.classes)[images.labels[part.rows]])
        assert part.y.dtype == (np.float32 if found.task == "binary" else np.int32)
        assert part.rows.dtype == np.int64
        assert (np.diff(part.rows) > 0).all()
    assert found.shape == images.shape
    assert found.kind == "pictures"
    assert found.unit == "pictures"
    assert (found.inputs, found.target, found.metric_scale) == ((), "class", 1.0)
    return found


def parts(found: Prepared) -> tuple[Split, Split, Split]:
    return found.train, found.validation, found.test


def sizes(found: Prepared) -> list[list[int]]:
    return [np.bincount(part.y.astype(int), minlength=len(found.classes)).tolist() for part in parts(found)]


def test_without_a_test_part_of_its_own() -> None:
    found = prepared(some_images((10, 20, 30)))
    assert (found.task, found.classes) == ("multi-class", ("class a", "class b", "class c"))
    assert sizes(found) == [[6, 12, 18], [2, 4, 6], [2, 4, 6]]
    assert found.preprocessor == PicturePreprocessor("multi-class", found.classes, (4, 4, 1))
    assert found.notes == ()
    assert found.train.weight is None
    assert sizes(prepared(some_images((10, 20, 30)), test_share=0))[2] == [0, 0, 0]


def test_the_sets_own_test_part_is_the_test_part() -> None:
    images = some_images((10, 20, 30), tests=4)
    found = prepared(images)
    assert sizes(found) == [[8, 16, 24], [2, 4, 6], [4, 4, 4]]
    assert found.test.rows.tolist() == list(range(60, 72))
    assert found.notes == (
        "The test pictures are the 12 that come with the set for this; the test share is not used.",
    )


def test_a_sets_own_test_part_that_shows_none_of_the_classes_is_no_test_part() -> None:
    images = some_images((10, 20, 30, 0), tests=4)
    last = images.test_from
    assert last is not None
    # Of the test pictures only those of the third class stay, and of one that nothing can be learned of.
    kept = np.r_[:last, last + np.flatnonzero(images.labels[last:] >= 2)]
    images = dataclasses.replace(images, pixels=images.pixels[kept], labels=images.labels[kept])
    two = PictureSettings(only_classes=("class a", "class b"))
    found = prepared(images, two)
    assert sizes(found) == [[6, 12], [2, 4], [2, 4]]
    assert "show none of these classes; the test share of the others is used" in found.notes[-1]
    expected = expected_shape.of_pictures(images.facts, DataSettings(pictures=two), "binary")
    assert (expected.rows, expected.validation_rows) == (18, 6)
    assert images.facts.tests_of(()) == images.facts.tests_of(("class c", "class d")) == 4


def test_the_same_settings_give_the_same_parts() -> None:
    images = some_images((10, 20, 30))
    chosen = PictureSettings(most_rows=10)
    first, again = prepared(images, chosen), prepared(images, chosen)
    other = prepared(images, chosen, split_seed=1)
    for one, two, three in zip(parts(first), parts(again), parts(other), strict=True):
        np.testing.assert_array_equal(one.rows, two.rows)
        assert one.rows.tolist() != three.rows.tolist()


def test_two_classes_are_binary() -> None:
    found = prepared(some_images((10, 20)), class_weights=True)
    assert found.task == "binary"
    assert sizes(found)[0] == [6, 12]
    weight = found.train.weight
    assert weight is not None
    assert weight.dtype == np.float32
    assert weight[found.train.y == 0] == pytest.approx(1.5)
    assert weight[found.train.y == 1] == pytest.approx(0.75)
    assert found.validation.weight is found.test.weight is None


def test_only_some_classes() -> None:
    images = some_images((10, 20, 30, 40), tests=5)
    found = prepared(images, PictureSettings(only_classes=("class d", "class b")))
    assert (found.task, found.classes) == ("binary", ("class b", "class d"))
    assert sizes(found) == [[16, 32], [4, 8], [5, 5]]
    assert found.notes[0] == "Only the chosen classes are used; 50 pictures of other classes are left out."
    assert prepared(images, PictureSettings(only_classes=images.classes)).notes == prepared(images).notes


def test_fewer_training_pictures_of_each_class() -> None:
    images = some_images((10, 20, 70), tests=5)
    found = prepared(images, PictureSettings(most_rows=20))
    assert len(found.train.y) == 20
    assert np.abs(np.array(sizes(found)) - [[2, 4, 14], [2, 4, 14], [5, 5, 5]]).max() <= 1
    whole = prepared(images)
    assert set(found.train.rows.tolist()) < set(whole.train.rows.tolist())
    np.testing.assert_array_equal(found.validation.rows, whole.validation.rows)
    assert found.notes[-1] == "Training uses 20 of 80 training pictures, drawn at random."
    assert sizes(prepared(images, PictureSettings(most_rows=3)))[0] == [1, 1, 1]
    assert prepared(images, PictureSettings(most_rows=80)).notes == whole.notes
    assert len(prepared(images, PictureSettings(most_rows=20), stratify=False).train.y) == 20


def test_small_classes_are_told() -> None:
    found = prepared(some_images((1, 2, 30)))
    assert sizes(found)[0][0] == 1
    assert found.notes == (
        "1 class has a single picture: “class a”. In training only, so nothing tells how well it learned.",
        "The validation pictures hold none of “class b”: there are too few of them.",
    ) or "“class b”" in " ".join(found.notes)


def test_classes_without_anything_to_learn_from_are_left_out() -> None:
    images = some_images((0, 20, 30), tests=5)
    found = prepared(images)
    assert found.classes == ("class b", "class c")
    assert found.notes[0] == "Left out, because there are no pictures to learn them from: “class a”."
    assert sizes(found)[2] == [5, 5]


def test_notes_and_names_of_the_pictures_are_kept() -> None:
    images = dataclasses.replace(some_images((5, 5)), names=tuple("abcdefghij"), notes=("One was broken.",))
    found = prepared(images)
    assert found.notes == ("One was broken.",)
    assert found.names == tuple("abcdefghij")


def test_what_cannot_be_split_ends_in_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[tuple[int, ...], dict[str, Any], dict[str, Any], str]] = [
        (
            (9, 9),
            {"only_classes": ("class a",)},
            {},
            r"^There must be at least two classes .* Received: “class a”\.",
        ),
        ((9, 0), {}, {}, r"^There must be at least two classes with pictures to learn from\."),
        (
            (9, 9),
            {"only_classes": ("class a", "x")},
            {},
            r"must be classes of the pictures: “class a” and “class b”\. Received: “x”\.",
        ),
        (
            (1, 2),
            {},
            {},
            r"^There must be at least 4 pictures of 2 classes, to fill training, validation and test\.",
        ),
        (
            (1, 1),
            {},
            {"test_share": 0},
            r"^There must be at least 3 pictures of 2 classes, to fill training and valid",
        ),
        ((9, 9), {}, {"test_share": 0.6, "validation_share": 0.6}, r"must be below 1\. Received: 1\.2\."),
        ((9, 9, 9), {"most_rows": 2}, {}, r"must be at least the number of classes, 3\. Received: 2\."),
    ]
    for counts, pictures, more, sentence in cases:
        with subtests.test(f"{counts!r}"):
            images = some_images(counts)
            settings = DataSettings(pictures=PictureSettings(**pictures), **more)
            with pytest.raises(UserError, match=sentence):
                prepare_images(images, settings)
            with pytest.raises(UserError, match=sentence):
                check_pictures(images.facts, settings)
