"""sudo: allowed, refused, mistyped; through syslog, into its own log file, and as JSON."""

import shutil
import time

from .accounts import RIGHT, WRONG, Story
from .syslog import Rsyslog
from .world import Host, write_expected

SUDOERS = """Defaults !lecture
Defaults passwd_tries=3
Defaults timestamp_timeout=0
anna ALL=(ALL:ALL) ALL
deploy ALL=(www-data) NOPASSWD: /usr/bin/id
deploy ALL=(root) NOPASSWD: /usr/bin/tee
"""
OWN_LOG = "Defaults logfile=/var/log/sudo.log, loglinelen=80\n"
JSON_LOG = "Defaults logfile=/var/log/sudo.json, log_format=json, !syslog\n"


def play(story):
    ask, tell = [("assword", RIGHT)], story.on_terminal

    def fact(user, command, outcome, to="root", **more):
        return {"program": "sudo", "user": user, "as": to, "command": command, "outcome": outcome, **more}
    tell("anna", "sudo id", ask, fact("anna", "/usr/bin/id", "allowed", cwd="/home/anna"), 0, "/home/anna")
    tell("anna", "sudo -u deploy -g www-data id -un", ask, fact("anna", "/usr/bin/id -un", "allowed", "deploy", group="www-data", cwd="/"), 0)
    tell("anna", "sudo -i true", ask, fact("anna", "/bin/bash --login -c true", "allowed", cwd="/root"), 0)
    tell("anna", "sudo -s", [*ask, ("[#] ", "exit")], fact("anna", "/bin/bash", "allowed", cwd="/"))
    tell("anna", "sudo id", [("assword", WRONG)] * 3, fact("anna", "/usr/bin/id", "wrong password", tries=3, cwd="/"), 1)
    tell("anna", "sudo id", [("assword", WRONG), ("assword", RIGHT)], fact("anna", "/usr/bin/id", "allowed", tries=2, cwd="/"), 0)
    tell("intern", "sudo id", ask, fact("intern", "/usr/bin/id", "not in sudoers", cwd="/"), 1)
    tell("deploy", "sudo -u www-data id", [], fact("deploy", "/usr/bin/id", "allowed", "www-data", cwd="/"), 0)
    tell("deploy", "sudo -u root id", ask, fact("deploy", "/usr/bin/id", "not allowed", cwd="/"), 1)
    tell("deploy", "sudo -n -u root cat /etc/shadow", [], fact("deploy", "/usr/bin/cat /etc/shadow", "password required", cwd="/", told="log file only"), 1)
    odd = "printf {%s\\n} {a 'b' \"c\"} {tab\there} {new\nanna : TTY=pts/9 ; PWD=/ ; USER=root ; COMMAND=/bin/forged} {back\\slash} {\x1b[31mred} {Grüße; ls}"
    plain = "/usr/bin/printf %s\\n a 'b' \"c\" tab\there new\nanna : TTY=pts/9 ; PWD=/ ; USER=root ; COMMAND=/bin/forged back\\slash \x1b[31mred Grüße; ls"
    tell("anna", "sudo " + odd, ask, fact("anna", plain, "allowed", cwd="/"), 0)
    long = "A" * 700 + " " + "B" * 2300
    tell("anna", "sudo true " + long, ask, fact("anna", "/usr/bin/true " + long, "allowed", cwd="/"), 0)
    tell("anna", "sudo LD_LIBRARY_PATH=/tmp GREETING=hello id", ask, fact("anna", "/usr/bin/id", "allowed", env=["LD_LIBRARY_PATH=/tmp", "GREETING=hello"], cwd="/"), 0)
    # sudo tells nobody of these two, and of "a password is required" above only its own log file.
    tell("anna", "sudo -l", ask, fact("anna", "list", "allowed", cwd="/", told=False), 0)
    tell("anna", "sudo /no/such/program", ask, fact("anna", "/no/such/program", "no such command", cwd="/", told=False), 1)
    tell("anna", "sudo -u nobody2 id", [], fact("anna", "/usr/bin/id", "no such user", "nobody2", cwd="/"), 1)
    begun = time.time()
    story.host.run("setpriv", "--reuid", "deploy", "--regid", "deploy", "--init-groups", "sudo", "-u", "www-data", "id")
    story.note(begun, **fact("deploy", "/usr/bin/id", "allowed", "www-data", cwd="/"), tty=None)


def record(trees, out, outside):
    dest = out / "sudo"
    for name, more in (("sudo", OWN_LOG), ("json", JSON_LOG)):
        with Host(trees, "bookworm") as host:
            for user in ("anna", "deploy", "intern"):
                host.add_user(user, RIGHT)
            host.write("/etc/sudoers.d/recording", SUDOERS + more, 0o440)
            story = Story(host)
            if name == "json":
                play(story)
                shutil.copyfile(host.path("/var/log/sudo.json"), dest / "sudo-json.log")
            else:
                with Rsyslog(host, dest, name):
                    play(story)
                shutil.copyfile(host.path("/var/log/sudo.log"), dest / "sudo-logfile.log")
            head = {"kind": "recording", "sudo": host.version("sudo")}
            write_expected(dest / ("sudo.expected.jsonl" if name == "sudo" else "sudo-json.expected.jsonl"), [head, *story.truth])
