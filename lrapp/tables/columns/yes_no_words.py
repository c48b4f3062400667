"""Words for yes and no in the languages of tables."""

PAIRS = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("on", "off"), ("1", "0"), ("1.0", "0.0"), ("+", "-"),
    ("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("oui", "non"), ("vrai", "faux"),
    ("si", "no"), ("sí", "no"), ("sì", "no"), ("verdadero", "falso"), ("vero", "falso"),
    ("sim", "não"), ("sim", "nao"), ("verdadeiro", "falso"), ("ja", "nee"), ("ja", "nej"), ("ja", "nei"),
    ("tak", "nie"), ("áno", "nie"), ("ano", "ne"), ("igen", "nem"), ("evet", "hayır"), ("da", "nu"), ("da", "ne"),
    ("да", "нет"), ("так", "ні"), ("да", "не"), ("ναι", "όχι"), ("kyllä", "ei"), ("ya", "tidak"), ("có", "không"),
    ("是", "否"), ("はい", "いいえ"), ("예", "아니오"), ("예", "아니요"), ("네", "아니요"),
    ("نعم", "لا"), ("כן", "לא"), ("हाँ", "नहीं"),
)  # fmt: skip
"""Words that mean yes, each with one that means no, in small letters."""

# O and S mean yes in some languages, but with N they are too often compass points.
YES = frozenset((*(yes for yes, _ in PAIRS), "o", "s"))
NO = frozenset(no for _, no in PAIRS)
TOGETHER = frozenset(frozenset(pair) for pair in PAIRS)
