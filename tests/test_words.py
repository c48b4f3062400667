"""What a person reads is in the field's words: those that needed decoding are gone."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
RETIRED = (
    *("found out", "told from the target", "what it is worth", "earns its keep", "trivial answer"),
    *("what was noticed", "take away:", "first weights", "least change", "lengths in", "numbers of policy"),
    *("never go together so", "copies of its last", "met something unexpected", "meets something unexpected"),
    *("is not as it must be", "weigh classes", "told from its"),
    *("told right", "taken for something else", "what if this were otherwise", "was done to the data"),
    *(
        "share that was so",
        "no run is like that",
        "nobody looked at",
        "nobody looks at",
        "did all their epochs",
    ),
    *(
        "what bends the",
        "knows something already",
        "came to its first step",
        "nothing cuts short",
        "told apart",
    ),
)
# Riddles of comments and docstrings, where they stand for: follows from, releases, the result, estimated, the caller.
RIDDLES = (
    "told from",
    "lets go of",
    "what came of it",
    "foretold",
    "whoever asks",
    "nobody cares",
    "has said so far",
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


def test_comments_have_no_riddles() -> None:
    plain = [
        (str(path.relative_to(ROOT)), " ".join(path.read_text("utf-8").lower().split()))
        for path in sorted((ROOT / "lrapp").rglob("*.py"))
    ]
    assert [(word, file) for word in RIDDLES for file, text in plain if word in text] == []
