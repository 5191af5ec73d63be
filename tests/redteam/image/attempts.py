"""What a hostile build does. The layout's member `redteam` names the attempt.

An attempt in `COMPILING` runs where a hostile layout's code would run: as the keyboard's script, under
the kit's own entrypoint. The others are the container's first process, as if the entrypoint were hostile.
"""

import glob
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile

import probes

BUILDS = "/mnt/builds"
ZIP = f"{BUILDS}/firmware.zip"
MIB = 1 << 20

PATH = glob.glob("/mnt/config/input/*.json")[0]
LAYOUT = json.load(open(PATH, encoding="utf-8"))


def write_on(path, piece=b"\0" * MIB):
    """Writes to a file until that is refused; gives whether anything was taken."""
    taken = False
    try:
        with open(path, "wb", buffering=0) as file:
            while file.write(piece):
                taken = True
    except OSError as error:
        print(f"{path}: {error}", flush=True)
    return taken


# Limits.

def fork_bomb():
    """Forks until it is refused, and ends by that."""
    while True:
        if os.fork() == 0:
            # For a moment only: the entrypoint has to fork too, to say what it saw.
            os.close(1)
            os.close(2)
            time.sleep(0.2)
            os._exit(0)


def fork_bomb_without_end():
    while True:
        try:
            os.fork()
        except OSError:
            pass


def memory_bomb():
    held = []
    while True:
        held.append(bytearray(MIB))


def tmp_full():
    for number in range(100):
        with open(f"/tmp/fill{number}", "wb") as file:
            file.write(b"\0" * MIB)
    sys.exit(1)


def tmp_files():
    for number in range(1_000_000):
        os.close(os.open(f"/tmp/file{number}", os.O_CREAT, 0o600))
    sys.exit(1)


def tmp_large_file():
    with open("/tmp/large", "wb") as file:
        file.write(b"\0" * 12 * MIB)


def output_huge_file():
    """One file cannot be larger than its limit; so it goes on with the next one."""
    for number in range(1000):
        write_on(f"{BUILDS}/huge{number}")
    time.sleep(60)


def output_small_files():
    for number in range(1_000_000):
        os.close(os.open(f"{BUILDS}/{number}", os.O_CREAT, 0o600))


def output_sparse_files():
    for number in range(50):
        with open(f"{BUILDS}/sparse{number}", "wb") as file:
            file.truncate(8 * MIB)
    time.sleep(60)


def output_deep_tree():
    os.chdir(BUILDS)
    while True:
        os.mkdir("d")
        os.chdir("d")


def output_closed_directory():
    """What is in a directory that its owner closed cannot be measured."""
    os.mkdir(f"{BUILDS}/closed")
    write_on(f"{BUILDS}/closed/a")
    os.chmod(f"{BUILDS}/closed", 0)
    time.sleep(60)


def output_without_names():
    """Files that are open and have no name any more take room where nobody can count it."""
    held = []
    for number in range(500):
        held.append(os.open(f"{BUILDS}/{number}", os.O_CREAT | os.O_WRONLY))
        os.unlink(f"{BUILDS}/{number}")
        for _ in range(7):
            os.write(held[-1], bytes(MIB))
    time.sleep(60)


def output_and_gone():
    """Too much, and gone before anybody looks."""
    for number in range(3):
        with open(f"{BUILDS}/{number}", "wb") as file:
            file.truncate(8 * MIB)
    leave_zip()


def log_flood():
    while True:
        os.write(1, b"a line of a log\n" * 4096)


def log_of_one_line():
    while True:
        os.write(1, b"x" * 65536)


def log_of_no_text():
    os.write(1, (b"\xff\xfe\xc3(" * 10 + b"\n") * 2000)
    sys.exit(1)


def log_of_terminal_escapes():
    os.write(1, b"\x1b]0;title\x07\x1b[2J\x1b[31m\x00\r\x9b31m\n" * 3000)
    sys.exit(1)


def ignores_sigterm():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(60)


# What says why a build ended.

def hint(text):
    with open(f"{BUILDS}/reason", "w", encoding="utf-8") as file:
        file.write(text)
    sys.exit(1)


def hint_of_the_machines_trouble():
    hint("worker_lost")


def hint_that_lies():
    hint("out_of_memory")


def hint_that_is_huge():
    hint("out_of_memory " * 300_000)


def hint_that_is_a_pipe():
    os.mkfifo(f"{BUILDS}/reason")
    sys.exit(1)


def hint_that_is_a_link():
    os.symlink("/dev/zero", f"{BUILDS}/reason")
    sys.exit(1)


# The zip.

def leave_zip(path=ZIP, extra=()):
    """A zip as a real build leaves it, and what else shall be in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("log/build.log", "fine\n")
        file.writestr("kiibohd.dfu.bin", b"firmware")
        file.write(PATH, os.path.basename(PATH))
        for name, content in extra:
            file.writestr(name, content)
    sys.exit(0)


def zip_that_is_fine():
    """What somebody does who wants nothing but firmware: it compiles, in /tmp, and leaves a zip."""
    with open("/tmp/main.c", "w", encoding="utf-8") as file:
        file.writelines(f"int f{number}(int a) {{ return a * {number} / (a + 3); }}\n" for number in range(200))
    subprocess.run(["arm-none-eabi-gcc", "-O2", "-c", "/tmp/main.c", "-o", "/tmp/main.o"], check=True)
    leave_zip()


def zip_that_is_a_link():
    os.symlink("/etc/passwd", ZIP)


def zip_that_is_a_link_to_the_host():
    os.symlink(LAYOUT["canary"], ZIP)


def zip_with_two_names():
    pid = os.fork()
    if pid == 0:
        leave_zip()
    os.waitpid(pid, 0)
    os.link(ZIP, f"{BUILDS}/other")


def zip_that_is_a_pipe():
    os.mkfifo(ZIP)


def zip_that_is_a_socket():
    socket.socket(socket.AF_UNIX).bind(ZIP)


def zip_that_is_a_directory():
    os.mkdir(ZIP)


def zip_bomb():
    zeros = bytes(16 * MIB)
    leave_zip(extra=[(f"part{number}", zeros) for number in range(9)])


def zip_that_leads_up():
    leave_zip(extra=[("../../../etc/cron.d/evil", "x")])


def zip_that_leads_to_the_root():
    leave_zip(extra=[("/etc/cron.d/evil", "x")])


def zip_that_holds_a_link():
    link = zipfile.ZipInfo("out")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    leave_zip(extra=[(link, "/etc")])


def zip_with_one_name_twice():
    leave_zip(extra=[("kiibohd.dfu.bin", b"other firmware")])


# Everything that needs no more than to be refused is in `probes`.

COMPILING = {fork_bomb, memory_bomb, tmp_full, tmp_files, tmp_large_file}


def main():
    name = LAYOUT["redteam"]
    probe = getattr(probes, name, None)
    if probe:
        sys.exit(probes.report(probe(LAYOUT)))
    attempt = globals()[name]
    if attempt in COMPILING and sys.argv[1:] != ["compile"]:
        os.execv("/opt/kiisrv/entrypoint", ["entrypoint"])
    attempt()


main()
