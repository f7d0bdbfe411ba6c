"""auditd, raw and enriched: logins, sudo, accounts, programs run, connections and refused files.

Kernel auditing belongs to the whole machine and can only be set up from its first process namespace: this scene has a
network, mounts and a host name of its own, but sees the machine's processes. Its rules concern the test users only. What was set
before is set again afterwards. Where the kernel refuses auditing the scene says so and records nothing.
"""

import os
import re
import shutil
import subprocess
import time

from .accounts import RIGHT, WRONG, Story
from .ssh_client import Clients
from .sshd import A, B, PASSWORD, Server, by, by_key, identity, make_keys, passwords
from .world import Host, write_expected

CONFIG = """local_events = yes
write_logs = yes
log_file = /var/log/audit/audit.log
log_group = root
log_format = {form}
flush = INCREMENTAL_ASYNC
freq = 1
max_log_file = 8
num_logs = 2
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
name_format = {name}
"""
RULES = """-a always,exit -F arch=b64 -S execve -F auid=151 -F uid=151 -k run
-a always,exit -F arch=b64 -S connect -F auid=151 -F uid=151 -F a2!=110 -k connect
-a always,exit -F arch=b64 -S openat -F exit=-EACCES -F auid=151 -F uid=151 -k refused
-a always,exit -F arch=b64 -S unlinkat -S renameat2 -F auid=151 -F uid=151 -k remove
"""
COMMANDS = ["id -un", "echo 'two words' 'quo\"te' \"it's\" umlaut-ä", "curl -s -o /dev/null http://127.0.0.1:9/x.sh", "cat /etc/shadow", "sh -c 'echo a; echo b'",
            "touch '/tmp/a file' && rm '/tmp/a file'", "echo " + "A" * 9000, "printf 'tab\\there'", "curl -s -o /dev/null 'http://[::1]:9/'"]


def outer(trees, out, again):
    """Called outside of all namespaces: asks whether auditing can be had, and starts the scene without a process namespace."""
    audit = ["chroot", str(trees / "bookworm"), "auditctl"]
    before = subprocess.run([*audit, "-s"], capture_output=True, text=True)
    enabled = re.search(r"^enabled (\d)", before.stdout, re.M)
    pid = re.search(r"^pid (\d+)", before.stdout, re.M)
    if before.returncode or not enabled or enabled[1] == "2" or not pid or pid[1] != "0":
        print(f"recording auditd: not possible here: {before.stdout}{before.stderr}", flush=True)
        return
    argv = [a for a in again if a not in ("--pid", "--mount-proc")]
    try:
        subprocess.run([*argv, "auditd"], check=True)
    finally:
        subprocess.run([*audit, "-D"], stdout=subprocess.DEVNULL)
        subprocess.run([*audit, "-e", enabled[1]], stdout=subprocess.DEVNULL)


def play(host, server, clients, keys, outside):
    story = Story(host)
    stop = server.start("INFO", (22,))
    accepted = by_key(keys["ed25519"], "accepted")
    for command in COMMANDS:
        outside.do(clients.ssh("deploy", A, [accepted], command=(command,), options=identity(keys["ed25519"]), session={"type": "command", "command": command}))
    outside.do(passwords(clients)[2])
    outside.do(passwords(clients)[6])
    outside.do(clients.ssh("anna", B, [by("password", "accepted")], options=PASSWORD, answer=RIGHT))
    story.on_terminal("anna", "sudo id -u", [("assword", RIGHT)], {"program": "sudo", "user": "anna", "as": "root", "command": "/usr/bin/id -u", "outcome": "allowed"}, 0)
    story.on_terminal("anna", "sudo id", [("assword", WRONG)] * 3, {"program": "sudo", "user": "anna", "as": "root", "command": "/usr/bin/id", "outcome": "wrong password", "tries": 3}, 1)
    story.on_terminal("anna", "su -c id", [("assword", WRONG)], {"program": "su", "user": "anna", "as": "root", "outcome": "failed"}, 1)
    story.do(["useradd", "-m", "-u", "1800", "helper"], {"action": "user added", "user": "helper", "uid": 1800})
    story.do(["chpasswd"], {"action": "password changed", "user": "helper"}, input=f"helper:{RIGHT}\n".encode())
    story.do(["usermod", "-aG", "sudo", "helper"], {"action": "user added to group", "user": "helper", "group": "sudo"})
    story.do(["userdel", "-r", "helper"], {"action": "user deleted", "user": "helper"}, check=False)
    stop()
    return story.truth


def record(trees, out, outside):
    dest = out / "auditd"
    with Host(trees, "bookworm") as far:
        keys = make_keys(far)
        clients = Clients(far, outside)
        for form, name in (("RAW", "NONE"), ("ENRICHED", "HOSTNAME")):
            with Host(trees, "bookworm") as host:
                server = Server(host, keys)
                host.write("/etc/sudoers.d/recording", "Defaults !lecture, timestamp_timeout=0\nanna ALL=(ALL:ALL) ALL\n", 0o440)
                host.write("/etc/audit/auditd.conf", CONFIG.format(form=form, name=name), 0o640)
                host.path("/var/log/audit").mkdir(exist_ok=True)
                host.write("/rec.rules", RULES)
                log = host.path("/var/log/audit/audit.log")
                log.unlink(missing_ok=True)
                daemon = host.start("auditd", "-n")
                try:
                    time.sleep(1)
                    if daemon.poll() is not None:
                        print("recording auditd: the kernel refuses auditing here", flush=True)
                        host.running.remove(daemon)
                        return
                    host.run("auditctl", "-R", "/rec.rules")
                    host.run("auditctl", "-e", "1")
                    truth = play(host, server, clients, keys, outside)
                finally:
                    host.run("auditctl", "-D", check=False)
                    host.run("auditctl", "-e", "0", check=False)
                    time.sleep(1)
                    if daemon in host.running:
                        host.stop(daemon)
                dest.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, dest / f"audit-{form.lower()}.log")
                head = {"kind": "recording", "auditd": host.version("auditd"), "linux": os.uname().release, "log_format": form}
                write_expected(dest / f"audit-{form.lower()}.expected.jsonl", [head, *clients.restart(), *truth])
                (dest / "audit.rules").write_text(RULES)
