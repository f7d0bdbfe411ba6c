"""useradd, usermod, passwd, chage, groupadd, userdel, su and login(1), as administrators and users run them."""

import time

from .syslog import Rsyslog
from .world import Host, write_expected

RIGHT, WRONG = "Zaunkoenig-17", "sommer2024"


class Terminal:
    """Runs a command on a terminal of its own with expect, answering its prompts; knows the terminal's name."""

    def __init__(self, host):
        self.host = host

    def run(self, user, command, answers, cwd="/"):
        """`answers`: pairs of what to wait for and what to type. Gives the terminal's name and what was printed."""
        script = ["set timeout 30", "log_user 1"]
        who = f"setpriv --reuid {user} --regid {user} --init-groups --reset-env env -C {cwd} TERM=dumb " if user != "root" else f"env -C {cwd} "
        script.append(f"spawn -noecho {who}{command}")
        script.append('puts "TTY $spawn_out(slave,name)"')
        for prompt, answer in answers:
            # A prompt is waited for, and a moment more: the program throws away what was typed before it listens.
            script.append(f"expect -re {{{prompt}}}; sleep 0.2; send -- {{{answer}}}; send \"\\r\"")
        script += ["expect eof", "lassign [wait] a b c status", 'puts "STATUS $status"']
        done = self.host.run("expect", "-", input="\n".join(script).encode())
        text = done.stdout.decode(errors="replace").replace("\r", "")
        tty = text.split("TTY /dev/")[1].split("\n")[0]
        status = int(text.split("STATUS ")[1].split()[0])
        return tty, status, text


class Story:
    """The steps of a recording, each with what happened and when."""

    def __init__(self, host):
        self.host, self.terminal, self.truth = host, Terminal(host), []

    def note(self, begun, **what):
        self.truth.append({**what, "begun": round(begun, 3), "ended": round(time.time(), 3)})

    def do(self, argv, *facts, **kw):
        begun = time.time()
        self.host.run(*argv, **kw)
        for f in facts:
            self.note(begun, program=argv[0], **f)

    def on_terminal(self, user, command, answers, fact, status=None, cwd="/"):
        begun = time.time()
        tty, code, text = self.terminal.run(user, command, answers, cwd)
        if status is not None and code != status:
            raise RuntimeError(f"{user}: {command}: ended with {code}, not {status}: {text}")
        self.note(begun, **fact, tty=tty)
        return text


def manage(story):
    """Accounts come, change and go."""
    do = story.do
    do(["groupadd", "-g", "1500", "wartung"], {"action": "group added", "group": "wartung", "gid": 1500})
    do(["useradd", "-m", "-u", "1501", "-s", "/bin/bash", "-c", "Wartungsfirma, Herr Müller", "webcare"],
       {"action": "group added", "group": "webcare", "gid": 1501},
       {"action": "user added", "user": "webcare", "uid": 1501, "gid": 1501, "home": "/home/webcare", "shell": "/bin/bash"})
    do(["useradd", "-o", "-u", "0", "-g", "0", "-M", "-d", "/root", "-s", "/bin/sh", "toor"],
       {"action": "user added", "user": "toor", "uid": 0, "gid": 0, "home": "/root", "shell": "/bin/sh"})
    do(["useradd", "-r", "-s", "/usr/sbin/nologin", "exporter"], {"action": "user added", "user": "exporter", "home": "/home/exporter", "shell": "/usr/sbin/nologin"})
    do(["useradd", "-m", "-G", "sudo,wartung", "-s", "/bin/bash", "anna"],
       {"action": "user added", "user": "anna", "home": "/home/anna", "shell": "/bin/bash"},
       {"action": "user added to group", "user": "anna", "group": "sudo"}, {"action": "user added to group", "user": "anna", "group": "wartung"})
    do(["useradd", "webcare"], check=False)
    story.note(time.time(), program="useradd", action="user not added", user="webcare", reason="exists")
    for user in ("webcare", "anna"):
        do(["chpasswd"], {"action": "password changed", "user": user, "by": "root"}, input=f"{user}:{RIGHT}\n".encode())
    do(["passwd", "webcare"], {"action": "password changed", "user": "webcare", "by": "root"}, input=f"{RIGHT}\n{RIGHT}\n".encode())
    story.on_terminal("anna", "passwd", [("urrent password:", RIGHT), ("ew password:", RIGHT + "x"), ("new password:", RIGHT + "x")],
                      {"program": "passwd", "action": "password changed", "user": "anna", "by": "anna"}, 0)
    story.on_terminal("anna", "passwd", [("urrent password:", WRONG)],
                      {"program": "passwd", "action": "password not changed", "user": "anna", "by": "anna", "reason": "wrong password"})
    do(["usermod", "-aG", "sudo", "webcare"], {"action": "user added to group", "user": "webcare", "group": "sudo"})
    do(["usermod", "-s", "/bin/sh", "-d", "/srv/webcare", "webcare"], {"action": "user changed", "user": "webcare", "shell": "/bin/sh", "home": "/srv/webcare"})
    do(["usermod", "-l", "webpflege", "webcare"], {"action": "user renamed", "user": "webcare", "new_name": "webpflege"})
    do(["usermod", "-L", "webpflege"], {"action": "user locked", "user": "webpflege"})
    do(["usermod", "-u", "0", "-o", "exporter"], {"action": "user changed", "user": "exporter", "uid": 0})
    do(["chage", "-E", "2030-01-01", "webpflege"], {"action": "expiry changed", "user": "webpflege"})
    do(["gpasswd", "-a", "anna", "adm"], {"action": "user added to group", "user": "anna", "group": "adm"})
    do(["gpasswd", "-d", "anna", "adm"], {"action": "user removed from group", "user": "anna", "group": "adm"})
    do(["chsh", "-s", "/bin/sh", "anna"], {"action": "user changed", "user": "anna", "shell": "/bin/sh"})
    do(["chfn", "-f", "Anna Ahlers", "anna"], {"action": "user changed", "user": "anna", "full_name": "Anna Ahlers"})
    do(["groupmod", "-n", "pflege", "wartung"], {"action": "group renamed", "group": "wartung", "new_name": "pflege"})
    do(["userdel", "-r", "webpflege"], {"action": "user deleted", "user": "webpflege"}, check=False)
    do(["userdel", "-f", "toor"], {"action": "user deleted", "user": "toor"}, check=False)
    do(["groupdel", "pflege"], {"action": "group deleted", "group": "pflege"})


