#!/usr/bin/env python3
"""Makes modern twins of old honest mails: modernise.py IN OUT (files or folders; folders keep their shape).

What a mail of 2002 lacks is added, and its words stay: a date of 2025, an HTML part beside the text, the trace of a
trusted receiver (mx.example.org) with SPF, DKIM and DMARC passed, and the headers of a mailer of today. Old traces and
filters' remarks go. Bodies are taken apart as little as possible: where the parser cannot follow, the body stays as it is.
"""

import datetime
import email
import hashlib
import html
import quopri
import re
import sys

sys.dont_write_bytecode = True
from email.utils import format_datetime, parseaddr, parsedate_to_datetime

from strip import TRACES, fields, folder_or_file, headers_and_body

RECEIVER, READER = "mx.example.org", "reader@example.org"
OLD = re.compile(
    rb"(x-mailer|user-agent|x-mimeole|x-msmail-priority|x-accept-language|x-operating-system|date|delivery-date|mime-version|"
    rb"content-type|content-transfer-encoding|content-disposition|lines|status|x-status|x-keywords|x-uid)$", re.I)
MAILERS = [["User-Agent: Mozilla Thunderbird"], ["X-Mailer: Apple Mail (2.3826.300.87.4.3)"], ["X-Mailer: Microsoft Outlook 16.0"], []]


def linked(text):
    """The text as HTML, with its addresses as links."""
    out, at = [], 0
    for match in re.finditer(r"https?://[^\s<>\"']+[\w/=-]", text):
        target = html.escape(match[0])
        out += [html.escape(text[at : match.start()], quote=False), f'<a href="{target}">{target}</a>']
        at = match.end()
    out.append(html.escape(text[at:], quote=False))
    body = "<br>\n".join("".join(out).split("\n"))
    return f'<html><head><meta charset="utf-8"></head><body style="font-family:Aptos,Calibri,sans-serif;font-size:11pt"><div>{body}</div></body></html>\n'


def words(page):
    """The text of an HTML page, roughly, with the targets of its links."""
    page = re.sub(r"(?is)<(script|style|title)\b.*?</\1\s*>|<!--.*?-->", " ", page)
    page = re.sub(r"(?is)<a\b[^>]*?href\s*=\s*[\"']?(http[^\"'\s>]+)[^>]*>(.*?)</a>", r"\2 <\1> ".replace("<", "\x01").replace(">", "\x02"), page)
    page = re.sub(r"(?i)<(br|/p|/tr|/div|/h\d|/li)\b[^>]*>", "\n", page)
    page = html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\x01", "<").replace("\x02", ">")
    return re.sub(r"\n\s*\n+", "\n\n", re.sub(r"[ \t]+", " ", page)).strip() + "\n"


def decoded(part):
    data = part.get_payload(decode=True) or b""
    charset = part.get_content_charset() or "utf-8"
    for guess in (charset, "utf-8", "windows-1252", "latin-1"):
        try:
            return data.decode(guess).replace("\r\n", "\n")
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("latin-1")


def leaf(text, kind):
    text = "".join(ch for ch in text if ch in "\n\t" or ch >= " ").encode("utf-8", "replace")
    head = b'Content-Type: text/%s; charset="utf-8"\nContent-Transfer-Encoding: quoted-printable\n\n' % kind.encode()
    return head + quopri.encodestring(text).rstrip(b"\n") + b"\n"


def alternative(part, mark):
    """Head and body of a text part and its twin."""
    if part.get_content_type() == "text/html":
        page = decoded(part)
        text = words(page)
    else:
        text = decoded(part)
        page = linked(text)
    body = b"".join(b"--%s\n%s\n" % (mark, each) for each in (leaf(text, "plain"), leaf(page, "html"))) + b"--%s--\n" % mark
    return b'Content-Type: multipart/alternative; boundary="%s"' % mark, body


def is_text(part):
    return part.get_content_type() in ("text/plain", "text/html") and part.get_content_disposition() != "attachment" and not part.get_filename()


