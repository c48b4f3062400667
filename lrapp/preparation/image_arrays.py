"""Pictures and settings -> arrays for training, validation and test. The pictures stay bytes."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lrapp import free_memory
from lrapp.errors import UserError
from lrapp.images.datasets import PICTURE_COPIES, Images, PictureFacts
from lrapp.phrasing import counted, quoted
from lrapp.preparation.image_inputs import TARGET, PicturePreprocessor, PictureTask, aligned
from lrapp.preparation.pieces import Pieces
from lrapp.preparation.random_split import drawn, part_sizes, split
from lrapp.preparation.table_arrays import Prepared, Split, class_weights
from lrapp.settings import DataSettings


def check_pictures(facts: PictureFacts, settings: DataSettings) -> PictureTask:
    """Return the task that ``prepare_images`` will find, or raise why it cannot; cheap enough for each rerun.

    Raises:
        UserError: If fewer than two classes are left, or there are too few pictures for the split.
    """
    learned = [count - tests for count, tests in zip(facts.counts, facts.test_counts, strict=True)]
    chosen = _chosen(facts.classes, learned, settings)
    sizes = [learned[place] for place in chosen]
    own_test = facts.tests_of(settings.pictures.only_classes) > 0
    part_sizes(sum(sizes), len(sizes), _shares(settings, own_test), too_few_pictures)
    _check_most(settings, len(chosen))
    _check_split(settings)
    return _task(len(chosen))


def fits_memory(size: int) -> bool:
    """Return whether memory holds pictures of so many bytes as training needs them, where it takes all at once."""
    available = free_memory.for_a_run()
    return available is None or PICTURE_COPIES * size <= available


def prepare_images(images: Images, settings: DataSettings, pieces: Pieces | None = None) -> Prepared:
    """Split pictures into training, validation and test.

    The test part that comes with a set is used, if it shows any of the classes; else ``test_share``
    of the pictures is.

    Args:
        images: The pictures. Each part is copied once; the caller may release them afterwards.
        pieces: How pictures are prepared that memory does not hold; None to hold them all the same.

    Raises:
        UserError: As ``check_pictures``, or if there is no room for the pictures on the disk either.
    """
    cut = len(images.labels) if images.test_from is None else images.test_from
    learned = np.bincount(images.labels[:cut], minlength=len(images.classes)).tolist()
    chosen = _chosen(images.classes, learned, settings)
    _check_most(settings, len(chosen))
    _check_split(settings)
    place = np.full(len(images.classes), -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    numbers = place[images.labels]
    pool = np.flatnonzero(numbers[:cut] >= 0)
    own_tests = cut + np.flatnonzero(numbers[cut:] >= 0)
    own_test = len(own_tests) > 0
    training, validation, test = split(numbers[pool], True, _shares(settings, own_test), too_few_pictures)
    rows = [pool[training], pool[validation], pool[test]]
    if own_test:
        rows[2] = own_tests
    if settings.all_rows:
        rows = [np.sort(np.concatenate(rows)), np.empty(0, np.int64), np.empty(0, np.int64)]
    classes = tuple(images.classes[number] for number in chosen)
    notes = [*images.notes, *_left_out(images, learned, settings)]
    if settings.all_rows:
        notes.append("All pictures are trained on.")
    elif own_test:
        notes.append(
            f"The test pictures are the {len(rows[2]):,} that come with the set for this; the test share is not used."
        )
    elif cut < len(images.labels):
        notes.append(
            "The test pictures that come with the set show none of these classes; the test share of the others is used."
        )
    most = settings.pictures.most_rows
    if most is not None and most < len(rows[0]):
        notes.append(f"Training uses {most:,} of {len(rows[0]):,} training pictures, drawn at random.")
        rows[0] = rows[0][drawn(numbers[rows[0]], most, settings)]
    notes.extend(_small_classes(numbers, classes, rows))
    task = _task(len(classes))
    y = numbers.astype(np.float32 if task == "binary" else np.int32)

    size = sum(map(len, rows)) * math.prod(images.shape)
    whole = pieces is None or fits_memory(size)
    if pieces is not None and not whole:
        pieces.make_room(size)

    def part(name: str, of: NDArray[np.int64], weighted: bool = False) -> Split:
        if pieces is None or whole:
            pixels = aligned((len(of), *images.shape))
            # With the default mode NumPy would make a temporary copy.
            np.take(images.pixels, of, axis=0, out=pixels, mode="clip")
        else:
            pixels = pieces.copied(name, images.pixels, of)
        return Split(pixels, y[of], class_weights(y[of]) if weighted else None, of)

    return Prepared(
        task=task,
        target=TARGET,
        classes=classes,
        inputs=(),
        train=part("train", rows[0], settings.class_weights),
        validation=part("validation", rows[1]),
        test=part("test", rows[2]),
        metric_scale=1.0,
        notes=tuple(notes),
        preprocessor=PicturePreprocessor(task, classes, images.shape),
        names=images.names,
    )


def too_few_pictures(least: int, rows: int, classes: int, parts: str) -> str:
    """Return the error for too few pictures; arguments as for ``random_split.TooFew``."""
    return (
        f"There must be at least {least:,} pictures of {classes:,} classes, to fill {parts}. "
        f"Received: {rows:,}. Add pictures or leave classes out."
    )


def _task(classes: int) -> PictureTask:
    return "binary" if classes == 2 else "multi-class"


def _shares(settings: DataSettings, own_test: bool) -> DataSettings:
    return settings.model_copy(update={"test_share": 0.0}) if own_test else settings


def _chosen(classes: tuple[str, ...], learned: Sequence[int], settings: DataSettings) -> list[int]:
    """Numbers of the chosen classes that have training pictures."""
    wanted = settings.pictures.only_classes or classes
    if unknown := [name for name in wanted if name not in classes]:
        raise UserError(
            f"The chosen classes must be classes of the pictures: {quoted(classes, 12)}. "
            f"Received: {quoted(unknown)}."
        )
    chosen = [number for number, name in enumerate(classes) if name in wanted and learned[number]]
    if len(chosen) < 2:
        names = quoted(classes[number] for number in chosen) or "none"
        raise UserError(
            f"There must be at least two classes with pictures to learn from. Received: {names}. "
            "Choose more classes or add pictures."
        )
    return chosen


def _check_split(settings: DataSettings) -> None:
    if settings.split != "random":
        raise UserError(
            "Pictures have no column to split by: set “Split” to “At random”, or sort them into folders “train” and "
            "“test” yourself."
        )


def _check_most(settings: DataSettings, classes: int) -> None:
    most = settings.pictures.most_rows
    if most is not None and most < classes:
        raise UserError(
            f"“Most training pictures” must be at least the number of classes, {classes:,}. Received: {most:,}."
        )


def _left_out(images: Images, learned: Sequence[int], settings: DataSettings) -> list[str]:
    only = settings.pictures.only_classes
    notes = []
    if only and len(only) < len(images.classes):
        out = np.count_nonzero(~np.isin(images.labels, [images.classes.index(name) for name in set(only)]))
        others = counted(int(out), "picture of other classes is", "pictures of other classes are")
        notes.append(f"Only the chosen classes are used; {others} left out.")
    wanted = only or images.classes
    if alone := [
        name for name, count in zip(images.classes, learned, strict=True) if not count and name in wanted
    ]:
        notes.append(f"Left out, because there are no pictures to learn them from: {quoted(alone)}.")
    return notes


def _small_classes(
    numbers: NDArray[np.int64], classes: tuple[str, ...], rows: Sequence[NDArray[np.int64]]
) -> list[str]:
    held = [np.bincount(numbers[of], minlength=len(classes)) for of in rows]
    total = np.sum(held, axis=0)
    notes = []
    if single := [name for name, count in zip(classes, total, strict=True) if count == 1]:
        word, they = ("class has", "it is") if len(single) == 1 else ("classes have", "they are")
        notes.append(
            f"{len(single):,} {word} a single picture: {quoted(single)}. In training only, so nothing tells how well "
            f"{they} learned."
        )
    for name, counts in zip(("validation", "test"), held[1:], strict=True):
        absent = [
            one for one, count, every in zip(classes, counts, total, strict=True) if not count and every > 1
        ]
        if absent and counts.sum():
            notes.append(f"The {name} pictures hold none of {quoted(absent)}: there are too few of them.")
    return notes
