"""Builds a keymap on a prepared tree: compiles the KLL and the objects that it reaches, and links.

    python3 -S -c 'from warm.build import main; main()' <keyboard script without .bash> <directory>

The maps are said in the environment as for the keyboard's script, the KLL files lie in the directory, and
the same files come out there. Exit status 75 says that this is no build for a prepared tree or that something
failed: then the script has to do it, from the beginning, and its words are for the user.
"""

import os
import shutil
import subprocess
import sys
import threading
import time

from warm.headers import Headers
from warm.plan import Plan, Unknown, has_veneers, kll_arguments

TREES = "/opt/kiisrv/warm"
CONTROLLER = "/controller"
BUILD = "/tmp/build"
WORDS = "words"

NOT_HERE = 75


def main():
    status = run(*sys.argv[1:])
    # Nothing here needs to be taken down piece by piece.
    sys.stdout.flush()
    os._exit(status)


def run(keyboard, directory):
    """The exit status of a build."""
    try:
        build(tree_of(keyboard, os.environ.get("Layout", "")), directory, Phases())
    # Whatever it is, the stock path does not have it, or says it better.
    except Exception as why:
        print(f"kiisrv: not on the prepared tree: {why}", flush=True)
        return NOT_HERE
    return 0


class Phases:
    """How long each part of a build took, for the log."""

    def __init__(self):
        self.last = time.monotonic()

    def ended(self, what):
        now = time.monotonic()
        print(f"kiisrv: {what} in {(now - self.last) * 1000:.0f} ms", flush=True)
        self.last = now


def tree_of(keyboard, layout):
    for name in (f"{keyboard}@{layout}", keyboard):
        tree = os.path.join(TREES, name)
        if os.path.isdir(tree):
            return tree
    raise Unknown(f"there is none of {keyboard} {layout}")


def build(tree, directory, phases):
    plan = Plan.load(tree)
    plan.check()
    maps = [os.environ.get(name, "") for name in ("DefaultMapOverride", "PartialMapsExpandedOverride")]
    _compile_kll(plan.kll, kll_arguments(plan.kll, directory, *maps), directory)
    for name in plan.configured:
        shutil.copyfile(os.path.join(tree, name), os.path.join(directory, name))
    phases.ended("KLL compiled")
    headers = headers_of(plan, tree, directory)
    prepared = {one.path: one.variant_for(headers) for one in plan.objects}
    reached = [one for one in plan.objects if prepared[one.path] is None]
    _compile(reached)
    phases.ended(f"{len(reached)} of {len(plan.objects)} objects compiled")
    _link(plan, {path: f"{tree}/{variant}/{path}" for path, variant in prepared.items() if variant})
    phases.ended("linked")


def _compile_kll(kll, arguments, directory):
    # It is large, and not needed to find out that there is no tree.
    from warm.quick_kll import compile_kll

    if not compile_kll(arguments, kll.directory or directory):
        raise Unknown("the KLL compiler refuses this keymap")
    os.chdir(directory)
    if kll.then:
        _run("what follows the KLL compiler", ["sh", "-c", kll.then])


def headers_of(plan, tree, directory):
    """The generated files of this build, and what the tree knows of its sources."""
    texts = {name: read(os.path.join(directory, name)) for name in plan.generated}
    return Headers(texts, set(read(os.path.join(tree, WORDS)).split()))


def _compile(objects):
    # The largest source takes longest, and nothing shall wait for it at the end.
    waiting = iter(sorted(objects, key=lambda one: -os.path.getsize(one.command[-1])))
    compiled = []

    def work():
        for one in waiting:
            os.makedirs(os.path.dirname(one.path), exist_ok=True)
            if subprocess.call(one.command, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL):
                break
            compiled.append(one)

    workers = [threading.Thread(target=work) for _ in os.sched_getaffinity(0)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if len(compiled) != len(objects):
        raise Unknown("an object does not compile")


def _link(plan, prepared):
    """Links as the cold build does, with the prepared objects where they lie: the same objects, in the same order."""
    _run("the linker", [prepared.get(word, word) for word in plan.link])
    if plan.bare and has_veneers(plan.program):
        raise Unknown("the program has a veneer, and its place is not certain")
    reports = [subprocess.Popen(["sh", "-c", line], stderr=subprocess.STDOUT) for line in plan.report]
    _run("what follows the linker", ["sh", "-c", plan.finish])
    if any(report.wait() for report in reports):
        raise Unknown("the size could not be told")


def _run(what, command):
    if subprocess.call(command, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL):
        raise Unknown(f"{what} failed")


def read(path):
    # As it is, to the last carriage return.
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()
