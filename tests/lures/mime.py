"""Mails as mailers write them: header order, boundaries, charsets and traces differ from one mailer to the next.

`Mail(...)` holds what a case says; `bytes(mail)` is the message. The same mailers write the lures and the honest
mails, and the trusted receiver (mx.example.org) adds its traces to both: nothing but the content tells them apart.
"""

import base64
import datetime
import hashlib
import html as htmllib
import quopri
import re
from email.header import Header
from email.utils import format_datetime, quote
from urllib.parse import quote as percent

RECEIVER = "mx.example.org"

# name: (lines for the header, boundary, subject and names as UTF-8 words, CRLF, parameter style of file names)
MAILERS = {
    "outlook": (["X-Mailer: Microsoft Outlook 16.0", "Thread-Index: AQH{h22}==", "Content-Language: en-us"],
                "----=_NextPart_000_{h4}_01DB{H8}.{H8b}", "\r\n", "words"),
    "exchange": (["Thread-Topic: {topic}", "Thread-Index: AQH{h22}==", "Accept-Language: en-US, de-DE",
                  "Content-Language: en-US", "X-MS-Has-Attach: {attach}"], "_004_{H20}eurprd01prod_", "\r\n", "2231"),
    "gmail": ([], "000000000000{h16}", "\r\n", "words"),
    "thunderbird": (["User-Agent: Mozilla Thunderbird", "Content-Language: en-GB"], "------------{h22}", "\n", "2231"),
    "apple": (["X-Mailer: Apple Mail (2.3826.300.87.4.3)"], "Apple-Mail=_{H8}-{h4}-{h4}-{h16}", "\n", "2231"),
    "roundcube": (["User-Agent: Roundcube Webmail/1.6.9"], "=_{h32}", "\n", "words"),
    "php": (["X-Mailer: PHPMailer 6.9.1 (https://github.com/PHPMailer/PHPMailer)"], "b1={h32}", "\n", "words"),
    "naver": (["X-Originating-IP: 192.0.2.25"], "----Boundary-WM={h22}", "\r\n", "words"),
    "bulk": (["X-Report-Abuse: Please report abuse to abuse@{domain}", "Feedback-ID: {h8}:{domain}", "Precedence: bulk"],
             "_----------={h22}", "\n", "2231"),
    "service": (["Auto-Submitted: auto-generated"], "----=_Part_{n6}_{n9}.{n13}", "\n", "words"),
}


