"""A field of the page takes every value that its setting may have."""

import math
from collections.abc import Iterator

from pydantic.fields import FieldInfo
from streamlit.testing.v1 import AppTest

from lrapp.settings import (
    AugmentationSettings,
    CLRSettings,
    CosLog4Settings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    GroupSettings,
    OneCycleSettings,
    PruningSettings,
    RangeTestSettings,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.settings.base import SettingsModel, checked

PARTS: tuple[type[SettingsModel], ...] = (
    *(TrainingSettings, EarlyStoppingSettings, GroupSettings, PruningSettings, RangeTestSettings),
    *(FixedSettings, CLRSettings, SGDRSettings, OneCycleSettings, CosLog4Settings),
    *(AugmentationSettings, DataSettings),
)


def extremes(field: FieldInfo) -> Iterator[float]:
    """The least and the greatest value that a field may have."""
    for rule in field.metadata:
        for name, beside in (("ge", None), ("le", None), ("gt", math.inf), ("lt", -math.inf)):
            if (bound := getattr(rule, name, None)) is not None:
                yield bound if beside is None else math.nextafter(bound, beside)


def page(cases: "list[tuple[SettingsModel, str]]") -> None:
    import streamlit as st

    from lrapp.ui.parts import fields

    for place, (part, name) in enumerate(cases):
        st.text(repr(fields.widget(part, name, str(place))))


def test_the_extremes_of_every_number_can_be_shown() -> None:
    cases = [
        (checked(kind(), **{name: value}), name)
        for kind in PARTS
        for name, field in kind.model_fields.items()
        if isinstance(getattr(kind(), name), float)
        for value in extremes(field)
    ]
    assert len(cases) > 50
    shown = AppTest.from_function(page, args=(cases,), default_timeout=60).run()
    assert not shown.exception
    assert [one.value for one in shown.text] == [repr(float(getattr(part, name))) for part, name in cases]
