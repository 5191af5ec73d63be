"""Gets ready for a build that nobody has asked for yet, and waits for it.

    python3 -S -c 'from warm.ready import main; main()' <directory of the job> <directory of lanes>

Ends when the file `job` is there, or with status 75 when none came. What stays are lanes: processes that have the KLL
compiler loaded, of which each builds one keyboard on its prepared tree. A lane is asked in <lane>.ask, in lines
key=value up to an empty one, and says its exit status in <lane>.said. Both ends of both are open in the lane, so that
nothing that is written gets lost, and whoever asks looks at <lane>.pid now and then, in case that the lane is gone.
"""

import gc
import os
import select
import sys
import time

from warm import build

# As many as keyboards are built at once: one, or two halves.
LANES = ("1", "2")

# The bell is what ends the wait. This is in case that nobody heard it.
LOOK_AGAIN_MS = 2000

# Whoever started a container gives it up long before this. What it left behind when it was killed ends by itself.
LONGEST_WAIT_S = 3600


def main():
    config, lanes = sys.argv[1:]
    os.mkdir(lanes)
    if os.path.isdir(build.TREES):
        from warm.quick_kll import load

        load()
        # What is loaded stays as it is, so that the lanes share its memory.
        gc.collect()
        gc.freeze()
        for name in LANES:
            _start_lane(os.path.join(lanes, name))
    os._exit(0 if wait_for(os.path.join(config, "job"), os.path.join(config, "go")) else 75)


def wait_for(job, bell):
    """Whether a job came. It is there, under its name, before the bell is rung."""
    until = time.monotonic() + LONGEST_WAIT_S
    listening = _listen(bell)
    while not os.path.isfile(job):
        if time.monotonic() >= until:
            return False
        poll = select.poll()
        poll.register(listening, select.POLLIN)
        poll.poll(LOOK_AGAIN_MS)
        # Anew, as whoever looked in leaves a bell that rings on. Open before the other is closed, as a container at whose
        # bell nobody is gets no build; and before the look for the job, which nobody would ring for after it.
        rung, listening = listening, _listen(bell)
        os.close(rung)
    return True


def _listen(bell):
    return os.open(bell, os.O_RDONLY | os.O_NONBLOCK)


def _start_lane(path):
    ends = []
    for end in (".ask", ".said"):
        os.mkfifo(path + end)
        ends.append(os.open(path + end, os.O_RDWR))
    child = os.fork()
    if child == 0:
        serve(*ends)
        os._exit(0)
    for end in ends:
        os.close(end)
    with open(path + ".pid", "w", encoding="ascii") as file:
        file.write(f"{child}\n")


def serve(ask, said):
    """Builds what is asked for, as a process would that is started for it."""
    asked = _read(ask)
    output = os.open(asked.pop("output"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    keyboard, directory = asked.pop("keyboard"), asked.pop("directory")
    os.chdir(asked.pop("from"))
    os.environ.update(asked)
    status = build.run(keyboard, directory)
    sys.stdout.flush()
    os.write(said, f"{status}\n".encode())


def _read(ask):
    text = b""
    while not text.endswith(b"\n\n"):
        text += os.read(ask, 65536)
    return dict(line.split("=", 1) for line in text.decode().splitlines() if line)
