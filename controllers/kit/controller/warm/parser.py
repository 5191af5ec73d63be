"""Stands in for the KLL compiler's parser combinators: a parser that does not fit says None, without an exception.

The results are the same; there is no message that says how far the text was understood. A build that
fails here is run again with the compiler's own, whose words the user sees.
"""


class NoParseError(Exception):
    def __init__(self, msg="", state=None, token=None):
        super().__init__(msg)
        self.msg = msg
        self.state = state
        self.token = token


def Parser_debug(enable, stream=None):
    if enable:
        raise NotImplementedError("debugging needs the compiler's own parser")


class _Tuple(tuple):
    pass


class _Ignored:
    def __init__(self, value):
        self.value = value


def _both(one, other):
    """The results of two parsers in sequence, as one; what is skipped leaves no trace."""
    if isinstance(other, _Ignored):
        return _Ignored(()) if isinstance(one, _Ignored) else one
    if isinstance(one, _Ignored):
        return other
    if isinstance(one, _Tuple):
        return _Tuple(one + (other,))
    return _Tuple((one, other))


class Parser:
    """`run` takes tokens and a position, and gives a result and the next position, or None.

    `first` is a test that the token at the position has to pass, where there is one such test.
    `choices` are the parsers of which this one is the first that fits.
    """

    def __init__(self, run, first=None, choices=None):
        self.run = run
        self.first = first
        self.choices = choices or (self,)

    def named(self, _name):
        return self

    def parse(self, tokens):
        found = self.run(tokens, 0)
        if found is None:
            raise NoParseError("the quick parser does not know why")
        return found[0]

    def __add__(self, other):
        first, second = self.run, other.run

        def run(tokens, at):
            one = first(tokens, at)
            if one is None:
                return None
            other = second(tokens, one[1])
            if other is None:
                return None
            return _both(one[0], other[0]), other[1]

        return Parser(run, self.first)

    def __or__(self, other):
        # Most tokens fit one of many choices, and the first look at each tells which.
        choices = self.choices + other.choices
        attempts = [(choice.first or _anything, choice.run) for choice in choices]

        def run(tokens, at):
            token = tokens[at] if at < len(tokens) else _END
            for first, attempt in attempts:
                if first(token):
                    found = attempt(tokens, at)
                    if found is not None:
                        return found
            return None

        return Parser(run, choices=choices)

    def __rshift__(self, function):
        inner = self.run

        def run(tokens, at):
            found = inner(tokens, at)
            return None if found is None else (function(found[0]), found[1])

        return Parser(run, self.first)


class _End:
    """What stands behind the last token: of no kind."""

    type = value = None


_END = _End()


def _anything(_token):
    return True


def some(predicate):
    def run(tokens, at):
        if at < len(tokens) and predicate(tokens[at]):
            return tokens[at], at + 1
        return None

    return Parser(run, predicate)


def a(value):
    return some(lambda token: token == value)


def many(parser):
    inner = parser.run

    def run(tokens, at):
        results = []
        while (found := inner(tokens, at)) is not None:
            results.append(found[0])
            at = found[1]
        return results, at

    return Parser(run)


def maybe(parser):
    return parser | Parser(lambda _tokens, at: (None, at))


def skip(parser):
    return parser >> _Ignored


def oneplus(parser):
    return parser + many(parser) >> (lambda found: [found[0]] + found[1])
