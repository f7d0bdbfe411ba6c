"""wtmp, btmp, utmp and lastlog as sshd and login(1) write them, and what last, lastb and lastlog print of them."""

import shutil
import time

from .accounts import RIGHT, WRONG, Story
from .ssh_client import Clients, Stay
from .sshd import A, B, C, PASSWORD, V6, Server, by, by_key, identity, make_keys
from .syslog import Rsyslog
from .world import Host, write_expected


def record(trees, out, outside):
    dest = out / "logins"
    dest.mkdir(parents=True, exist_ok=True)
    with Host(trees, "bookworm") as far, Host(trees, "bookworm") as host:
        keys = make_keys(far)
        clients = Clients(far, outside)
        server = Server(host, keys)
        for name in ("wtmp", "btmp", "lastlog"):
            host.write("/var/log/" + name, "", 0o660)
        terminal = dict(options=[*identity(keys["ed25519"]), "RequestTTY=force"], command=(), stdin=b"exit\n", session={"type": "shell", "tty": True})
        failed, invalid, accepted = by("password", "failed", "wrong password"), by("password", "invalid user"), by_key(keys["ed25519"], "accepted")
        with Rsyslog(host, dest, "auth", ("iso",)):
            stop = server.start("INFO", (22,))
            for job in (clients.ssh("deploy", A, [accepted], **terminal), clients.ssh("anna", V6, [accepted], **terminal),
                        clients.ssh("root", B, [accepted], **terminal),
                        clients.ssh("deploy", B, [by("password", "accepted")], options=PASSWORD, answer=RIGHT),
                        clients.ssh("deploy", C, [failed] * 2, options=PASSWORD[:1] + ["NumberOfPasswordPrompts=2"], answer=WRONG),
                        clients.ssh("admin", V6, [invalid], options=PASSWORD, answer=WRONG),
                        clients.raw("a name that is longer than thirty-two characters", C, [["password", WRONG], ["close", 0]], [invalid]),
                        clients.raw("jürgen\x1b[31m", C, [["password", WRONG], ["close", 0]], [invalid])):
                outside.do(job)
            story = Story(host)
            login = lambda user, outcome: {"kind": "attempt", "program": "login", "user": user, "outcome": outcome}
            story.on_terminal("root", "login", [("login:", "anna"), ("assword:", RIGHT), (r"[$] ", "exit")], login("anna", "accepted"))
            story.on_terminal("root", "login", [("login:", "deploy"), ("assword:", WRONG), ("login:", "nobody2"), ("assword:", WRONG), ("login:", "anna"), ("assword:", RIGHT), (r"[$] ", "exit")],
                              login("deploy", "failed"))
            last = story.truth.pop()
            story.truth += [{**last, **login("deploy", "failed")}, {**last, **login("nobody2", "invalid user")}, {**last, **login("anna", "accepted")}]
            # A session that is still there when the files are taken.
            stay = Stay()
            open_one = outside.pool.submit(clients.ssh("webcare", A, [accepted], options=terminal["options"], command=(), stdin=b"sleep 60\n", stay=stay,
                                                       session={"type": "shell", "tty": True}, closed=False))
            stay.started.wait(60)
            time.sleep(1)
            copy(host, dest)
        stay.over.set()
        open_one.result()
        stop()
        for r in clients.truth:
            tty = r.get("session", {}).get("tty", False)
            # sshd notes an unknown name as soon as it hears it, and once more when the password has failed.
            r["in_wtmp"], r["in_btmp"], r["in_lastlog"] = tty, {"accepted": 0, "failed": 1, "invalid user": 2}[r["outcome"]], tty
        head = {"kind": "recording", "openssh": host.version("openssh-server"), "login": host.version("login"),
                "uids": {u: int(host.run("id", "-u", u).stdout) for u in ("root", "deploy", "anna", "webcare")}}
        write_expected(dest / "logins.expected.jsonl", [head, *clients.restart(), *story.truth])


def copy(host, dest):
    for name, at in (("wtmp", "/var/log/wtmp"), ("btmp", "/var/log/btmp"), ("lastlog", "/var/log/lastlog"), ("utmp", "/run/utmp")):
        shutil.copyfile(host.path(at), dest / name)
    for name, argv in (("last.txt", ("last", "-F", "-w", "-i", "-f", "/var/log/wtmp")), ("lastb.txt", ("lastb", "-F", "-w", "-i")), ("lastlog.txt", ("lastlog",)),
                       ("utmpdump.txt", ("utmpdump", "/var/log/wtmp")), ("utmpdump-btmp.txt", ("utmpdump", "/var/log/btmp"))):
        (dest / name).write_bytes(host.run(*argv, stderr=None).stdout)
