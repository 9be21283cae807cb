"""Kinds of text that are made to keep a reader of plans busy."""

KINDS = {
    "open brackets": "x = (\n",
    "open brackets in one line": "(",
    "closing brackets": ")",
    "signs": "-",
    "fields": "a.",
    "blocks": "if a:\n  x = 1\n",
    "branches": "else:\n",
    "strings": "'",
    "triple strings": "'''\n",
    "f-strings": "f'{",
    "backslashes": "\\\n",
    "comments": "#\n",
    "fences": "```\n",
    "mismatched": "x = (]\ny = 1\n",
    "blank": "\n",
    "a long line": "word ",
    "additions": "1+",
}
"""What a text consists of, over and over."""
