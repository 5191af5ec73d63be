"""The quick tokenizer and parser give what the KLL compiler's own give. Needs the compiler, so it runs in an image."""

import random
import unittest

from kll.extern.funcparserlib import lexer as own_lexer
from kll.extern.funcparserlib import parser as own_parser
from warm import lexer, parser

SPECS = [
    ("Comment", (r" *#.*",)),
    ("NewLine", (r"[\r\n]+",)),
    ("ScanCode", (r"S((0x[0-9a-fA-F]+)|([0-9]+))",)),
    ("Operator", (r"=>|<=|i:\+|:\+|::|:|=",)),
    ("USBCode", (r'U(("[^"]+")|(0x[0-9a-fA-F]+)|([0-9]+))',)),
    ("Name", (r"[A-Za-z_][A-Za-z_0-9]*",)),
    ("Name", (r"-?[0-9]+",)),
]

PIECES = ["S0x1F", "S3", 'U"Esc"', "U12", "Up", "i:+", ":", "=>", "# all\n", "\n", "\n\n", "name", "12", "-3", "S", "%"]


def tokens(module, text):
    """The tokens and their places; a fault's place where the text is none."""
    found = []
    try:
        for token in module.make_tokenizer(SPECS)(text):
            found.append((token.type, token.value, token.start, token.end, token._pos_str(), str(token)))
    except module.LexerError as fault:
        found.append(("fault", fault.place))
    return found


def grammar(module):
    def kind(name):
        return module.some(lambda token: token.type == name) >> (lambda token: token.value)

    colon = module.skip(module.a(lexer.Token("Operator", ":")))
    key = kind("ScanCode") | kind("USBCode") >> (lambda value: [value])
    numbers = module.oneplus(kind("Name"))
    both = module.skip(module.many(kind("NewLine"))) + key + colon + (key | numbers) + module.maybe(kind("NewLine"))
    return module.many(both + module.many(kind("NewLine") + key)) + module.maybe(key + key + key)


class TheSame(unittest.TestCase):
    def test_tokens_of_any_text(self):
        chance = random.Random(1)
        for _ in range(3000):
            text = "".join(chance.choices(PIECES, k=chance.randrange(12)))
            self.assertEqual(tokens(lexer, text), tokens(own_lexer, text), text)

    def test_what_is_parsed_of_any_tokens(self):
        chance = random.Random(2)
        quick, own = grammar(parser), grammar(own_parser)
        longest = 0
        for _ in range(3000):
            text = "".join(chance.choices(["S1", 'U"A"', ":", "\n", "name ", "12\n"], k=chance.randrange(14)))
            line = [token for token in lexer.make_tokenizer(SPECS + [("Space", (" ",))])(text) if token.type != "Space"]
            one, other = quick.parse(line), own.parse(line)
            self.assertEqual(repr(one), repr(other), text)
            longest = max(longest, len(one[0]))
        self.assertGreater(longest, 1, "the texts hold something to parse")

    def test_where_nothing_fits_both_say_so(self):
        for module in (parser, own_parser):
            with self.assertRaises(module.NoParseError):
                module.oneplus(module.some(lambda token: token == 1)).parse([2])


if __name__ == "__main__":
    unittest.main()
