"""The kernel's own messages of interfaces that listen to everything, as /dev/kmsg, dmesg, rsyslogd and journalctl give them.

The kernel's log is that of the whole machine; only lines with "promiscuous" are taken.
"""

import os
import stat
import time

from .journal import Journal, Units
from .world import Host, sh, write_expected

RSYSLOG = """
module(load="imklog")
:msg, !contains, "promiscuous" stop
action(type="omfile" file="/rec/rfc3164" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="/rec/iso" template="RSYSLOG_FileFormat")
action(type="omfile" file="/rec/rfc5424" template="RSYSLOG_SyslogProtocol23Format")
"""


def only(data):
    return b"".join(line for line in data.splitlines(keepends=True) if b"promiscuous" in line)


def record(trees, out, outside):
    dest = out / "kernel"
    dest.mkdir(parents=True, exist_ok=True)
    truth = [{"kind": "recording", "linux": os.uname().release}]
    kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(kmsg, 0, os.SEEK_END)
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - 1))
    with Host(trees, "bookworm") as host, Units(host):
        host.path("/rec").mkdir()
        host.write("/rec/kernel.conf", RSYSLOG)
        # imklog begins with all that the kernel still has; what was there before is thrown away.
        daemon = host.start("rsyslogd", "-n", "-f", "/rec/kernel.conf", "-i", "/run/rsyslogd.pid")
        time.sleep(1.5)
        for f in ("rfc3164", "iso", "rfc5424"):
            host.path("/rec/" + f).write_bytes(b"")
        os.mknod(host.path("/dev/kmsg"), 0o600 | stat.S_IFCHR, os.makedev(1, 11))
        journal = Journal(host, kmsg=True)
        sh("ip", "link", "add", "br0", "type", "bridge")
        sh("ip", "link", "add", "ens19", "type", "veth", "peer", "name", "ens20")
        steps = (("eth0", True, ("eth0", "promisc", "on")), ("eth0", False, ("eth0", "promisc", "off")), ("ens19", True, ("ens19", "master", "br0")),
                 ("ens19", False, ("ens19", "nomaster")))
        for device, on, argv in steps:
            truth.append({"device": device, "promiscuous": on, "at": round(time.time(), 3)})
            sh("ip", "link", "set", "dev", *argv)
            time.sleep(0.3)
        for device in ("ens19", "br0"):
            sh("ip", "link", "del", device)
        time.sleep(1)
        host.stop(daemon)
        for f in ("rfc3164", "iso", "rfc5424"):
            (dest / f"promiscuous.{f}.log").write_bytes(host.path("/rec/" + f).read_bytes())
        (dest / "promiscuous.kmsg").write_bytes(only(read_all(kmsg)))
        for name, argv in (("dmesg", ()), ("dmesg-ctime", ("-T",)), ("dmesg-iso", ("--time-format", "iso")), ("dmesg-decoded", ("-x",))):
            done = host.run("dmesg", *argv, "--since", since, env={"TZ": "UTC", "PATH": "/bin:/sbin:/usr/bin:/usr/sbin"})
            (dest / f"promiscuous.{name}.txt").write_bytes(only(done.stdout))
        for output in ("short", "json", "export"):
            (dest / f"promiscuous.journal-{output}.txt").write_bytes(journal.print(output, "_TRANSPORT=kernel", "-g", "promiscuous", "-n", "4", "--since", since))
        host.stop(journal.daemon)
    os.close(kmsg)
    write_expected(dest / "promiscuous.expected.jsonl", truth)


def read_all(kmsg):
    data = b""
    try:
        while part := os.read(kmsg, 8192):
            data += part
    except BlockingIOError:
        pass
    return data
