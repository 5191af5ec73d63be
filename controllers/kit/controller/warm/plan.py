"""What a prepared tree knows of its own build: the commands that the cold build ran, and what each object depends on.

The commands are Ninja's own list, so a warm build runs what a cold one would have run, only less of it, and without what is
for debuggers where that makes no difference.
"""

import json
import os
import re
import shlex

FILE = "plan.json"

# A file that only people read, written from a program's output; none of them is in the zip.
LISTING = re.compile(r">\s*\S+\.(lss|sym)$")
LINKER_MAP = re.compile(r"-Wl,-Map=[^,]*(,--cref)?")


class Unknown(Exception):
    """The build is not one of those that this can be done for."""


class Kll:
    """The KLL compiler's arguments; `default` and `partial` are the maps of the layers."""

    def __init__(self, directory, before, default, partial, after, then):
        self.directory = directory
        self.before = before
        self.default = default
        self.partial = partial
        self.after = after
        self.then = then


class Object:
    """One object: how it is compiled, which files of the build's directory it includes, and what is there of it.

    A variant is a directory of the tree, the generated names that this object uses there, and its key.
    """

    def __init__(self, path, command, includes=(), variants=()):
        self.path = path
        self.command = command
        self.includes = list(includes)
        self.variants = list(variants)

    def variant_for(self, headers):
        """The directory with the object for these generated files, or None."""
        for directory, uses, key in self.variants:
            if headers.key(self.includes, uses) == key:
                return directory
        return None


class Plan:
    """A build in its steps. `finish` makes the firmware of the linked program, `report` tells people about it.

    `generated` are the files that come of a keymap and are compiled; `configured` those of the build's
    directory that are the same for every keymap; `sources` all others, by path, with size and time of writing.
    `bare` says that the objects have nothing for debuggers in them.
    """

    def __init__(self, kll, objects, link, finish, report, generated=(), configured=(), sources=None, bare=False):
        self.kll = kll
        self.objects = objects
        self.link = link
        self.finish = finish
        self.report = report
        self.generated = generated
        self.configured = configured
        self.sources = sources or {}
        self.bare = bare

    @property
    def program(self):
        """The linked program, in the build's directory."""
        return self.link[self.link.index("-o") + 1]

    def make_bare(self):
        """Has objects compiled without what is for debuggers, which takes a fifth less time.

        For a program without veneers only. The linker puts those in an order that goes by how many sections there are in
        all objects, those for debuggers among them.
        """
        self.bare = True
        for one in self.objects:
            # The last word on it counts.
            one.command.insert(one.command.index("-o"), "-g0")

    def check(self):
        """Whoever changes a tree in an image made from this one need not know of what was prepared in it."""
        for path, state in self.sources.items():
            if state_of(path) != state:
                raise Unknown(f"{path} has changed since")

    def save(self, directory):
        with open(os.path.join(directory, FILE), "w", encoding="utf-8") as file:
            json.dump(self, file, default=vars, indent=1)

    @classmethod
    def load(cls, directory):
        with open(os.path.join(directory, FILE), encoding="utf-8") as file:
            saved = json.load(file)
        saved["kll"] = Kll(**saved["kll"])
        saved["objects"] = [Object(**one) for one in saved["objects"]]
        return cls(**saved)


def has_veneers(program):
    """Whether the linker put branches of its own into a program: it names each of them so. One without names may have some."""
    with open(program, "rb") as file:
        text = file.read()
    return b".symtab\0" not in text or any(name in text for name in (b"_veneer", b"_from_thumb", b"_from_arm"))


def state_of(path):
    status = os.stat(path)
    return [status.st_size, int(status.st_mtime)]


def plan_of(commands):
    """The plan behind the lines of `ninja -t commands`; what the objects include is not in them."""
    kll = [line for line in commands if " -m kll " in line]
    compiled = [line for line in commands if re.search(r" -o \S+ -c \S+$", line)]
    linked = [line for line in commands if line.startswith(": && ")]
    if len(kll) != 1 or len(linked) != 1 or not compiled:
        raise Unknown("these are not the commands of one firmware")
    objects = [_object_of(line) for line in compiled]
    link, finish = _link_of(linked[0])
    if missing := [one.path for one in objects if one.path not in link]:
        raise Unknown(f"{missing[0]} is not linked")
    behind = commands[commands.index(linked[0]) + 1 :]
    return Plan(_kll_of(kll[0]), objects, link, finish, behind)


def _steps(line):
    return [step.strip() for step in line.split(" && ") if step.strip() not in ("", ":")]


def _object_of(line):
    command = shlex.split(line)
    return Object(command[command.index("-o") + 1], command)


def _link_of(line):
    steps = _steps(line)
    # The linker's map is for people, and debugging information is not in the firmware.
    link = [word for word in shlex.split(steps[0]) if not LINKER_MAP.fullmatch(word)] + ["-Wl,--strip-debug"]
    finish = " && ".join(step for step in steps[1:] if not LISTING.search(step))
    return link, finish


def _kll_of(line):
    steps = _steps(line)
    directory = ""
    if steps[0].startswith("cd "):
        directory = shlex.split(steps.pop(0))[1]
    words = shlex.split(steps[0])
    before, layers, after = [], [], []
    into = before
    for word in words[words.index("kll") + 1 :]:
        if word in ("--default", "--partial"):
            if after:
                raise Unknown("the maps of the layers do not stand together")
            layers.append([])
            into = layers[-1]
        elif word.startswith("--") and layers:
            into = after
        into.append(word)
    if [layer.pop(0) for layer in layers] != ["--default"] + ["--partial"] * (len(layers) - 1):
        raise Unknown("there is not one default layer")
    return Kll(directory, before, layers[0], layers[1:], after, " && ".join(steps[1:]))


def kll_arguments(kll, directory, default_map, partial_maps):
    """The compiler's arguments for these maps. Where nothing is said, the keyboard's own script has its say."""
    known = {*kll.default, *sum(kll.partial, [])}

    def path_of(name):
        own = f"{directory}/{name}.kll"
        if os.path.isfile(own):
            return own
        # A map that comes with the tree is where it was found when the tree was prepared.
        found = [path for path in known if path.endswith(f"/{name}.kll")]
        if len(found) != 1:
            raise Unknown(f"the prepared tree knows no map {name}")
        return found[0]

    default = [path_of(name) for name in default_map.split()] or kll.default
    layers = [layer.split() for layer in partial_maps.split(";") if layer]
    if [] in layers or (partial_maps and not layers) or (default_map and not default_map.split()):
        raise Unknown("a layer has no map")
    partial = [[path_of(name) for name in layer] for layer in layers] or kll.partial
    arguments = [*kll.before, "--default", *default]
    for layer in partial:
        arguments += ["--partial", *layer]
    return arguments + kll.after