def new_body(data, old_head, body, digest):
    """The headers about the content and the content: first text part doubled, all else byte for byte."""
    message = email.message_from_bytes(data)
    mark = b"----=_Part_" + digest[:24].encode()
    kept = [raw for name, raw in old_head if re.match(rb"content-", name, re.I)]
    if message.get_content_maintype() == "multipart" and message.get_boundary() and message.is_multipart():
        parts = message.get_payload()
        subtype = message.get_content_subtype()
        if subtype == "alternative" or not is_text(parts[0]):
            return kept, body
        border = b"--" + message.get_boundary().encode("ascii", "surrogateescape")
        pieces = re.split(rb"(?m)^" + re.escape(border) + rb"(?:--)?[ \t]*\r?\n?", body)
        if len(pieces) < 3:
            return kept, body
        head, inner = alternative(parts[0], mark)
        at = body.index(pieces[1], len(pieces[0]) + len(border)) if pieces[1] else -1
        if at < 0:
            return kept, body
        return kept, body[:at] + head + b"\n\n" + inner + body[at + len(pieces[1]) :]
    if message.get_content_type() in ("text/plain", "text/html"):
        head, inner = alternative(message, mark)
        return [head + b"\n"], inner
    return kept, body


def new_date(old, digest):
    shift = int(digest[:6], 16)
    try:
        date = parsedate_to_datetime(old)
        if date.tzinfo is None:
            date = date.replace(tzinfo=datetime.timezone.utc)
        return date.replace(year=2025, day=min(date.day, 28) if date.month == 2 else date.day, microsecond=0)
    except (TypeError, ValueError, OverflowError):
        return datetime.datetime(2025, 1, 2, 8, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=shift % 480_000)


def domain_of(address, otherwise):
    found = parseaddr(address)[1].rpartition("@")[2].lower().strip(">. ")
    return found if re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]+", found) else otherwise


def modernise(data):
    data = data.replace(b"\r\n", b"\n")
    head, body = headers_and_body(data)
    found = fields(head)
    first = lambda wanted: next((raw.partition(b":")[2].decode("latin-1").strip() for name, raw in found if name.lower() == wanted), "")
    digest = hashlib.sha256(data).hexdigest()
    sender = domain_of(first(b"from"), "example.com")
    envelope_address = parseaddr(first(b"return-path"))[1]
    envelope = domain_of(envelope_address, sender)
    date = new_date(first(b"date"), digest)
    stamp = format_datetime(date + datetime.timedelta(seconds=3))
    content, body = new_body(data[data.index(head) :] if head else data, found, body, digest)
    address = f"192.0.2.{int(digest[:2], 16) % 250 + 2}"
    bounce = envelope_address if domain_of(envelope_address, "") else f"bounce@{envelope}"
    lines = [
        f"Return-Path: <{bounce}>",
        f"Delivered-To: {READER}",
        f"Received: from mail.{envelope} (mail.{envelope} [{address}])\n\tby {RECEIVER} (Postfix) with ESMTPS id {digest[4:16].upper()}\n\tfor <{READER}>; {stamp}",
        f"Authentication-Results: {RECEIVER};\n\tspf=pass smtp.mailfrom={envelope};\n\tdkim=pass header.d={sender} header.s=s1;\n\tdmarc=pass header.from={sender}",
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={sender}; s=s1;\n\th=from:to:subject:date; bh=aGFybWxlc3MgcGxhY2Vob2xkZXI=;\n\tb=aGFybWxlc3MgcGxhY2Vob2xkZXI=",
    ]
    out = "\n".join(lines).encode("latin-1", "replace") + b"\n"
    kept = [raw for name, raw in found if not TRACES.match(name) and not OLD.match(name)]
    out += b"".join(raw if raw.endswith(b"\n") else raw + b"\n" for raw in kept)
    more = [f"Date: {format_datetime(date)}"] + MAILERS[int(digest[16], 16) % 4] + ["MIME-Version: 1.0"]
    out += "\n".join(more).encode() + b"\n" + b"".join(raw if raw.endswith(b"\n") else raw + b"\n" for raw in content)
    return out + b"\n" + body


if __name__ == "__main__":
    sys.exit(folder_or_file(modernise, __doc__))
