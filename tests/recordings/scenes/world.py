"""The small world that the programs run in: machines made of pristine Debian trees, and the network between them.

Everything here runs inside namespaces of its own (mount, network, host name, processes), so that nothing is left behind:
when the recording ends, the kernel ends every process and forgets every mount, address and user.
"""

import ctypes
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

SERVER = "203.0.113.80"
SERVER6 = "2001:db8:80::80"
OUTSIDE = ["198.51.100.7", "198.51.100.23", "198.51.100.66", "198.51.100.99", "203.0.113.9", "203.0.113.77"]
OUTSIDE6 = ["2001:db8:7::7", "2001:db8:bad::1"]
CLONE_NEWNET = 0x40000000


def sh(*argv, **kw):
    """Runs a command of this machine and fails aloud."""
    return subprocess.run([str(a) for a in argv], check=True, **kw)


def make_network():
    """One link: the server's eth0, and beyond it the network namespace `outside` that has all other addresses."""
    os.makedirs("/run/netns", exist_ok=True)
    sh("mount", "-t", "tmpfs", "none", "/run/netns")
    sh("ip", "netns", "add", "outside")
    sh("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    far = ("ip", "-n", "outside")
    for ip in (("ip",), far):
        sh(*ip, "link", "set", "lo", "up")
        sh(*ip, "link", "set", "eth0", "up")
    sh("ip", "addr", "add", SERVER + "/32", "dev", "eth0")
    sh("ip", "addr", "add", SERVER6 + "/128", "dev", "eth0", "nodad")
    for address in OUTSIDE:
        sh(*far, "addr", "add", address + "/32", "dev", "eth0")
    for address in OUTSIDE6:
        sh(*far, "addr", "add", address + "/128", "dev", "eth0", "nodad")
    for ip, own in ((("ip",), SERVER), (far, OUTSIDE[0])):
        sh(*ip, "route", "add", "198.51.100.0/24", "dev", "eth0", "src", own)
        sh(*ip, "route", "add", "203.0.113.0/24", "dev", "eth0", "src", own)
        sh(*ip, "-6", "route", "add", "2001:db8::/32", "dev", "eth0")


def _move_thread_outside():
    with open("/run/netns/outside") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Outside:
    """Work done from the other end of the link: each worker thread stands in the namespace `outside`, and so do the
    sockets and processes that it makes. Every connection has a source port of its own, known beforehand."""

    def __init__(self, workers=16):
        self.pool = ThreadPoolExecutor(workers, initializer=_move_thread_outside)
        self._ports = itertools.count(40001)
        self._lock = threading.Lock()

    def port(self):
        with self._lock:
            return next(self._ports)

    def all(self, jobs):
        """Runs the jobs side by side; gives their results in the order of the jobs."""
        running = [self.pool.submit(j) for j in jobs]
        errors = [str(f.exception()) for f in running if f.exception()]
        if errors:
            raise RuntimeError("\n".join(errors))
        return [f.result() for f in running]

    def do(self, job):
        return self.pool.submit(job).result()


def connect(source, port, server_port):
    """A TCP connection with this source address and port; only to be called by `Outside`'s threads."""
    v6 = ":" in source
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
    s.settimeout(20)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, port))
    s.connect((SERVER6 if v6 else SERVER, server_port))
    return s


class Host:
    """A machine: a pristine tree with a layer above it that is thrown away."""

    _number = itertools.count()

    def __init__(self, trees, suite):
        self.suite = suite
        self.base = pathlib.Path(trees) / "live" / f"{suite}-{next(self._number)}"
        self.root = self.base / "root"
        self.running = []
        for d in ("upper", "work", "root"):
            (self.base / d).mkdir(parents=True)
        layers = f"lowerdir={trees}/{suite},upperdir={self.base}/upper,workdir={self.base}/work"
        sh("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        for kind, at in (("proc", "proc"), ("devpts", "dev/pts"), ("tmpfs", "dev/shm"), ("tmpfs", "run")):
            options = "newinstance,ptmxmode=0666,mode=620,gid=5" if kind == "devpts" else "mode=1777" if at.endswith("shm") else "mode=755"
            sh("mount", "-t", kind, "-o", "defaults" if kind == "proc" else options, kind, self.root / at)
        (self.root / "dev/ptmx").unlink()
        os.symlink("pts/ptmx", self.root / "dev/ptmx")
        (self.root / "run/sshd").mkdir()
        (self.root / "run/lock").mkdir()
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        self.write("/run/utmp", "", 0o664)
        self.write("/etc/default/locale", "LANG=C.UTF-8\n")
        self.write("/etc/hostname", "web01\n")
        self.write("/etc/hosts", "127.0.0.1 localhost\n203.0.113.80 web01.example.org web01\n::1 localhost\n")
        self.write("/etc/resolv.conf", "")

    def path(self, at):
        return self.root / at.lstrip("/")

    def write(self, at, text, mode=0o644, owner=None):
        p = self.path(at)
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(text if isinstance(text, bytes) else text.encode())
        p.chmod(mode)
        if owner:
            self.run("chown", f"{owner}:{owner}", at)

    def run(self, *argv, check=True, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.STDOUT)
        kw.setdefault("stdin", subprocess.DEVNULL if "input" not in kw else None)
        if "input" in kw:
            kw.pop("stdin")
        done = subprocess.run(["chroot", str(self.root), *map(str, argv)], timeout=120, **kw)
        if check and done.returncode != 0:
            raise RuntimeError(f"{argv} ended with {done.returncode}: {done.stdout!r}")
        return done

    def start(self, *argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        p = subprocess.Popen(["chroot", str(self.root), *map(str, argv)], start_new_session=True, **kw)
        self.running.append(p)
        return p

    def stop(self, p, how=signal.SIGTERM):
        self.running.remove(p)
        # The whole group: what was started through `faketime` is its child.
        os.killpg(p.pid, how)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()

    def add_user(self, name, password=None, *options):
        self.run("useradd", "-m", "-s", "/bin/bash", *options, name)
        if password is not None:
            self.run("chpasswd", input=f"{name}:{password}\n".encode())

    def version(self, package):
        return self.run("dpkg-query", "-W", "-f", "${Version}", package, stderr=subprocess.DEVNULL).stdout.decode()

    def close(self):
        for p in list(reversed(self.running)):
            self.stop(p)
        sh("umount", "-R", "-l", self.root)
        shutil.rmtree(self.base, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_for(condition, seconds=20, what="a condition"):
    end = time.time() + seconds
    while not condition():
        if time.time() > end:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)


def wait_port(port):
    """Until something listens on the port, at either end of the address families."""
    def listening():
        lines = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path("/proc/net/" + name).read_text().splitlines()[1:]]
        return any(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)
    wait_for(listening, 60, f"port {port}")


def write_expected(dest, records):
    """What truly happened, one JSON object a line."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    dest.write_text("".join(json.dumps(r, ensure_ascii=True) + "\n" for r in records))


def text_or_hex(name, value):
    """Bytes as text where they are UTF-8, and always as `<name>_hex` where they are not."""
    try:
        return {name: value.decode("utf-8")}
    except UnicodeDecodeError:
        return {name + "_hex": value.hex()}
