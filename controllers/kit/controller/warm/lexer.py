"""Stands in for the KLL compiler's tokenizer: one expression for all kinds of tokens, made once.

The compiler's own tries one expression after another at each place, and makes them anew for each line.
The tokens are the same. Its messages for text that is no KLL are not: a build that fails here is run
again with the compiler's own.
"""

import re
from functools import lru_cache


class LexerError(Exception):
    def __init__(self, place, msg):
        super().__init__(msg)
        self.place = place


class Token:
    __slots__ = ("type", "value", "start", "end", "locale")

    def __init__(self, type, value, start=None, end=None):
        self.type = type
        self.value = value
        self.start = start
        self.end = end

    def __eq__(self, other):
        return self.type == other.type and self.value == other.value

    def _pos_str(self):
        if self.start is None or self.end is None:
            return ""
        return "%d,%d-%d,%d:" % (*self.start, *self.end)

    def __str__(self):
        return f"{self._pos_str()} {self.type} '{self.value}'".strip()

    def __repr__(self):
        return f"Token({self.type!r}, {self.value!r})"

    @property
    def name(self):
        return self.value


@lru_cache(maxsize=None)
def _compiled(specs):
    # The first kind that fits is taken, as by trying them in turn. No expression has flags or refers to its groups.
    expression = "|".join(f"(?P<k{index}>{pattern})" for index, (_, (pattern,)) in enumerate(specs))
    return re.compile(expression).match, {f"k{index}": kind for index, (kind, _) in enumerate(specs)}


def make_tokenizer(specs):
    match, kinds = _compiled(tuple(specs))

    def tokenize(text):
        at, line, column = 0, 1, 0
        while at < len(text):
            found = match(text, at)
            if not found or found.end() == at:
                raise LexerError((line, column + 1), text.splitlines()[line - 1])
            value = found.group()
            start = (line, column + 1)
            newlines = value.count("\n")
            if newlines:
                line += newlines
                column = len(value) - value.rfind("\n") - 1
            else:
                column += len(value)
            yield Token(kinds[found.lastgroup], value, start, (line, column))
            at = found.end()

    return tokenize
