"""Numbers are written in one way wherever they are read: 97.1 %, 15,880, 5.16 × 10⁻⁷; never 97.1% or 5.164e-07."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from lrapp.charts import members, overlays, plans, range_test, results, studies, training
from lrapp.evaluation.explanations import Importance
from lrapp.phrasing import measured, number, percent

ROOT = Path(__file__).parents[2] / "lrapp"
# What a program reads, or a person copies into a program. ("{:.12g}" shows what a cell holds, as it is.)
_FOR_PROGRAMS = ("export/script_*.py", "export/readmes.py", "phrasing.py")
# "%.6g" in a field that a person types into: Streamlit has no other way, and JavaScript writes 0.00001 so.
_FIELDS = ("number_input", "slider")


def test_numbers_as_a_person_reads_them() -> None:
    expected = {
        (0.0, 4): "0", (0.12345, 4): "0.1235", (12.3456, 4): "12.35", (1234.56, 4): "1,234.6", (1000.0, 4): "1,000",
        (123456.7, 4): "123,457", (-23.456, 4): "-23.46", (0.99999, 3): "1", (999.96, 4): "1,000",
        (0.00005164, 4): "0.00005164", (1e-6, 3): "0.000001", (5.164e-7, 3): "5.16 × 10⁻⁷", (1e-300, 2): "1 × 10⁻³⁰⁰",
        (1e15, 4): "1 × 10¹⁵", (15880.0, 2): "15,880", (1234.56, 2): "1,235", (float("nan"), 4): "nan",
    }  # fmt: skip
    assert {(value, digits): number(value, digits) for value, digits in expected} == expected
    assert [percent(share) for share in (0.9712, 1.0, 0.0004)] == ["97.1 %", "100.0 %", "0.0 %"]
    assert [measured(metric, 0.5) for metric in ("accuracy", "log loss")] == ["50.0 %", "0.5"]
    areas = {0.8457: "0.846", 0.5: "0.500", 1.0: "1.000", 0.9997: "0.9997", -0.0123: "-0.012"}
    assert {value: measured("R²", value) for value in areas} == areas, (
        "below one another, and not all what is not"
    )


def _odd_formats(source: str) -> Iterator[str]:
    """Formats in a source file that write a number in another way."""
    tree = ast.parse(source)
    # float(f"{x:.3g}") rounds; nobody reads it.
    rounding = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "float"
        for part in ast.walk(call)
    }
    fields = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in _FIELDS
        for part in ast.walk(call)
    }
    for node in ast.walk(tree):
        match node:
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[*_, ast.Constant(value=str(spec))])):
                if re.search(r"(?<!12)[eEgG%]$", spec) and id(node) not in rounding:
                    yield f"{node.lineno}: {ast.unparse(node.value)}:{spec}"
            case ast.JoinedStr(values=parts):
                for value, text in zip(parts, parts[1:], strict=False):
                    if isinstance(value, ast.FormattedValue) and re.match(
                        r'%(?![;"])', str(getattr(text, "value", ""))
                    ):
                        yield f"{node.lineno}: {ast.unparse(value)} without a space before %"
            case ast.keyword(arg="format", value=value) if id(node) not in fields:
                for one in ast.walk(value):
                    if isinstance(one, ast.Constant) and re.fullmatch(
                        r",?(\.\d+)?~?[egs]|percent|compact|scientific|engineering|localized|%\.\d+e",
                        str(one.value),
                    ):
                        yield f"{node.lineno}: format {one.value!s}"


def test_the_reading_of_formats_sees_them() -> None:
    source = """
f"{a:.3g}" f"{b:.1e} and {c:.0%}" f"{d:.1f}%"
float(f"{a:.3g}")
alt.Axis(format=".0e"); alt.Tooltip(format=".2~g"); alt.Axis(format="~s" if big else ",.4~r")
st.column_config.NumberColumn(format="percent"); st.number_input("a", format="%.6g")
f"{e:,.1f} %" "width: 50%"
"""
    assert sorted(one.split(": ", 1)[1] for one in _odd_formats(source)) == [
        *("a:.3g", "b:.1e", "c:.0%"),
        *("format .0e", "format .2~g", "format percent", "format ~s", "{d:.1f} without a space before %"),
    ]


def test_formats_write_numbers_in_one_way() -> None:
    programs = {path for pattern in _FOR_PROGRAMS for path in ROOT.glob(pattern)}
    odd = [
        f"{path.relative_to(ROOT)}:{one}"
        for path in sorted(ROOT.rglob("*.py"))
        if path not in programs
        for one in _odd_formats(path.read_text("utf-8"))
    ]
    assert odd == [], 'write it with phrasing.number or phrasing.percent, in charts as ",.4~r" or ".1%"'


def _axes(part: object) -> Iterator[dict[str, object]]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("x", "y") and isinstance(value, dict) and value.get("type") == "quantitative":
                if (axis := value.get("axis", {})) is not None:
                    yield axis
            else:
                yield from _axes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _axes(value)


def test_axes_write_numbers_in_one_way() -> None:
    specs = [
        training.run_spec(3, "accuracy"),
        plans.plan_spec(momentum=True),
        range_test.spec(1e-7, 10),
        plans.plan_spec(grouped=True),
        members.each_spec(3, "rates"),
        members.rates_spec(log_loss=True),
        overlays.overlay_spec(["a", "b"], ["accuracy"], "epoch"),
        studies.study_spec(["a", "b"], 3, "accuracy"),
    ]
    for spec in specs:
        axes = list(_axes(spec))
        assert axes
        assert [axis for axis in axes if "labelExpr" not in axis and "%" not in str(axis.get("format"))] == []
        assert spec["config"]["locale"]["number"]["percent"] == " %"


def test_a_format_of_one_layer_holds_for_the_axis_that_all_share() -> None:
    bars = results.importance(
        (Importance("a", 0.03, 0.01), Importance("b", 0.02, 0.005)), "fall in accuracy"
    ).spec
    across = [layer["encoding"]["x"].get("axis", {}) for layer in bars["layer"]]
    assert any("%" in axis.get("format", "") for axis in across)
    assert not any("labelExpr" in axis for axis in across), "it would win over the format"
