"""Which objects a change of a generated file reaches."""

import unittest

from warm.headers import Headers

BEFORE = """// made of: one.kll
#pragma once
enum index { first, second };
#define LayerNum 2
#define Animations 3
#define Mask \\
    0xFF, /* all */ \\
    0x00
"""

WORDS = {"LayerNum", "Animations", "Mask", "index", "first", "second", "if"}


def key(text, uses, words=frozenset(WORDS)):
    return Headers({"defs.h": text}, set(words)).key(["buildvars.h", "defs.h"], uses)


class WhatAChangeReaches(unittest.TestCase):
    def reaches(self, after, uses):
        self.assertNotEqual(BEFORE, after, "the test changes nothing")
        return key(BEFORE, uses) != key(after, uses)

    def test_a_changed_value_reaches_those_that_use_it_and_nobody_else(self):
        after = BEFORE.replace("LayerNum 2", "LayerNum 4")
        self.assertTrue(self.reaches(after, ["LayerNum"]))
        self.assertFalse(self.reaches(after, ["Animations"]))
        self.assertFalse(self.reaches(after, []))

    def test_a_comment_reaches_nobody(self):
        self.assertFalse(self.reaches(BEFORE.replace("one.kll", "other.kll"), ["LayerNum"]))

    def test_a_name_that_is_gone_reaches_those_that_used_it(self):
        after = BEFORE.replace("#define Animations 3\n", "")
        self.assertTrue(self.reaches(after, ["Animations"]))

    def test_a_new_name_reaches_nobody_if_no_source_has_it_and_all_if_one_has(self):
        for name, reached in [("Animation__mine", False), ("if", True)]:
            after = BEFORE.replace("#define LayerNum", f"#define {name} 0\n#define LayerNum")
            self.assertEqual(self.reaches(after, []), reached, name)

    def test_anything_but_a_plain_definition_reaches_all(self):
        for one, other in [
            ("second }", "second, third }"),
            ("0xFF, /*", "0xFE, /*"),
            ("LayerNum 2", 'LayerNum "2"'),
            ("LayerNum 2", "LayerNum 2 /* more"),
            ("LayerNum 2", "LayerNum(x) 2"),
            ("LayerNum 2", "LayerNum 2 \\\n  + 1"),
            ("Animations 3\n", "Animations 3\n#define Animations 4\n"),
        ]:
            with self.subTest(other):
                self.assertTrue(self.reaches(BEFORE.replace(one, other), []))

    def test_a_comment_that_may_swallow_the_next_line_is_none(self):
        self.assertTrue(self.reaches(BEFORE.replace("one.kll", "one.kll \\"), []))
        # The preprocessor also takes a blank between the backslash and the line's end.
        self.assertTrue(self.reaches(BEFORE.replace("one.kll", "one.kll \\ "), []))

    def test_a_definition_that_moves_past_other_lines_reaches_those_that_use_it(self):
        moved = "#define LayerNum 2\n"
        after = moved + BEFORE.replace(moved, "")
        self.assertTrue(self.reaches(after, ["LayerNum"]))

    def test_an_object_that_does_not_include_the_file_is_not_reached(self):
        before, after = (Headers({"defs.h": text}, WORDS) for text in (BEFORE, "other\n"))
        self.assertEqual(before.key(["keymap.h"], []), after.key(["keymap.h"], []))


if __name__ == "__main__":
    unittest.main()
