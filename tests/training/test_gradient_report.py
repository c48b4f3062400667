"""What a check of gradients says: verdicts and sentences, and the file through which it tells how far it is."""

import math
from typing import Any

import pytest

from lrapp.training.gradient_report import GradientReport, LayerGradients, percent


def layer(name: str = "Layer 1 (Dense)", **more: Any) -> LayerGradients:
    plain = {
        "weights": 100,
        "checked": 32,
        "agree": 32,
        "kinks": 0,
        "error": 1e-8,
        "worst": "kernel",
        "zero": False,
        "lost": 1e-7,
        "vanished": 0.0,
    }
    return LayerGradients(name, **{**plain, **more})


def report(*layers: LayerGradients, **more: Any) -> GradientReport:
    plain: dict[str, Any] = {"rows": 32, "loss": 0.7, "precision": "float32", "lost": 1e-7, "between": None}
    return GradientReport(layers=layers, **{**plain, "notes": (), **more})


def test_the_largest_error_decides(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, str, str]] = [
        (0.0, "agrees", "agrees"),
        (1e-5, "agrees", "agrees"),
        (1.1e-5, "suspicious", "suspicious: kernel"),
        (1e-3, "suspicious", "suspicious: kernel"),
        (1.1e-3, "wrong", "wrong: kernel"),
        (1.0, "wrong", "wrong: kernel"),
    ]
    for error, verdict, words in cases:
        with subtests.test(f"{error!r}"):
            assert (layer(error=error).verdict, layer(error=error).words) == (verdict, words)


def test_kinks_are_counted_apart() -> None:
    assert layer(agree=29, kinks=3).words == "agrees (3 at a kink)"
    assert layer(agree=29, kinks=2, error=1.0).words == "wrong: kernel (2 at a kink)"
    nothing_else = layer(agree=0, kinks=32, error=0.0)
    assert (nothing_else.verdict, nothing_else.words) == ("open", "undecided (32 at a kink)")


def test_a_layer_that_learns_nothing_says_so_unless_it_should() -> None:
    assert layer(zero=True).words == "agrees, but all are zero: these rows teach it nothing"
    assert layer(zero=True, error=1.0).verdict == "wrong"


def test_the_sentence_names_what_is_wrong() -> None:
    first, second, last = layer(error=0.3), layer("Layer 2 (Dense)", error=0.5), layer("Output", error=1e-4)
    found = report(first, second, last)
    assert found.sentence.startswith("Wrong gradients in Layer 1 (Dense) and Layer 2 (Dense): ")
    assert not found.right
    assert report(layer(), last).sentence.startswith("The gradients of Output differ a little")
    assert not report(layer(), last).right


def test_the_sentence_counts() -> None:
    two = report(layer(), layer("Output", agree=7, checked=7))
    assert two.right
    assert two.sentence == "The gradients are right: 39 of 39 weights checked agree."
    assert report(layer(agree=31, kinks=1)).sentence == (
        "The gradients are right: 31 of 32 weights checked agree; the other one stands at a kink, where it has two "
        "slopes."
    )
    assert "the other 2 stand at a kink" in report(layer(agree=30, kinks=2)).sentence


def test_what_the_precision_does() -> None:
    layers = layer(lost=0.002), layer("Output", lost=0.001)
    usual = report(*layers, precision="mixed_bfloat16", lost=0.0015, between=0.8)
    assert usual.about_precision == (
        "mixed_bfloat16 changes the gradient by 0.15 %, most in Layer 1 (Dense) (0.2 %); as many other rows would "
        "change it by 80 %."
    )
    assert "More than a tenth" not in usual.about_precision
    assert "More than a tenth" in report(layer(lost=0.2)).about_precision
    broken = report(layer(lost=math.inf), layer("Output"), precision="mixed_float16", lost=math.inf)
    assert broken.about_precision.startswith("In mixed_float16 the gradient of Layer 1 (Dense) is not finite")


def test_shares_as_a_person_reads_them(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, str]] = [
        (0.0, "0 %"),
        (1.23e-7, "<0.001 %"),
        (0.000123, "0.012 %"),
        (0.0523, "5.2 %"),
        (0.5, "50 %"),
        (1.234, "123 %"),
        (math.inf, "not finite"),
    ]
    for value, text in cases:
        with subtests.test(f"{value!r}"):
            assert percent(value) == text
