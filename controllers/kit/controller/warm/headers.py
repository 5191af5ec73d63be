"""What an object is made of besides its source: the parts of generated files that it can see, as one key.

A generated file is read as lines. Lines that are nothing but a comment do not count. A *plain* definition
gives a name one value, of characters that can begin no comment, string or further line. An object sees of
a file all other lines, the values of the names that it uses, and which names there are that stand anywhere
in the firmware's sources. Equal keys are equal objects.
"""

import hashlib
import re

PLAIN = re.compile(r"#define[ \t]+([A-Za-z_]\w*)(?:[ \t]+([\w \t.,:;(){}\[\]<>=!?&|^~%+*-]*))?")

# What a file has in place of a run of definitions, so that none moves past other lines unnoticed.
DEFINITIONS = "#define"


class Header:
    """A generated file: its plain definitions by name, and a digest of all other lines."""

    def __init__(self, text):
        self.plain = {}
        other = []
        run = 0
        for line in text.replace("\\\n", "\\\0").split("\n"):
            # A backslash may make the next line a part of this one.
            if line.startswith("//") and "\\" not in line:
                continue
            found = PLAIN.fullmatch(line)
            # A name that is defined twice has no one value: such lines count as they stand.
            if found is None or found[1] in self.plain:
                other.append(line)
                continue
            if other[-1:] != [DEFINITIONS]:
                other.append(DEFINITIONS)
                run += 1
            self.plain[found[1]] = f"{run} {(found[2] or '').strip()}"
        self.other = hashlib.sha256("\n".join(other).encode()).hexdigest()


class Headers:
    """All generated files of a build; `words` are the words of the firmware's sources."""

    def __init__(self, texts, words):
        self.files = {name: Header(text) for name, text in texts.items()}
        # A new name that stands in a source means something else there than it did before.
        self.known = {name: sorted(file.plain.keys() & words) for name, file in self.files.items()}

    def key(self, includes, uses):
        """The key of an object that includes these files, as far as they are generated, and uses these names."""
        seen = []
        for name in includes:
            if name in self.files:
                plain = self.files[name].plain
                seen.append([name, self.files[name].other, self.known[name]])
                seen.append([[used, plain[used]] for used in uses if used in plain])
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    def differ(self, others, includes):
        """Whether an object that includes these files sees more than other values in the other headers."""
        return any(self.files[name].other != others.files[name].other for name in includes if name in self.files)

    def names(self):
        return set().union(*(file.plain for file in self.files.values()))
