"""A log without years that runs over New Year, and clocks that are put forward and back: the programs' time is made with faketime."""

from .syslog import Rsyslog
from .world import Host, write_expected

MOMENTS = ["2023-12-30 08:00:00", "2023-12-31 23:59:58", "2024-01-01 00:00:01", "2024-02-29 12:00:00", "2024-03-31 03:30:00",
           "2024-10-27 02:30:00", "2024-10-27 02:29:00", "2024-12-31 23:59:59", "2025-01-01 00:00:00"]


def record(trees, out, outside):
    with Host(trees, "bookworm") as host:
        host.path("/etc/localtime").unlink(missing_ok=True)
        host.path("/etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
        truth = [{"kind": "recording", "rsyslog": host.version("rsyslog"), "time_zone": "Europe/Berlin"}]
        syslog = Rsyslog(host, out / "pam", "newyear")
        syslog.configure(kernel_time=False)
        for i, moment in enumerate(MOMENTS):
            # The daemon gives the time, so it is the daemon that is deceived; glibc's syslog() cannot be.
            syslog.start("faketime", "-f", "@" + moment)
            user = f"helper{i}"
            host.run("useradd", "-M", "-N", "-u", 1600 + i, "-s", "/usr/sbin/nologin", user)
            truth.append({"program": "useradd", "action": "user added", "user": user, "uid": 1600 + i, "local_time_at_start": moment.replace(" ", "T")})
            syslog.stop()
        syslog.collect()
        write_expected(out / "pam" / "newyear.expected.jsonl", truth)
