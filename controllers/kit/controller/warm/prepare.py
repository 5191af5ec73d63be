"""Builds each keyboard once, when the image is made, and keeps what later builds of it can take over.

    python3 -m warm.prepare <directory of maps> <keyboard script without .bash> …

A keyboard's script is run as in any build, with the maps that it names itself, in the directory where a
build will be. What is kept stands in TREES/<script>, or TREES/<script>@<layout> for a script that asks for the
layout's name. Then the layouts that people start from are built on it, also with a layer or two more, and the objects
that each of them needs besides are kept too. A keyboard that cannot be prepared is left out, and built as ever.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

from warm.build import BUILD, CONTROLLER, TREES, WORDS, headers_of
from warm.maps import layouts_of, scripts_of
from warm.plan import Unknown, has_veneers, plan_of, state_of

# Prepared as they will be built: by somebody who may write to nothing but the build's own directory.
NOBODY = 65534

# A layer is what people add most, and their number is in more objects than any other.
MORE_LAYERS = 2

OBJCOPY = "arm-none-eabi-objcopy"

IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")


def main():
    keyboards = f"{sys.argv[1]}/keyboards.json"
    layouts = layouts_of(keyboards, sys.argv[1])
    os.makedirs(TREES)
    if not os.path.lexists("/tmp/1-hid-io-layouts"):
        os.symlink("/opt/kiisrv/hid-io-layouts", "/tmp/1-hid-io-layouts")
    for keyboard in sys.argv[2:] or scripts_of(keyboards):
        own = [layout for layout in layouts if layout.keyboard == keyboard]
        halves = [f"{keyboard}-l", f"{keyboard}-r"]
        if all(os.path.isfile(_script(half)) for half in halves):
            for half, side in zip(halves, ("left", "right")):
                _prepare(half, os.path.join(BUILD, side), own)
        elif os.path.isfile(_script(keyboard)):
            _prepare(keyboard, BUILD, own)
    _share_equal_files()


def _script(keyboard):
    return f"{CONTROLLER}/Keyboards/{keyboard}.bash"


def _prepare(keyboard, directory, layouts):
    variants = sorted({layout.variant for layout in layouts}) if _asks_for_layout(keyboard) else [None]
    for variant in variants:
        name = keyboard if variant is None else f"{keyboard}@{variant}"
        try:
            plan = _prepare_tree(keyboard, variant or "", directory, os.path.join(TREES, name))
        except (OSError, subprocess.CalledProcessError, Unknown, ValueError) as why:
            shutil.rmtree(os.path.join(TREES, name), ignore_errors=True)
            print(f"warm: {name} stays cold: {why}")
            continue
        for layout in layouts:
            if variant in (None, layout.variant):
                _prepare_layout(keyboard, layout, plan, directory, os.path.join(TREES, name))
        kind = "bare objects" if plan.bare else "objects"
        print(f"warm: {name} with {sum(len(one.variants) for one in plan.objects)} {kind} for {len(plan.objects)}")


def _prepare_layout(keyboard, layout, plan, directory, tree):
    plain = None
    for more in range(MORE_LAYERS + 1):
        try:
            _build_warm(keyboard, layout, more, directory)
            headers = _keep_objects(plan, directory, tree, plain)
            plain = plain or headers
        except Unknown as why:
            print(f"warm: {os.path.basename(tree)} without {layout.name} and {more} layers more: {why}")


def _asks_for_layout(keyboard):
    """Whether a script, or one that it names, reads the layout's name."""
    scripts = [f"{keyboard}.bash", *re.findall(r"[\w.-]+\.bash", _text(_script(keyboard)))]
    paths = [f"{CONTROLLER}/Keyboards/{script}" for script in scripts]
    return any(re.search(r"\$\{?Layout\b", _text(path)) for path in paths if os.path.isfile(path))


def _text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _prepare_tree(keyboard, variant, directory, tree):
    _begin(directory)
    command = [f"./{keyboard}.bash", "-c", CONTROLLER, "-o", directory]
    _run(command, f"{CONTROLLER}/Keyboards", {"Layout": variant})
    return _keep_cold(directory, tree)


def _build_warm(keyboard, layout, more, directory):
    _begin(directory)
    for path in layout.files:
        shutil.copy(path, directory)
    command = [sys.executable, "-S", "-c", "from warm.build import main; main()", keyboard, directory]
    _run(command, directory, layout.environment(more))


def _begin(directory):
    shutil.rmtree(BUILD, ignore_errors=True)
    for made in sorted({BUILD, directory}):
        os.mkdir(made)
        os.chown(made, NOBODY, NOBODY)


def _run(command, directory, environment):
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "HOME": "/tmp", "TMPDIR": "/tmp", **environment},
        user=NOBODY,
        group=NOBODY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise Unknown(done.stdout.decode(errors="replace").strip().rpartition("\n")[2])


