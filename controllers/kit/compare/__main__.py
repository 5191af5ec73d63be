"""Builds keymaps of each kind on prepared trees and cold, and compares every file of firmware to the byte.

A prepared tree is built on in a container of the build's own, and in one that was started ahead and waited for its job.

    python3 controllers/kit/compare <image> [--seed N] [--times N] [--layouts KType-Standard,…] [--json FILE] [--cgroup PARENT]

For each layout that comes with the service, with a change of each kind (keymaps.py), and in the sandbox that builds
have. Seconds are the fastest of --times runs of the whole container, from its job on where it waited; --cgroup is for a machine that does other work.
Exit status 1 where anything differs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile

KIT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(KIT))
sys.path.insert(0, os.path.join(KIT, "controller"))
# What lies beside the sources goes into images.
sys.dont_write_bytecode = True

from keymaps import KINDS, changed  # noqa: E402
from warm.maps import layouts_of  # noqa: E402

SANDBOX = [
    *("--read-only", "--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"),
    *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=128m,mode=1777,nr_inodes=16384", "--memory", "512m", "--memory-swap", "512m"),
    *("--pids-limit", "256", "--cpus", "2", "--ulimit", "fsize=67108864"),
]


def main():
    arguments = _arguments()
    label = ["docker", "inspect", "-f", '{{index .Config.Labels "kiisrv.dialect"}}', arguments.image]
    dialect = subprocess.run(label, check=True, capture_output=True, text=True).stdout.strip()
    layouts = layouts_of(f"{ROOT}/shared/keyboards.json", f"{ROOT}/tests/golden/{dialect}")
    results = []
    for layout in layouts:
        if arguments.layouts and layout.name not in arguments.layouts.split(","):
            continue
        for kind in KINDS:
            results.append(_compare(arguments, layout, kind))
            print(_line(results[-1]), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    different = [result for result in results if not result["equal"]]
    print(f"{len(results)} keymaps, {len(different)} different, {sum(result['fell_back'] for result in results)} not on a prepared tree")
    sys.exit(1 if different or not results else 0)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--layouts", default="")
    parser.add_argument("--json")
    parser.add_argument("--cgroup", default="")
    return parser.parse_args()


def _compare(arguments, layout, kind):
    texts = []
    for path in layout.files:
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    texts = changed(kind, texts, arguments.seed)
    runs = {"ready": [], "warm": [], "cold": []}
    for _ in range(arguments.times):
        for way in runs:
            runs[way].append(_build(arguments, layout, texts, way))
    warm, cold = runs["warm"][0], runs["cold"][0]
    return {
        "layout": layout.name,
        "kind": kind,
        "equal": all(one["firmware"] == cold["firmware"] and one["status"] == cold["status"] for one in runs["warm"] + runs["ready"]),
        "fell_back": warm["fell_back"] or runs["ready"][0]["fell_back"],
        "built": cold["status"] == 0,
        "files": sorted(cold["firmware"]),
        "ready_seconds": min(one["seconds"] for one in runs["ready"]),
        "warm_seconds": min(one["seconds"] for one in runs["warm"]),
        "cold_seconds": min(one["seconds"] for one in runs["cold"]),
        "phases": min(runs["warm"], key=lambda one: one["seconds"])["phases"],
    }


def _build(arguments, layout, texts, way):
    with tempfile.TemporaryDirectory() as directory:
        config, builds = f"{directory}/config", f"{directory}/builds"
        os.makedirs(f"{config}/input")
        os.mkdir(builds)
        for path in (directory, config, f"{config}/input", builds):
            os.chmod(path, 0o777)
        mounts = ["-v", f"{config}:/mnt/config:ro", "-v", f"{builds}:/mnt/builds"]
        command = ["docker", "run", "--rm", "--cgroup-parent", arguments.cgroup, *SANDBOX, *mounts, arguments.image]
        if way == "ready":
            os.mkfifo(f"{config}/go")
        else:
            _write_inputs(config, layout, texts, way)
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as container:
            if way == "ready":
                bell = _when_it_waits(f"{config}/go", container)
                began = time.monotonic()
                _write_inputs(config, layout, texts, way)
                os.write(bell, b"\n")
                os.close(bell)
            said, _ = container.communicate()
        seconds = time.monotonic() - began
        return {
            "status": container.returncode,
            "seconds": round(seconds, 3),
            "firmware": _firmware(builds),
            "fell_back": "kiisrv: not " in said or " on its prepared tree" not in said,
            "phases": [line.removeprefix("kiisrv: ") for line in said.splitlines() if line.endswith(" ms")],
        }


def _write_inputs(config, layout, texts, way):
    for index, text in enumerate(texts):
        with open(f"{config}/input/{layout.name}-{index}.kll", "w", encoding="utf-8") as file:
            file.write(text)
    maps = [f"{layout.function_map} {layout.name}-{index}" for index in range(len(texts))]
    with open(f"{config}/.job", "w", encoding="utf-8") as file:
        file.write(
            f"script={layout.keyboard}.bash\ndir=input\noutput=firmware.zip\nsplit={layout.split:d}\nlayout={layout.variant}\n"
            f"default_map={maps[0]}\npartial_maps={';'.join(maps[1:])}\ncold={way == 'cold':d}\n"
        )
    os.rename(f"{config}/.job", f"{config}/job")


def _when_it_waits(bell, container):
    """The bell, when somebody waits at it."""
    while container.poll() is None:
        try:
            return os.open(bell, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.01)
    sys.exit("this image does not wait for its job")


def _firmware(builds):
    files = {}
    for name in os.listdir(builds):
        if name.endswith(".zip"):
            with zipfile.ZipFile(f"{builds}/{name}") as archive:
                # Everything but the log has to be the same; it tells how the build went.
                files.update((f"{name}/{one}", archive.read(one).hex()) for one in archive.namelist() if one != "log/build.log")
    return files


def _line(result):
    said = "equal" if result["equal"] else "DIFFERENT"
    said += "" if result["built"] else ", both failed"
    said += ", by the script" if result["fell_back"] else ""
    return f"{result['layout']:26}{result['kind']:20}{result['cold_seconds']:8.2f}{result['warm_seconds']:8.2f}{result['ready_seconds']:8.2f}  {said}"


main()
