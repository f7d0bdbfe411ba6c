"""SSH clients at the far end of the link: each does one connection and says what truly happened in it."""

import base64
import hashlib
import itertools
import json
import os
import pathlib
import struct
import subprocess
import threading
import time

from .world import SERVER, SERVER6, connect, text_or_hex

# What the client says once it has logged in, so that we know without asking the server's log.
LOGGED_IN = "the-client-is-logged-in"
ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$ANSWER"\n'


class Key:
    """A user's or an authority's key, made with ssh-keygen; `path` as seen inside the client's tree."""

    def __init__(self, host, name, kind, bits=None):
        self.path, self.kind = f"/root/keys/{name}", {"ed25519": "ED25519", "rsa": "RSA", "ecdsa": "ECDSA"}[kind]
        host.path("/root/keys").mkdir(parents=True, exist_ok=True)
        host.run("ssh-keygen", "-q", "-t", kind, *(["-b", bits] if bits else []), "-N", "", "-C", name, "-f", self.path)
        self.public = host.path(self.path + ".pub").read_text().strip()
        blob = base64.b64decode(self.public.split()[1])
        self.fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class Certificate:
    """A certificate for `key`, signed by `ca`."""

    def __init__(self, host, key, ca, name, key_id, serial, principals, validity="-5m:+1h", options=()):
        self.key, self.ca, self.id, self.serial = key, ca, key_id, serial
        self.path = f"/root/keys/{name}-cert.pub"
        host.run("cp", key.path + ".pub", f"/root/keys/{name}.pub")
        args = [x for o in options for x in ("-O", o)]
        host.run("ssh-keygen", "-q", "-s", ca.path, "-I", key_id, "-z", str(serial), "-n", principals, "-V", validity,
                 *args, f"/root/keys/{name}.pub")

    def truth(self):
        return {"id": self.id, "serial": self.serial, "ca_fingerprint": self.ca.fingerprint, "ca_key_type": self.ca.kind}


class Stay:
    """A session that goes on from `started` until it is told that it is `over`."""

    def __init__(self):
        self.started, self.over = threading.Event(), threading.Event()


def stay_for(p, stay):
    """Waits until the client has logged in, then lets it stay: some seconds, or until a `Stay` is over. Gives what it printed."""
    err = b""
    while LOGGED_IN.encode() not in err and (part := os.read(p.stderr.fileno(), 4096)):
        err += part
    if isinstance(stay, Stay):
        stay.started.set()
        stay.over.wait(120)
    else:
        time.sleep(stay)
    p.terminate()
    out, rest = p.communicate()
    return out, err + rest


