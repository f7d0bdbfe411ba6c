"""The syslog daemons that write the recordings: rsyslogd in three file formats at once, and busybox's (Alpine's) syslogd."""

import pathlib
import shutil
import time

from .world import wait_for

RSYSLOG = """
global(workDirectory="/tmp")
module(load="imuxsock" SysSock.RateLimit.Interval="0" SysSock.UseSysTimeStamp="{kernel_time}")
$RepeatedMsgReduction {reduce}
action(type="omfile" file="/rec/rfc3164" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="/rec/rfc5424" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfile" file="/rec/iso" template="RSYSLOG_FileFormat")
"""


class Rsyslog:
    """`with Rsyslog(host, dest, name):` leaves dest/name.rfc3164.log, .rfc5424.log and .iso.log of the same messages."""

    def __init__(self, host, dest, name, formats=("rfc3164", "rfc5424", "iso"), reduce=False):
        self.host, self.dest, self.name, self.formats = host, pathlib.Path(dest), name, formats
        host.path("/rec").mkdir(exist_ok=True)
        self.configure(reduce)

    def configure(self, reduce=False, kernel_time=True):
        text = RSYSLOG.format(reduce="on" if reduce else "off", kernel_time="on" if kernel_time else "off")
        self.host.write("/rec/rsyslog.conf", text)

    def start(self, *before):
        """Starts rsyslogd, under `faketime` if that is what stands before."""
        self.daemon = self.host.start(*before, "rsyslogd", "-n", "-f", "/rec/rsyslog.conf", "-i", "/run/rsyslogd.pid")
        wait_for(lambda: self.host.path("/dev/log").exists(), what="rsyslogd's socket")
        time.sleep(0.2)

    def stop(self):
        time.sleep(0.5)
        self.host.stop(self.daemon)
        self.host.path("/dev/log").unlink(missing_ok=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        self.collect()

    def collect(self):
        self.dest.mkdir(parents=True, exist_ok=True)
        for f in ("rfc3164", "rfc5424", "iso"):
            made = self.host.path("/rec/" + f)
            if f in self.formats and made.exists():
                shutil.copyfile(made, self.dest / f"{self.name}.{f}.log")
            made.unlink(missing_ok=True)


class Busybox:
    """busybox's syslogd, as Alpine runs it: the facility and severity stand in the line."""

    def __init__(self, host, dest, name):
        self.host, self.dest, self.name = host, pathlib.Path(dest), name

    def __enter__(self):
        self.daemon = self.host.start("busybox", "syslogd", "-n", "-O", "/rec-busybox")
        wait_for(lambda: self.host.path("/dev/log").exists(), what="busybox syslogd's socket")
        time.sleep(0.2)

    def __exit__(self, *_):
        time.sleep(0.5)
        self.host.stop(self.daemon)
        self.dest.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.host.path("/rec-busybox"), self.dest / f"{self.name}.busybox.log")
        self.host.path("/dev/log").unlink(missing_ok=True)
