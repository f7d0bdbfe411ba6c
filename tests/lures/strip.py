#!/usr/bin/env python3
"""Takes traces, authentication and filters' remarks out of mails: strip.py IN OUT (files or folders).

Received, Return-Path, Delivered-To, Authentication-Results, ARC-*, DKIM-Signature and their like, and the X- headers of
filters and relays. All else stays byte for byte. A leading mbox line ("From address date") goes as well.
"""

import pathlib
import re
import sys

TRACES = re.compile(
    rb"(received|x-received|return-path|old-return-path|delivered-to|x-delivered-to|envelope-to|x-envelope-.*|delivery-date|x-original-to|"
    rb"authentication-results.*|x-authentication-.*|received-spf|x-received-spf|arc-.*|dkim-.*|x-google-dkim-signature|domainkey-.*|"
    rb"x-(spam|bogosity|virus|amavis|mailscanner|barracuda|proofpoint|sophos|mimecast|iron|antiabuse|scanned|rspamd|gm-message|google-smtp|forefront|"
    rb"microsoft-antispam|ms-exchange|eopattributed|pyzor|razor|dspam|crm114|sieve|pmx|cloudmark|trend|tm-|vr-|ham|fuzzy|kaspersky|clamav|delivery-agent|"
    rb"originating-ip|apparently-to|fetchmail|egroups-return|sender-ip|sid-|mail-from|store-info|message-info|message-delivery|jmail|ym|"
    rb"incoming|ms-publictraffictype|ms-office365|ms-userlastlogon|ms-traffic|eop|clientproxiedby|gm-|forwarded|get-message-sender-via|"
    rb"authenticated|authuser|source|return-path|clamd).*)$", re.I)


def headers_and_body(data):
    """The header with its end of line, and what follows the empty line. An mbox line is left out."""
    if re.match(rb"From (?!:)[^\n]*\n", data):
        data = data[data.index(b"\n") + 1 :]
    found = re.search(rb"\r?\n(\r?\n)", data)
    if data[:1] == b"\n" or not found:
        return (b"", data[1:]) if data[:1] == b"\n" else (data, b"")
    return data[: found.start(1)], data[found.end(1) :]


def fields(head):
    """(name, whole field with its folded lines) in the order of the header. Lines that are no field go with the one before."""
    out = []
    for line in head.splitlines(keepends=True):
        match = re.match(rb"([!-9;-~]+)[ \t]*:", line)
        if match and line[:1] not in (b" ", b"\t"):
            out.append([match[1], line])
        elif out:
            out[-1][1] += line
        else:
            out.append([b"", line])
    return [tuple(each) for each in out]


def without(head):
    return b"".join(raw for name, raw in fields(head) if not TRACES.match(name))


def strip(data):
    head, body = headers_and_body(data)
    end = b"\r\n" if b"\r\n" in head else b"\n"
    return without(head) + end + body


def folder_or_file(change, usage):
    if len(sys.argv) != 3:
        print(usage.strip(), file=sys.stderr)
        return 2
    source, target = map(pathlib.Path, sys.argv[1:])
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    for path in files:
        out = target / path.relative_to(source) if source.is_dir() else target
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(change(path.read_bytes()))
    print(f"{len(files)} mails", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(folder_or_file(strip, __doc__))