class Clients:
    """Makes connections and keeps the record of them."""

    def __init__(self, host, outside):
        self.host, self.outside = host, outside
        self._number, self._lock = itertools.count(1), threading.Lock()
        self.truth = []
        host.write("/usr/local/bin/askpass", ASKPASS, 0o755)
        host.write("/root/paramiko_client.py", (pathlib.Path(__file__).parent / "paramiko_client.py").read_bytes())

    def restart(self):
        """Begins a new recording: gives up what was recorded up to here."""
        truth, self.truth = self.truth, []
        self._number = itertools.count(1)
        return sorted(truth, key=lambda r: r["connection"])

    def _begin(self, source, server_port):
        with self._lock:
            return {"connection": next(self._number), "source": source, "port": self.outside.port(), "server_port": server_port}

    def _note(self, where, records):
        with self._lock:
            self.truth += [{**where, **r} for r in records]

    def _ssh(self, where, user, command, options, answer, stdin, arguments=(), stay=None):
        v6 = ":" in where["source"]
        argv = ["ssh", "-F", "none", "-p", where["server_port"]]
        fixed = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR", "IdentitiesOnly=yes", "IdentityAgent=none",
                 "PermitLocalCommand=yes", f"LocalCommand=echo {LOGGED_IN} >&2", "ProxyUseFdpass=yes", f"ProxyCommand=nc -F -s {where['source']} -p {where['port']} %h %p"]
        for o in [*options, *fixed]:
            argv += ["-o", o]
        argv += [*arguments, "-l", user, SERVER6 if v6 else SERVER, *command]
        env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "TERM": "dumb"}
        if answer is not None:
            env.update(SSH_ASKPASS="/usr/local/bin/askpass", SSH_ASKPASS_REQUIRE="force", ANSWER=answer)
        argv = ["chroot", str(self.host.root), *map(str, argv)]
        p = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        if stay is None:
            out, err = p.communicate(stdin, timeout=120)
        else:
            p.stdin.write(stdin)
            p.stdin.flush()
            out, err = stay_for(p, stay)
        return p.returncode, out, err

    def ssh(self, user, source, tries, *, command=("echo in",), session=None, options=(), answer=None, stdin=b"", server_port=22,
            stay=None, closed=True):
        """One connection with OpenSSH's client. `tries` is what is tried, in order: dicts with method, outcome and so on; the last one
        decides whether the connection is expected to succeed, and it is an error if it does not end so."""
        def job():
            where = self._begin(source, server_port)
            begun = time.time()
            code, out, err = self._ssh(where, user, list(command), options, answer, stdin, stay=stay)
            accepted = bool(tries) and tries[-1]["outcome"] == "accepted"
            if accepted != (LOGGED_IN.encode() in err) or not accepted and code != 255:
                raise RuntimeError(f"{user} {where} {tries}: not as planned: {code} {out!r} {err!r}")
            records = [{"kind": "attempt", "user": user, **t} for t in tries]
            if accepted:
                what = session or {"type": "command", "command": " ".join(command)}
                records[-1].update(session=what, session_closed=closed)
            for r in records:
                r.update(begun=round(begun, 3), ended=round(time.time(), 3))
            self._note(where, records)
        return job

    def raw(self, user, source, steps, tries, *, server_port=22, client="paramiko", happened=None):
        """One connection with exact steps (see paramiko_client.py); `user` may be any bytes."""
        user = user if isinstance(user, bytes) else user.encode()

        def job():
            where = self._begin(source, server_port)
            begun = time.time()
            to = SERVER6 if ":" in source else SERVER
            work = dict(source=source, port=where["port"], to=to, server_port=server_port, user_hex=user.hex(), steps=steps, client=client)
            done = self.host.run("python3", "/root/paramiko_client.py", input=json.dumps(work).encode(), stderr=subprocess.PIPE)
            got = json.loads(done.stdout)
            planned = [t["outcome"] == "accepted" for t in tries]
            if got != planned:
                raise RuntimeError(f"{user!r} {where}: {got}, not {planned}; {done.stderr!r}")
            records = [{"kind": "attempt", **text_or_hex("user", user), **t, "begun": round(begun, 3), "ended": round(time.time(), 3)}
                       for t in tries]
            if not tries:
                records = [{"kind": "connection", **text_or_hex("user", user), "happened": happened or "disconnected without an attempt"}]
            self._note(where, records)
        return job

    def junk(self, source, sent, happened, *, server_port=22, listen=True, reset=False, wait=1.0):
        """A connection that never speaks SSH properly: sends these bytes and closes (or resets)."""
        def job():
            where = self._begin(source, server_port)
            s = connect(source, where["port"], server_port)
            if listen:
                s.recv(200)
            if sent:
                s.sendall(sent)
            try:
                s.settimeout(wait)
                while s.recv(4000):
                    pass
            except OSError:
                pass
            if reset:
                s.setsockopt(1, 13, struct.pack("ii", 1, 0))
            s.close()
            self._note(where, [{"kind": "connection", "happened": happened}])
        return job

    def sftp(self, user, source, tries, batch, key, server_port=22):
        """A file transfer with OpenSSH's sftp."""
        def job():
            where = self._begin(source, server_port)
            self.host.write(f"/tmp/batch-{where['port']}", batch)
            proxy = f"ProxyCommand=nc -F -s {source} -p {where['port']} %h %p"
            done = self.host.run("sftp", "-F", "none", "-b", f"/tmp/batch-{where['port']}", "-i", key.path, "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
                                 "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "ProxyUseFdpass=yes", "-o", proxy, f"{user}@{SERVER}")
            session = {"type": "subsystem", "subsystem": "sftp", "sftp_commands": batch.decode().split("\n")[:-1], "sftp_output": done.stdout.decode()}
            self._note(where, [{"kind": "attempt", "user": user, **tries[-1], "session": session, "session_closed": True}])
        return job

    def forward(self, user, source, tries, to, key, session, server_port=22):
        """`ssh -W`: no session, one connection forwarded."""
        def job():
            where = self._begin(source, server_port)
            options = ["PreferredAuthentications=publickey", f"IdentityFile={key.path}", "ExitOnForwardFailure=yes"]
            argv = [f"-W{to}"]
            _, out, err = self._ssh(where, user, [], [*options, "SessionType=none"], None, b"x\r\n", argv)
            opened = b"SSH-2.0" in out
            if opened != session["forward"]["opened"] or LOGGED_IN.encode() not in err:
                raise RuntimeError(f"forward to {to}: {out!r} {err!r}")
            self._note(where, [{"kind": "attempt", "user": user, **tries[-1], "session": session, "session_closed": True}])
        return job
