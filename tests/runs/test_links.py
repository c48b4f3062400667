"""Settings go through a link and come back the same; what is no link is a sentence, and no bomb goes off."""

import base64
import json
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.runs import links
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    DialectSettings,
    EarlyStoppingSettings,
    FileSource,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PicturesSource,
    PretrainedStart,
    RangeTestSettings,
    RunSettings,
    SampleSource,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.tables.columns.kinds import ColumnKind

CASES = [
    RunSettings(),
    RunSettings(name="Ünïcode 🐧", policy=FixedSettings()),
    RunSettings(policy=CLRSettings(source="found", mode="exp_range"), range_test=RangeTestSettings(seeds=5)),
    RunSettings(policy=SGDRSettings(max_lr=0.1, unit="steps", warmup=3)),
    RunSettings(policy=OneCycleSettings(end_div=1e7), mode="range test", closer_look=False),
    RunSettings(model=ModelSettings(layers=())),
    RunSettings(
        data=DataSettings(
            source=FileSource(name="../**a**.csv", sha256="ab" * 32),
            dialect=DialectSettings(delimiter="\t", header=False),
            kinds={"$x$ \n": ColumnKind.YES_NO, "<b>": ColumnKind.CATEGORY},
            target="ye's\"",
            task="binary",
            clip=0.1,
        ),
        model=ModelSettings(layers=(LayerSettings(units=7, dropout=0.1 + 0.2), LayerSettings(kind="conv"))),
        training=TrainingSettings(
            optimizer="sgd", seed=2**31 - 1, early_stopping=EarlyStoppingSettings(enabled=False)
        ),
    ),
    RunSettings(
        data=DataSettings(source=PicturesSource(name="digits")),
        model=ModelSettings(start=PretrainedStart()),
    ),
]


def unpacked(text: str) -> dict[str, object]:
    """The JSON in a link, unpacked by hand."""
    packed = base64.b64decode(text.replace("-", "+").replace("_", "/") + "===")
    found: dict[str, object] = json.loads(zlib.decompress(packed))
    return found


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(data, 9)).rstrip(b"=").decode()


def test_settings_come_back_the_same(subtests: pytest.Subtests) -> None:
    for settings in CASES:
        with subtests.test(f"{settings!r}"):
            text = links.to_text(settings)
            assert links.from_text(text) == settings
            assert re.fullmatch(r"[A-Za-z0-9_-]+", text), "safe in an address, without escapes"
            assert len(text) < 600


@given(
    rate=st.floats(0, 1000), units=st.lists(st.integers(1, 16_384), max_size=50), target=st.text(max_size=300)
)
def test_any_settings_come_back_the_same(rate: float, units: list[int], target: str) -> None:
    settings = RunSettings(
        data=DataSettings(source=SampleSource(name="penguins.csv"), target=target),
        model=ModelSettings(layers=tuple(LayerSettings(units=width) for width in units)),
        policy=CLRSettings(base_lr=0.0, max_lr=rate),
    )
    assert links.from_text(links.to_text(settings)) == settings


def test_only_what_is_not_usual_is_told() -> None:
    assert unpacked(links.to_text(RunSettings())) == {"version": 1}
    settings = RunSettings(
        policy=FixedSettings(learning_rate=0.5),
        model=ModelSettings(layers=(LayerSettings(units=9),)),
        training=TrainingSettings(early_stopping=EarlyStoppingSettings(patience=3)),
    )
    assert unpacked(links.to_text(settings)) == {
        "version": 1,
        "model": {"layers": [{"units": 9}]},
        "training": {"early_stopping": {"patience": 3}},
        "policy": {"type": "fixed", "learning_rate": 0.5},
    }


def test_too_many_settings_for_a_link_are_said() -> None:
    kinds = {f"column {number * 7919 % 100_003}": ColumnKind.CATEGORY for number in range(3_000)}
    with pytest.raises(UserError, match=r"^A link holds at most 6,000 letters; .* Received: \d+,\d+\.$"):
        links.to_text(RunSettings(data=DataSettings(kinds=kinds)))


def test_what_is_no_link_is_one_sentence(subtests: pytest.Subtests) -> None:
    for text in [
        "",
        "abc",
        "a",
        "****",
        "eN%20",
        "日本",
        "a\x00b",
        packed(b""),
        packed(b"{"),
        packed(b"\xff\xfe\x00"),
        packed(b"[" * 100_000),
        packed(b'{"version": 1}') + "AAAA",
        links.to_text(CASES[-2])[:-9],
        links.to_text(CASES[-2])[9:],
        base64.urlsafe_b64encode(b'{"version": 1}').decode(),
    ]:
        with (
            subtests.test(text),
            pytest.raises(UserError, match=r"^The link was cut off or changed on its way: [^.]*\.$"),
        ):
            links.from_text(text)


def test_settings_that_cannot_be_name_the_field(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, str]] = [
        (b'{"training": {"epochs": 0}}', r"“training.epochs” .* Received: 0\.$"),
        (b'{"policy": {"type": "magic"}}', r"“policy”"),
        (b'{"__class__": "os.system"}', r"“__class__”"),
        (b'{"version": 2}', r"“version”"),
        (b"[]", r"Received: \[\]\.$"),
        (b'{"training": {"epochs": 1e400}}', r"“training.epochs”"),
    ]
    for data, sentence in cases:
        with (
            subtests.test(f"{data!r}"),
            pytest.raises(
                UserError, match=rf"^The link holds settings that this app cannot use\. .*{sentence}"
            ),
        ):
            links.from_text(packed(data))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = packed(b" " * 4_000_000 + b"{}")
    assert len(bomb) <= links.MOST_LETTERS, "short enough to get this far"
    with pytest.raises(UserError, match=r"may unpack to at most 200,000 bytes"):
        links.from_text(bomb)
    fits = packed(b" " * 199_998 + b"{}")
    assert links.from_text(fits) == RunSettings()


def test_a_link_that_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(UserError, match=r"at most 6,000 letters; .* Received: 6,001\.$"):
        links.from_text("e" * 6_001)
