"""Names that would be links, pictures or code where they are not made plain, and a look for what they became."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

ELSEWHERE = "elsewhere.example"
NAMES = (
    f"![m](http://{ELSEWHERE}/m.png)",
    f"[m](http://{ELSEWHERE}/m)",
    f"<img src='http://{ELSEWHERE}/m.png'>",
    f"http://{ELSEWHERE}/m www.{ELSEWHERE} me@{ELSEWHERE}",
    f"![m][m]\n\n[m]: http://{ELSEWHERE}/m.png",
    f"`![m](http://{ELSEWHERE}/m.png)`",
    f"\\![m](http://{ELSEWHERE}/m.png)",
    f"&lt;img src=http://{ELSEWHERE}/m.png&gt;",
    f"<http://{ELSEWHERE}/m>",
    f"*![m](http://{ELSEWHERE}/m.png)* | ``` {{}}",
    "**b** _i_ # h ~s~ $x$ :red[x] :material/home: | a | b |",
    "coding: utf-7 +AAo-import antigravity+AAo-",
    "image",
)
_READER = MarkdownIt("commonmark").enable(["strikethrough", "table"])


def tokens(text: str) -> list[Token]:
    """What a reader of Markdown finds in a text, down to the last word."""
    return [one for block in _READER.parse(text) for one in (block, *(block.children or ()))]


def links(text: str) -> set[str]:
    """Whatever in a text of Markdown leads somewhere, or is HTML: links, pictures, tags."""
    return {
        f"{token.type}: {token.content or token.attrs}"
        for token in tokens(text)
        if token.type in ("image", "link_open", "html_inline", "html_block")
    }
