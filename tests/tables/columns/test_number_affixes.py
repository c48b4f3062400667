"""What is said of the signs around numbers."""

from lrapp.tables.columns.number_affixes import signs_in


def test_all_that_is_taken_off_numbers_is_said() -> None:
    cases: list[tuple[list[str], list[str]]] = [
        (["1", "2.5", "x"], []),
        (["$1", "$2"], ["the currency '$' was taken off"]),
        (
            ["$1", "2 €"],
            ["the currencies '$', '€' were taken off, although they may not be worth the same"],
        ),
        (["12%", "0", "3%"], ["percent signs were taken off, so that 12% is 12"]),
        (
            ["12%", "0.5"],
            ["percent signs were taken off, so that 12% is 12, and numbers without one stayed as they were"],
        ),
        (["12‰", "5‰"], ["per mille signs were taken off, so that 12‰ is 12"]),
        (["(1,234)", "5"], ["numbers in parentheses were read as negative"]),
        (["12.5-", "5"], ["numbers with a minus behind them were read as negative"]),
    ]
    for cells, notes in cases:
        assert list(signs_in(cells).notes) == notes, (cells, notes)