class Mail:
    """One message. Only `sender`, `to`, `subject` and `text` or `html` are needed."""

    def __init__(self, sender, to, subject, text=None, html=None, files=(), inline=(), mailer="thunderbird",
                 charset="utf-8", code="quoted-printable", date=None, auth="pass", reply_to=None, cc=None, envelope=None,
                 helo=None, headers=(), reply=None, calendar=None, method="REQUEST", key=""):
        self.__dict__.update((k, v) for k, v in locals().items() if k != "self")
        self.date = date or datetime.datetime(2025, 4, 7, 9, 30, tzinfo=datetime.timezone.utc)
        self.digest = hashlib.sha256(f"{key}|{sender}|{subject}|{self.date}".encode()).hexdigest() * 4

    # The parts -----------------------------------------------------------------------------------------------------

    def _boundary(self, level):
        return self._fill(MAILERS[self.mailer][1], level * 5 + 3)

    def _fill(self, text, start=0):
        pieces = {"domain": self._domain(), "topic": self._topic(), "attach": "yes" if self.files else ""}
        digits = re.sub("[a-f]", lambda m: str(ord(m[0]) - 97), self.digest)

        def piece(match):
            if match[1] in pieces:
                return pieces[match[1]]
            kind, length = match[1][0], int(re.sub(r"\D", "", match[1]))
            shift = start + (7 if match[1].endswith("b") else 0)
            chosen = (digits if kind == "n" else self.digest)[shift : shift + length]
            return chosen.upper() if kind == "H" else chosen

        return re.sub(r"\{(\w+)\}", piece, text)

    def _domain(self):
        return self.sender[1].rpartition("@")[2]

    def _topic(self):
        return str(self._words(re.sub(r"^((Re|RE|AW|Aw|Fwd|WG|회신): ?)+", "", self.subject)))

    def _words(self, text):
        if text.isascii():
            return text
        charset = self.charset
        try:
            text.encode(charset)
        except UnicodeEncodeError:
            charset = "utf-8"
        return Header(text, charset, maxlinelen=70).encode(linesep="\n")

    def _address(self, pair):
        name, address = pair
        if not name:
            return address
        if not name.isascii():
            return f"{self._words(name)} <{address}>"
        plain = re.fullmatch(r"[\w !#$%&'*+/=?^`{|}~-]+", name)
        return f"{name} <{address}>" if plain else f'"{quote(name)}" <{address}>'

    def _text(self, text, kind):
        charset, code = self.charset, self.code
        data = text.encode(charset)
        if code == "7bit" and not text.isascii():
            code = "8bit"
        if code == "base64":
            body = base64.encodebytes(data).decode()
        elif code == "quoted-printable":
            body = quopri.encodestring(data).decode()
        else:
            body = data
        head = [f'Content-Type: text/{kind}; charset="{charset}"', f"Content-Transfer-Encoding: {code}"]
        return head, body if isinstance(body, bytes) else body.encode("ascii")

    def _name(self, name):
        if name.isascii():
            return f'"{name}"'
        return '"' + Header(name, "utf-8", maxlinelen=400).encode() + '"'

    def _file(self, name, kind, data, cid=None):
        head = []
        if MAILERS[self.mailer][3] == "2231" and not name.isascii():
            head.append(f"Content-Type: {kind}")
            head.append(f"Content-Disposition: attachment;\n filename*=utf-8''{percent(name)}")
        else:
            head.append(f"Content-Type: {kind};\n name={self._name(name)}")
            place = "inline" if cid else "attachment"
            head.append(f"Content-Disposition: {place};\n filename={self._name(name)}")
        if cid:
            head.append(f"Content-ID: <{cid}>")
        if kind == "message/rfc822":
            return head, data
        head.append("Content-Transfer-Encoding: base64")
        return head, base64.encodebytes(data)

    def _multi(self, kind, parts, level):
        mark = self._boundary(level)
        out = b""
        for head, body in parts:
            out += f"--{mark}\n".encode() + "\n".join(head).encode() + b"\n\n" + body
            out += b"" if out.endswith(b"\n") else b"\n"
        return [f'Content-Type: multipart/{kind};\n boundary="{mark}"'], out + f"--{mark}--\n".encode()

    def _content(self):
        parts = []
        if self.text is not None:
            parts.append(self._text(self.text, "plain"))
        if self.html is not None:
            part = self._text(self.html, "html")
            if self.inline:
                images = [self._file(name, kind, data, cid) for name, kind, data, cid in self.inline]
                part = self._multi("related", [part] + images, 3)
            parts.append(part)
        if self.calendar is not None:
            head, body = self._text(self.calendar, "calendar")
            parts.append(([head[0] + f"; method={self.method}"] + head[1:], body))
        content = parts[0] if len(parts) == 1 else self._multi("alternative", parts, 2)
        if self.files:
            content = self._multi("mixed", [content] + [self._file(*each) for each in self.files], 1)
        return content

    # The header ----------------------------------------------------------------------------------------------------

    def _traces(self):
        """What the trusted receiver notes. `auth`: pass, own (SPF and DKIM of another domain, as senders by order have
        them), none, softfail, fail."""
        domain, envelope = self._domain(), self.envelope or self.sender[1]
        host = self.helo or f"mail.{domain}"
        address = f"{('192.0.2', '198.51.100', '203.0.113')[int(self.digest[0], 16) % 3]}.{int(self.digest[1:3], 16) % 250 + 2}"
        stamp = format_datetime(self.date + datetime.timedelta(seconds=4))
        to = self.to[0][1]
        lines = [
            f"Return-Path: <{envelope}>",
            f"Delivered-To: {to}",
            f"Received: from {host} ({host} [{address}])\n\tby {RECEIVER} (Postfix) with ESMTPS id {self.digest[5:17].upper()}\n"
            f"\tfor <{to}>; {stamp}",
        ]
        if self.auth != "absent":
            of = envelope.rpartition("@")[2]
            results = {
                "pass": f"spf=pass smtp.mailfrom={of};\n\tdkim=pass header.d={domain} header.s=s1; dmarc=pass header.from={domain}",
                "own": f"spf=pass smtp.mailfrom={of};\n\tdkim=pass header.d={of} header.s=k1; dmarc=none header.from={domain}",
                "none": f"spf=none smtp.mailfrom={of};\n\tdkim=none; dmarc=none header.from={domain}",
                "softfail": f"spf=softfail smtp.mailfrom={of};\n\tdkim=none; dmarc=none header.from={domain}",
                "fail": f"spf=fail smtp.mailfrom={of};\n\tdkim=fail header.d={domain}; dmarc=fail header.from={domain}",
            }[self.auth]
            lines.append(f"Authentication-Results: {RECEIVER};\n\t{results}")
        if self.auth in ("pass", "own"):
            signer = domain if self.auth == "pass" else envelope.rpartition("@")[2]
            lines.append(
                f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={signer}; s=s1;\n\th=from:to:subject:date;\n"
                "\tbh=aGFybWxlc3MgcGxhY2Vob2xkZXIgZm9yIGEgdGVzdC4=;\n\tb=aGFybWxlc3MgcGxhY2Vob2xkZXI="
            )
        return lines

    def message_id(self):
        if self.mailer == "gmail":
            return f"<CA{self.digest[3:40]}@mail.gmail.com>"
        return f"<{self.digest[3:35]}@{self._domain()}>"

    def __bytes__(self):
        head, body = self._content()
        lines = self._traces()
        lines += [f"Date: {format_datetime(self.date)}", f"From: {self._address(self.sender)}"]
        if self.reply_to:
            lines.append(f"Reply-To: {self._address(self.reply_to)}")
        lines.append("To: " + ",\n ".join(self._address(each) for each in self.to))
        if self.cc:
            lines.append("Cc: " + ",\n ".join(self._address(each) for each in self.cc))
        lines += [f"Subject: {self._words(self.subject)}", f"Message-ID: {self.message_id()}"]
        if self.reply:
            lines += [f"In-Reply-To: {self.reply}", f"References: {self.reply}"]
        lines += [self._fill(line) for line in MAILERS[self.mailer][0]] + [self._fill(h) for h in self.headers]
        lines += ["MIME-Version: 1.0"] + head
        out = "\n".join(lines).encode("ascii") + b"\n\n" + body
        out = out.replace(b"\r\n", b"\n")
        return out.replace(b"\n", b"\r\n") if MAILERS[self.mailer][2] == "\r\n" else out


