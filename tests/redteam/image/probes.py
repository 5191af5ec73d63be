"""Attempts to get out that a container has to refuse. Each is a list of names with what is tried.

What is tried is harmless where it succeeds: a file is opened and not written to. Whoever reads the
log counts the lines: TRIED is how many there must be, ESCAPED must not be there.
"""

import ctypes
import errno
import os
import re
import socket
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)

# Of x86-64 and of aarch64.
NUMBERS = {
    "x86_64": {
        "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169, "sethostname": 170, "init_module": 175,
        "pivot_root": 155, "chroot": 161, "acct": 163, "kexec_load": 246, "add_key": 248, "keyctl": 250,
        "unshare": 272, "perf_event_open": 298, "open_by_handle_at": 304, "clock_settime": 227, "setns": 308,
        "finit_module": 313, "bpf": 321, "iopl": 172, "clone3": 435, "fsopen": 430, "open_tree": 428,
    },
    "aarch64": {
        "mount": 40, "umount2": 39, "swapon": 224, "reboot": 142, "sethostname": 161, "init_module": 105,
        "pivot_root": 41, "chroot": 51, "acct": 89, "kexec_load": 104, "add_key": 217, "keyctl": 219,
        "unshare": 97, "perf_event_open": 241, "open_by_handle_at": 265, "clock_settime": 112, "setns": 268,
        "finit_module": 273, "bpf": 280, "fsopen": 430, "open_tree": 428,
    },
}[os.uname().machine]

NEW_NAMESPACES = {"mount": 0x20000, "user": 0x10000000, "network": 0x40000000, "process": 0x20000000}


def report(tried):
    for name, attempt in tried:
        try:
            attempt()
            print(f"ESCAPED {name}")
        except Exception as error:
            print(f"REFUSED {name}: {error}")
    print(f"TRIED {len(tried)}", flush=True)
    return 1


def syscall(name, *arguments):
    """A call that only a missing right may refuse: any other answer means that the right is there."""
    def attempt():
        if name not in NUMBERS:
            raise OSError(errno.ENOSYS, "there is no such call here")
        if LIBC.syscall(NUMBERS[name], *arguments) == 0:
            return
        number = ctypes.get_errno()
        if number in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            raise OSError(number, os.strerror(number))
    return f"{name}{arguments}", attempt


def opening(path, flags=os.O_RDONLY):
    return f"open {path} ({flags})", lambda: os.close(os.open(path, flags))


def writing(path):
    return opening(path, os.O_WRONLY)


def making(path):
    return opening(path, os.O_WRONLY | os.O_CREAT)


def reading(path):
    """What is masked can be opened and is empty."""
    def attempt():
        held = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        if not held:
            raise OSError("it is empty")
    return f"read {path}", attempt


def connecting(family, address, kind=socket.SOCK_STREAM):
    def attempt():
        with socket.socket(family, kind) as one:
            one.settimeout(0.5)
            one.connect(address)
    return f"connect {address}", attempt


