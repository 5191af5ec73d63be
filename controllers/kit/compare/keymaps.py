"""Keymaps that a person might make of a layout: a change of each kind, the same for the same seed."""

import random
import re

# The kinds of change, in the order in which they are tried.
KINDS = ("as it is", "moved keys", "more layers", "macros and combos", "options", "few keys", "own animation", "unreadable")

# Numbers of the firmware that people do set; no keyboard knows all of them.
OPTIONS = {"MinDebounceTime": 8, "ISSI_FrameRate_ms": 12, "ResultMacroBufferSize": 60, "Pixel_AnimationStackSize": 16, "USBIdle": 1}

KEY = re.compile(r'^(U"[^"]+") : (U"[A-Z0-9]+");$')


def changed(kind, layers, seed):
    """The layers' texts with one change of this kind."""
    chance = random.Random(f"{kind} {seed}")
    layers = list(layers)
    if kind == "moved keys":
        layers[0] = _move(layers[0], chance)
    elif kind == "more layers":
        layers += [_few(layers[0], chance, 0.2), _few(layers[0], chance, 0.1)]
    elif kind == "macros and combos":
        layers[0] = _with_macros(layers[0], chance)
    elif kind == "options":
        layers[0] += "".join(f"{name} = {value};\n" for name, value in chance.sample(sorted(OPTIONS.items()), 3))
    elif kind == "few keys":
        layers[0] = _few(layers[0], chance, 0.5)
    elif kind == "own animation":
        layers[0] += _animation(chance)
    elif kind == "unreadable":
        layers[0] += 'U"A" : U"no key has this name";\n'
    return layers


def _keys(text):
    return [line for line in text.splitlines() if KEY.match(line)]


def _move(text, chance):
    """A few keys each take the action of the next one."""
    keys = chance.sample(_keys(text), 4)
    moved = {}
    for one, other in zip(keys, keys[1:] + keys[:1]):
        moved[one] = f"{KEY.match(one)[1]} : {KEY.match(other)[2]};"
    return "".join(moved.get(line, line) + "\n" for line in text.splitlines())


def _few(text, chance, share):
    return "".join(line + "\n" for line in text.splitlines() if not KEY.match(line) or chance.random() < share)


def _with_macros(text, chance):
    """A key that writes a word, one that presses three at once, and two that are one together."""
    one, two, three, four = (KEY.match(key)[1] for key in chance.sample(_keys(text), 4))
    return text + (
        f'{one} : U"H", U"I", U"J";\n'
        f'{two} : U"LCtrl" + U"LAlt" + U"X";\n'
        f'{three} + {four} : U"Esc";\n'
    )


def _animation(chance):
    frames = "".join(
        f"A[my_own, {frame}] <= P[{chance.randint(1, 9)}]({chance.randint(1, 255)},0,{chance.randint(1, 255)});\n"
        for frame in range(1, chance.randint(3, 8))
    )
    return f"A[my_own] <= start, framedelay:5, loop, replace:clear;\n{frames}"
