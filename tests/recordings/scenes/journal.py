"""systemd-journald without systemd: sshd, sudo and loggers write to it, journalctl prints it in each of its formats."""

import os
import pathlib
import time

from .accounts import RIGHT, Story
from .ssh_client import Clients
from .sshd import A, B, PASSWORD, WRONG, Server, by, certificates, make_keys, passwords, publickeys, sessions
from .sudo import SUDOERS
from .world import Host, sh, wait_for, write_expected

CONFIG = "[Journal]\nStorage=volatile\nReadKMsg={kmsg}\nAudit=no\nRateLimitIntervalSec=0\nForwardToSyslog=no\nForwardToWall=no\n"
OUTPUTS = ("json", "json-seq", "export", "short", "short-iso", "short-iso-precise", "short-full", "short-precise", "short-unix", "short-monotonic", "with-unit", "verbose", "cat")
UNITS = ("ssh.service", "backup.service")


class Journal:
    """journald on a machine; `kmsg` if it is to take the kernel's messages in."""

    def __init__(self, host, kmsg=False):
        self.host = host
        host.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        host.write("/etc/systemd/journald.conf", CONFIG.format(kmsg="yes" if kmsg else "no"))
        for d in ("/run/systemd/journal", "/run/log/journal"):
            host.path(d).mkdir(parents=True)
        self.daemon = host.start("/usr/lib/systemd/systemd-journald")
        wait_for(lambda: host.path("/run/systemd/journal/dev-log").exists(), what="journald's socket")
        if not host.path("/dev/log").exists():
            os.symlink("/run/systemd/journal/dev-log", host.path("/dev/log"))

    def print(self, output, *more, env=None):
        time_zone = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", **(env or {"TZ": "UTC"})}
        return self.host.run("journalctl", "-D", "/run/log/journal", "--no-pager", "-o", output, *more, env=time_zone, stderr=None).stdout


class Units:
    """Control groups named like systemd's units, so that journald finds `_SYSTEMD_UNIT`; none where the kernel refuses."""

    def __init__(self, host):
        self.at = host.path("/sys/fs/cgroup")
        self.at.mkdir(parents=True, exist_ok=True)
        sh("mount", "-t", "cgroup2", "none", self.at)

    def __enter__(self):
        for unit in UNITS:
            (self.at / "system.slice" / unit).mkdir(parents=True, exist_ok=True)
        return self

    def join(self, unit):
        """For `preexec_fn`: what is started belongs to the unit."""
        procs = self.at / "system.slice" / unit / "cgroup.procs"
        return lambda: procs.write_text(str(os.getpid()))

    def __exit__(self, *_):
        time.sleep(0.5)
        for unit in UNITS:
            (self.at / "system.slice" / unit).rmdir()
        (self.at / "system.slice").rmdir()


def play(host, server, clients, keys, outside, units):
    """The events; gives the truth beside that of the SSH clients."""
    story = Story(host)
    story.note(time.time(), program="systemd-cat", identifier="backup", message="Sicherung läuft", priority=5)
    host.run("systemd-cat", "-t", "backup", "-p", "notice", "echo", "Sicherung läuft", preexec_fn=units.join("backup.service"))
    stop = server.start("VERBOSE", (22,), preexec_fn=units.join("ssh.service"))
    invalid = by("password", "invalid user")
    for job in (publickeys(clients, keys)[0], passwords(clients)[2], passwords(clients)[6], certificates(clients, keys)[0], certificates(clients, keys)[4],
                sessions(clients, keys)[3], clients.raw("a\nAccepted password for root from 203.0.113.9 port 22 ssh2", B, [["password", WRONG], ["close", 0]], [invalid]),
                clients.raw(b"\xff\xfe\x80", B, [["password", WRONG], ["close", 0]], [invalid])):
        outside.do(job)
    stop()
    story.on_terminal("anna", "sudo id", [("assword", RIGHT)], {"program": "sudo", "user": "anna", "as": "root", "command": "/usr/bin/id", "outcome": "allowed", "cwd": "/"}, 0)
    story.on_terminal("intern", "sudo id", [("assword", RIGHT)], {"program": "sudo", "user": "intern", "as": "root", "command": "/usr/bin/id", "outcome": "not in sudoers", "cwd": "/"}, 1)
    story.do(["useradd", "-M", "-N", "-u", "1700", "-s", "/bin/sh", "helper"], {"action": "user added", "user": "helper", "uid": 1700})
    for text in (b"two\nlines", b"control \x1b[31m and \x01 and tab \t", b"not UTF-8: \xff\xfe\xe4", "Grüße".encode(), b"x" * 5000):
        host.run("logger", "--journald", input=b"MESSAGE=" + text.replace(b"\n", b" ") + b"\nSYSLOG_IDENTIFIER=native\nPRIORITY=4\nSITE_FIELD=one\nSITE_FIELD=two\n" if b"\n" not in text
                 else b"MESSAGE=two\nMESSAGE=lines\nSYSLOG_IDENTIFIER=native\nPRIORITY=4\n")
        story.note(time.time(), program="logger", identifier="native", message_hex=text.hex())
        host.run("logger", "-t", "overlog", "-p", "user.warning", "--socket-errors=on", text.replace(b"\n", b" ").decode("latin-1") if text.isascii() else "umlaut ä")
    return story.truth


def record(trees, out, outside):
    dest = out / "journal"
    dest.mkdir(parents=True, exist_ok=True)
    with Host(trees, "bookworm") as far, Host(trees, "bookworm") as host:
        keys = make_keys(far)
        clients = Clients(far, outside)
        server = Server(host, keys)
        host.write("/etc/sudoers.d/recording", SUDOERS, 0o440)
        with Units(host) as units:
            journal = Journal(host)
            truth = play(host, server, clients, keys, outside, units)
            time.sleep(1)
            for output in OUTPUTS:
                (dest / f"journal.{output}.txt").write_bytes(journal.print(output))
            (dest / "journal.short-full.berlin.txt").write_bytes(journal.print("short-full", env={"TZ": "Europe/Berlin"}))
            host.stop(journal.daemon)
        head = {"kind": "recording", "systemd": host.version("systemd"), "openssh": host.version("openssh-server"), "log_level": "VERBOSE"}
        write_expected(dest / "journal.expected.jsonl", [head, *clients.restart(), *truth])