def page(text, links=(), top="", bottom="", style="font-family:Calibri,Arial,sans-serif;font-size:11pt"):
    """HTML of a plain text. `links`: (words in the text, address); bare addresses become links of their own."""
    out = htmllib.escape(text.strip(), quote=False)
    for shown, target in links:
        shown = htmllib.escape(shown, quote=False)
        assert shown in out, shown
        out = out.replace(shown, f'<a href="{htmllib.escape(target)}">{shown}</a>', 1)
    out = re.sub(r'(?<!["=>/\w])(https?://[^\s<"]+[\w/-])', r'<a href="\1">\1</a>', out)
    body = "".join(f"<p>{part.strip()}</p>\n" for part in re.split(r"\n\s*\n", out)).replace("\n<", "<")
    body = body.replace("\n", "<br>\n")
    return f'<html><head><meta name="viewport" content="width=device-width"></head><body style="{style}">{top}\n{body}\n{bottom}</body></html>\n'


def calendar(uid, title, start, hours, organizer, attendee, place="", note="", method="REQUEST", when=None):
    """An invitation. `start` is a datetime in UTC."""
    fold = lambda text: re.sub(r"([,;\\])", r"\\\1", text).replace("\n", "\\n")
    stamp = "%Y%m%dT%H%M%SZ"
    end = start + datetime.timedelta(hours=hours)
    lines = [
        "BEGIN:VCALENDAR", "PRODID:-//Example//Calendar 1.0//EN", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT",
        f"UID:{uid}", f"DTSTAMP:{(when or start).strftime(stamp)}", f"DTSTART:{start.strftime(stamp)}",
        f"DTEND:{end.strftime(stamp)}", f"SUMMARY:{fold(title)}", f"ORGANIZER;CN={organizer[0]}:mailto:{organizer[1]}",
        f"ATTENDEE;CN={attendee[0]};RSVP=TRUE:mailto:{attendee[1]}", f"LOCATION:{fold(place)}", f"DESCRIPTION:{fold(note)}",
        "STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR", "",
    ]
    out = []
    for line in lines:
        while len(line.encode()) > 74:
            cut = next(n for n in range(74, 0, -1) if len(line[:n].encode()) <= 74)
            out.append(line[:cut])
            line = " " + line[cut:]
        out.append(line)
    return "\n".join(out)