def _keep_cold(directory, tree):
    """Puts into the tree what a build of another keymap needs of this one."""
    plan = plan_of(_lines(["ninja", "-t", "commands"], directory))
    outputs = {_inside(path, directory) for path in _lines(["ninja", "-t", "targets", "rule", "CUSTOM_COMMAND"], directory)}
    included = _included(directory)
    inside = set()
    for one in plan.objects:
        one.includes = sorted(filter(None, (_inside(path, directory) for path in included[one.path])))
        inside.update(one.includes)
    plan.generated = sorted(inside & outputs)
    plan.configured = [*sorted(inside - outputs), "compile_commands.json"]
    files = {os.path.normpath(os.path.join(directory, path)) for paths in included.values() for path in paths}
    scripts = glob.glob(f"{CONTROLLER}/Keyboards/*.bash")
    plan.sources = {path: state_of(path) for path in sorted(files.union(scripts)) if not _inside(path, directory)}
    words = set()
    for path in files:
        if _inside(path, directory) not in plan.generated:
            with open(path, "rb") as file:
                words.update(IDENTIFIER.findall(file.read()))
    for one in plan.objects:
        # Also what macros put together; the definitions between are in the sources, or come of a keymap.
        words.update(IDENTIFIER.findall(re.sub(rb"^#.*", b"", _preprocessed(one, directory), flags=re.MULTILINE)))
    os.mkdir(tree)
    with open(os.path.join(tree, WORDS), "wb") as file:
        file.write(b"\n".join(sorted(words)))
    for path in plan.configured:
        _copy(path, directory, tree)
    if not has_veneers(os.path.join(directory, plan.program)):
        plan.make_bare()
    _keep_objects(plan, directory, tree)
    if plan.bare:
        _expect_the_same(plan, directory)
    return plan


def _expect_the_same(plan, directory):
    """Makes the program of bare objects, which has to be what it was before."""
    before = _memory_of(plan.program, directory)
    for command in [*(one.command for one in plan.objects), plan.link]:
        subprocess.run(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=True)
    if _memory_of(plan.program, directory) != before:
        raise Unknown("its firmware is another one of objects that have nothing for debuggers in them")


def _memory_of(program, directory):
    """What a program is in the keyboard's memory."""
    subprocess.run([OBJCOPY, "-O", "binary", program, "memory"], cwd=directory, check=True)
    with open(os.path.join(directory, "memory"), "rb") as file:
        return file.read()


def _keep_objects(plan, directory, tree, plain=None):
    """Puts the objects of a build into the tree that are not there, as one more variant of each.

    `plain` are the headers of the same keymap without the layers that nobody has: what differs from it by more
    than numbers is of no use to another keymap.
    """
    headers = headers_of(plan, tree, directory)
    names = headers.names()
    into = str(len(glob.glob(f"{tree}/[0-9]*")))
    for one in plan.objects:
        if one.variant_for(headers) is None and not (plain and headers.differ(plain, one.includes)):
            used = re.findall(rb"^#(?:define|undef) (\w+)", _preprocessed(one, directory), re.MULTILINE)
            uses = sorted({name.decode() for name in used} & names)
            one.variants.append([into, uses, headers.key(one.includes, uses)])
            _copy(one.path, directory, os.path.join(tree, into))
            # Most of an object is for debuggers. Where it has to be there, the linker never opens it.
            smaller = "--strip-debug" if plan.bare else "--compress-debug-sections=zlib"
            subprocess.run([OBJCOPY, smaller, os.path.join(tree, into, one.path)], check=True)
    plan.save(tree)
    return headers


def _preprocessed(one, directory):
    """An object's source after the preprocessor, with each macro that was expanded or tested."""
    command = [*one.command[: one.command.index("-o")], "-E", "-dU", one.command[-1]]
    return subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, check=True).stdout


def _copy(path, directory, target):
    os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
    shutil.copyfile(os.path.join(directory, path), os.path.join(target, path))


def _inside(path, directory):
    """A path from the build's directory, or None for what is elsewhere."""
    path = os.path.relpath(os.path.join(directory, path), directory)
    return None if path.startswith("..") else path


def _included(directory):
    """For each object all files that it is made of, from Ninja's own records."""
    included = {}
    for line in _lines(["ninja", "-t", "deps"], directory):
        if not line.startswith(" "):
            files = included[line.partition(":")[0]] = []
        else:
            files.append(line.strip())
    return included


def _lines(command, directory):
    output = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, check=True).stdout
    return [line for line in output.decode().splitlines() if line]


def _share_equal_files():
    """Layouts of one keyboard have objects in common; each is in the image once."""
    known = {}
    for path in sorted(glob.glob(f"{TREES}/**", recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                first = known.setdefault(hashlib.sha256(file.read()).digest(), path)
            if first != path:
                os.remove(path)
                os.link(first, path)


if __name__ == "__main__":
    main()
