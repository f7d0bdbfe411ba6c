"""Runs inside a tree: an SSH client that does exactly the steps it is told, and can send any bytes as a user name.

Reads {"source", "port", "to", "server_port", "user_hex", "steps": [[verb, argument]…]} from stdin; prints one JSON list:
for each authentication step whether it succeeded.
"""

import json
import logging
import socket
import sys
import time

import paramiko

logging.getLogger("paramiko").addHandler(logging.NullHandler())


def main():
    job = json.load(sys.stdin)
    s = socket.socket(socket.AF_INET6 if ":" in job["source"] else socket.AF_INET)
    s.bind((job["source"], job["port"]))
    s.connect((job["to"], job["server_port"]))
    t = paramiko.Transport(s)
    t.local_version = "SSH-2.0-" + job.get("client", "paramiko")
    t.start_client(timeout=20)
    user = bytes.fromhex(job["user_hex"])
    results = []
    for verb, argument in job["steps"]:
        try:
            if verb == "none":
                t.auth_none(user)
            elif verb == "password":
                t.auth_password(user, argument, fallback=False)
            elif verb == "interactive":
                t.auth_interactive(user, lambda *_: [argument])
            elif verb == "key":
                t.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(argument))
            elif verb == "disconnect":
                m = paramiko.Message()
                m.add_byte(b"\x01")
                m.add_int(11)
                m.add_string(argument)
                m.add_string("")
                t._send_message(m)
                time.sleep(0.3)
                continue
            elif verb == "close":
                t.close()
                continue
            elif verb == "wait":
                time.sleep(argument)
                continue
            results.append(True)
        except paramiko.BadAuthenticationType:
            results.append(False)
        except (paramiko.SSHException, EOFError):
            results.append(False)
    print(json.dumps(results))
    t.close()


main()