def network(_):
    def interfaces():
        others = [name for _, name in socket.if_nameindex() if name != "lo"]
        if not others:
            raise OSError("there is no interface but lo")
    inet, inet6 = socket.AF_INET, socket.AF_INET6
    return [
        connecting(inet, ("1.1.1.1", 443)),
        connecting(inet, ("172.17.0.1", 22)),
        connecting(inet, ("169.254.169.254", 80)),
        connecting(inet, ("8.8.8.8", 53), socket.SOCK_DGRAM),
        connecting(inet6, ("2606:4700:4700::1111", 443)),
        connecting(inet, ("127.0.0.1", 3001)),
        ("raw socket", lambda: socket.socket(inet, socket.SOCK_RAW, 1)),
        ("packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        ("resolve a name", lambda: socket.getaddrinfo("example.org", 80)),
        ("another interface", interfaces),
    ]


def engine_socket(_):
    def abstract():
        names = re.findall(r"@\S+", open("/proc/net/unix", encoding="utf-8").read())
        if not names:
            raise OSError("nobody listens at an abstract address")
    paths = ["docker.sock", "containerd/containerd.sock", "podman/podman.sock", "crio/crio.sock"]
    paths = [f"{above}/{path}" for above in ("/run", "/var/run") for path in paths]
    return [connecting(socket.AF_UNIX, path) for path in paths] + [("abstract sockets", abstract)]


def other_builds(layout):
    """Its own two directories are all that it has, and of those it writes to one."""
    def beside(path, own):
        others = set(os.listdir(path)) - own
        if not others:
            raise OSError("there is nothing else")
    sources = [line.split()[3] for line in open("/proc/self/mountinfo", encoding="utf-8")]
    sources = [path for path in sources if "tmp_" in path]
    return [
        ("list /mnt", lambda: beside("/mnt", {"config", "builds"})),
        making("/mnt/config/input/more.kll"),
        making("/mnt/config/job2"),
        ("rename the inputs", lambda: os.rename("/mnt/config/input", "/mnt/config/other")),
        ("remount the inputs", lambda: subprocess.check_output(
            ["mount", "-o", "remount,rw", "/mnt/config"], stderr=subprocess.STDOUT)),
        *[opening(path) for path in sources],
        *[opening(os.path.dirname(path)) for path in sources],
        opening(layout["builds"]),
    ]


def host_files(layout):
    return [
        opening(layout["canary"]),
        making(layout["canary"]),
        opening("/etc/shadow"),
        writing("/etc/passwd"),
        making("/etc/cron.d/evil"),
        making("/usr/bin/evil"),
        making("/controller/evil"),
        opening("/proc/1/root/redteam/of-root"),
        opening("/redteam/of-root"),
        opening("/dev/mem"),
        opening("/dev/sda"),
        opening("/dev/vda"),
        opening("/dev/kmsg"),
    ]


def proc_and_sys(_):
    release_agents = ["/sys/fs/cgroup/release_agent"]
    release_agents += [f"/sys/fs/cgroup/{name}/release_agent" for name in ("memory", "rdma", "cpu", "pids")]
    limits = ["memory/memory.limit_in_bytes", "pids/pids.max", "memory.max", "pids.max", "cgroup.procs"]
    return [
        *[writing(path) for path in release_agents],
        *[writing(f"/sys/fs/cgroup/{path}") for path in limits],
        ("make a group", lambda: os.mkdir("/sys/fs/cgroup/memory/evil")),
        writing("/proc/sysrq-trigger"),
        writing("/proc/sys/kernel/core_pattern"),
        writing("/proc/sys/kernel/modprobe"),
        writing("/proc/sys/vm/overcommit_memory"),
        writing("/proc/sys/fs/binfmt_misc/register"),
        writing("/sys/kernel/uevent_helper"),
        writing("/sys/power/state"),
        *[reading(f"/proc/{name}") for name in ("kcore", "keys", "timer_list", "scsi", "acpi")],
        *[reading(f"/sys/{name}") for name in ("firmware", "kernel/debug", "kernel/security")],
    ]


def setuid(_):
    def as_root(*command):
        return lambda: subprocess.run(command, check=True, input="", capture_output=True, text=True)
    return [
        ("a program of root's", as_root("/redteam/cat-as-root", "/redteam/of-root")),
        ("su", as_root("su", "-c", "id")),
        ("mount", as_root("mount", "-t", "tmpfs", "none", "/mnt")),
        ("newgrp", as_root("newgrp", "root")),
        ("become root", lambda: os.setuid(0)),
        ("become another group", lambda: os.setgroups([0])),
        ("run what it wrote to /tmp", run_from_tmp),
    ]


def run_from_tmp():
    with open("/tmp/program", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 0\n")
    os.chmod("/tmp/program", 0o4755)
    subprocess.run(["/tmp/program"], check=True)


def namespaces(_):
    calls = [syscall("unshare", flag) for flag in NEW_NAMESPACES.values()]
    setns = [("setns", lambda: namespace_of_process_1())]
    return calls + setns + [("unshare -r", lambda: subprocess.check_output(
        ["unshare", "-r", "id"], stderr=subprocess.STDOUT))]


def namespace_of_process_1():
    descriptor = os.open("/proc/1/ns/mnt", os.O_RDONLY)
    if LIBC.syscall(NUMBERS["setns"], descriptor, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def mounts(_):
    return [
        syscall("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
        syscall("mount", b"/", b"/tmp", 0, 0x1000, 0),
        syscall("umount2", b"/mnt/config", 2),
        syscall("pivot_root", b"/tmp", b"/tmp"),
        syscall("chroot", b"/tmp"),
        syscall("fsopen", b"tmpfs", 0),
        syscall("open_tree", -100, b"/", 1),
    ]


def ptrace(_):
    """Only its own processes are there; of all others it does not even know the number."""
    def others():
        known = {os.getpid(), 1}
        if not {int(name) for name in os.listdir("/proc") if name.isdigit()} - known:
            raise OSError("there is no process but its own")
    attach = 16

    def seize(pid):
        if LIBC.ptrace(attach, pid, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    numbers = [2, 3, 100, os.getpid() + 1, os.getpid() + 1000]
    kills = [(f"signal {pid}", lambda pid=pid: os.kill(pid, 0)) for pid in numbers]
    return [("see others", others), *kills, *[(f"seize {pid}", lambda pid=pid: seize(pid)) for pid in numbers]]


def devices(_):
    def node(path, kind):
        return f"mknod {path}", lambda: os.mknod(path, kind | 0o666, os.makedev(1, 1))
    block, character = 0o060000, 0o020000
    return [node("/tmp/disk", block), node("/tmp/mem", character), node("/mnt/builds/firmware.zip", block)]


def kernel_calls(_):
    return [
        syscall("bpf", 0, 0, 0),
        syscall("perf_event_open", 0, 0, -1, -1, 0),
        syscall("keyctl", 0, -3, 0),
        syscall("add_key", b"user", b"k", b"v", 1, -3),
        syscall("init_module", 0, 0, b""),
        syscall("finit_module", -1, b"", 0),
        syscall("kexec_load", 0, 0, 0, 0),
        syscall("reboot", 0, 0, 0, 0),
        syscall("swapon", b"/tmp", 0),
        syscall("acct", b"/tmp/acct"),
        syscall("open_by_handle_at", -1, 0, 0),
        syscall("clock_settime", 0, 0),
        syscall("sethostname", b"", 0),
        syscall("iopl", 3),
    ]
