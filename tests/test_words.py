"""What a person reads is in the field's words: those that needed decoding are gone."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
RETIRED = (
    *("found out", "told from the target", "what it is worth", "earns its keep", "trivial answer"),
    *("what was noticed", "take away:", "first weights", "least change", "lengths in", "numbers of policy"),
    *("never go together so", "copies of its last", "met something unexpected", "meets something unexpected"),
    *("is not as it must be", "weigh classes", "told from its"),
)


def texts(source: str) -> list[str]:
    """The strings of a file that are no docstrings."""
    tree = ast.parse(source)
    said = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
    ]


def test_the_reading_of_texts_sees_them() -> None:
    source = '"""About."""\nX = f"What it is {x} worth"\ndef f():\n    """Says."""\n    return "told"'
    assert texts(source) == ["What it is ", " worth", "told"]


def test_retired_words_are_gone() -> None:
    shown = [
        (str(path.relative_to(ROOT)), text)
        for path in sorted((ROOT / "lrapp").rglob("*.py"))
        for text in texts(path.read_text("utf-8"))
    ]
    shown.append(("README.md", (ROOT / "README.md").read_text("utf-8")))
    plain = [(file, " ".join(text.lower().split())) for file, text in shown]
    assert [(word, file, text) for word in RETIRED for file, text in plain if word in text] == []
