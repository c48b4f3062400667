"""Names that number rows, and phrases."""

from lrapp.tables.columns.kinds import count, is_id_name, listed


def test_names_of_identifiers() -> None:
    cases: list[tuple[str, bool]] = [
        ("id", True),
        ("PassengerId", True),
        ("customer_id", True),
        ("Row", True),
        ("#", True),
        ("Unnamed: 0", True),
        ("paid", False),
        ("width", False),
        ("idea", False),
        ("income", False),
        ("", False),
    ]
    for name, expected in cases:
        assert is_id_name(name) is expected, (name, expected)


def test_phrases_count_and_shorten() -> None:
    assert (count(1, "value"), count(1200, "value")) == ("1 value", "1,200 values")
    assert listed({"a": 1, "b": 3, "c": 2, "d": 0}) == "'b', 'c', 'a'"
    assert listed({"x" * 31: 1}) == repr("x" * 29 + "…")
