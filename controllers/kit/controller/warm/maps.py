"""The layouts that people start from, as KLL: `keyboards.json` and a directory of maps for each layout."""

import glob
import json
import os
import re
from dataclasses import dataclass


@dataclass
class Layout:
    """One layout: the script that builds it, without .bash, its variant, its function map and its maps by layer."""

    name: str
    keyboard: str
    split: bool
    variant: str
    function_map: str
    files: list

    def environment(self, more=0):
        """How a keyboard's script is told of the maps, and of so many layers more that do nothing."""
        layers = [f"{self.function_map} {os.path.basename(path)[:-len('.kll')]}" for path in self.files]
        layers += [self.function_map] * more
        return {
            "Layout": self.variant,
            "DefaultMapOverride": layers[0],
            "PartialMapsExpandedOverride": ";".join(layers[1:]),
        }


def scripts_of(keyboards):
    """The scripts of all keyboards, without .bash."""
    with open(keyboards, encoding="utf-8") as file:
        return sorted({_script(keyboard) for keyboard in json.load(file)})


def _script(keyboard):
    return keyboard["script"].removesuffix(".bash")


def layouts_of(keyboards, directory):
    with open(keyboards, encoding="utf-8") as file:
        keyboards = {name: keyboard for keyboard in json.load(file) for name in keyboard["names"]}
    layouts = []
    for maps in sorted(glob.glob(f"{directory}/*/")):
        files = sorted(glob.glob(f"{maps}*.kll"), key=lambda path: int(re.search(r"(\d+)\.kll$", path)[1]))
        with open(files[0], encoding="utf-8") as file:
            header = dict(re.findall(r'^(\w+) = "(.*)";$', file.read(), re.MULTILINE))
        keyboard = keyboards[header["Name"]]
        layouts.append(
            Layout(
                os.path.basename(maps.rstrip("/")),
                _script(keyboard),
                keyboard.get("split", False),
                re.sub(r"[^A-Za-z0-9_.-]", "_", header["Variant"]),
                keyboard.get("function_map", "stdFuncMap"),
                files,
            )
        )
    return layouts