def become(story):
    """su and login(1)."""
    host = story.host
    for user in ("anna", "deploy"):
        if host.run("id", user, check=False).returncode:
            host.add_user(user)
        host.run("chpasswd", input=f"{user}:{RIGHT}\n".encode())
    host.run("chpasswd", input=f"root:{RIGHT}\n".encode())
    ask = [("assword:", RIGHT)]
    su = lambda user, to, outcome, **more: {"program": "su", "user": user, "as": to, "outcome": outcome, **more}
    story.on_terminal("anna", "su -c id", ask, su("anna", "root", "accepted"), 0)
    story.on_terminal("anna", "su - deploy -c id", ask, su("anna", "deploy", "accepted"), 0)
    story.on_terminal("anna", "su -", [("assword:", WRONG)], su("anna", "root", "failed", reason="wrong password"), 1)
    story.on_terminal("root", "su - deploy -c id", [], su("root", "deploy", "accepted"), 0)
    story.on_terminal("anna", "su nobody2", [], su("anna", "nobody2", "failed", reason="no such user"), 1)
    begun = time.time()
    host.run("su", "deploy", "-c", "true")
    story.note(begun, **su("root", "deploy", "accepted"), tty=None)
    login = lambda user, outcome: {"program": "login", "user": user, "outcome": outcome}
    story.on_terminal("root", "login", [("login:", "anna"), ("assword:", RIGHT), (r"[$] ", "exit")], login("anna", "accepted"))
    story.on_terminal("root", "login", [("login:", "root"), ("assword:", RIGHT), (r"[#] ", "exit")], login("root", "accepted"))
    text = story.on_terminal("root", "login", [("login:", "anna"), ("assword:", WRONG), ("login:", "nobody2"), ("assword:", WRONG), ("login:", "anna"), ("assword:", RIGHT), (r"[$] ", "exit")],
                             login("anna", "failed"))
    last = story.truth.pop()
    story.truth += [{**last, **login("anna", "failed")}, {**last, **login("nobody2", "invalid user")}, {**last, **login("anna", "accepted")}]


def record(trees, out, outside):
    with Host(trees, "bookworm") as host:
        host.path("/etc/localtime").unlink(missing_ok=True)
        host.path("/etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
        versions = {"kind": "recording", "passwd": host.version("passwd"), "login": host.version("login"), "util-linux": host.version("util-linux"), "time_zone": "Europe/Berlin"}
        for name, part in (("accounts", manage), ("su-login", become)):
            story = Story(host)
            with Rsyslog(host, out / "pam", name):
                part(story)
            write_expected(out / "pam" / f"{name}.expected.jsonl", [versions, *story.truth])
