#!/usr/bin/env python3
"""Writes campaign/, resembling/ and expected.tsv beside it from the tables of cases. Same source, same bytes.

make.py            writes them
make.py --check    writes nothing; fails if a file differs from its source or has defects
"""

import email
import email.policy
import pathlib
import sys

sys.dont_write_bytecode = True
import cases_campaign
import cases_conversations
import cases_resembling
from mime import Mail, page

HERE = pathlib.Path(__file__).resolve().parent


def build(mail):
    mail = dict(mail)
    nested = mail.pop("nested", None)
    if mail.pop("both", False):
        mail["html"] = page(mail["text"])
    if nested:
        name, inner = nested
        inner = Mail(date=mail["date"], auth=inner.pop("auth", "absent"), key="inner", **inner)
        mail["files"] = [(name, "message/rfc822", bytes(inner).replace(b"\r\n", b"\n"))]
    return bytes(Mail(**mail))


def everything():
    """Path below this folder and bytes of all that is made."""
    rows = ["file\tlanguage\twhat it is\tverdict\treason"]
    for folder, cases in (("campaign", cases_campaign.CASES), ("resembling", cases_resembling.CASES)):
        for name, language, verdict, what, why, mail in cases:
            yield f"{folder}/{name}", build(mail)
            rows.append("\t".join((f"{folder}/{name}", language, what, verdict, why)))
    for name, language, verdict, what, why in cases_conversations.CASES:
        rows.append("\t".join((f"conversations/{name}", language, what, verdict, why)))
    yield "expected.tsv", ("\n".join(rows) + "\n").encode()


def raw(part, name):
    return next((value for key, value in part.raw_items() if key == name), "")


def defects(data):
    """What Python's parser finds wrong in a message, its parts and headers."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        yield from part.defects
        for name, value in part.items():
            for defect in getattr(value, "defects", ()):
                # Outlook, Gmail and Naver write names of files as encoded words within quotes, against RFC 2047: meant.
                if name.lower() not in ("content-type", "content-disposition") or '"=?' not in raw(part, name):
                    yield f"{name}: {defect}"
        if not part.is_multipart() and part.get_content_type() != "message/rfc822":
            part.get_content()


def main():
    check, wrong, made = "--check" in sys.argv[1:], 0, set()
    for name, data in everything():
        path = HERE / name
        made.add(path)
        for defect in defects(data) if name.endswith(".eml") else ():
            print(f"{name}: {defect!r}")
            wrong += 1
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        elif not path.exists() or path.read_bytes() != data:
            print(f"{name}: differs from its source")
            wrong += 1
    for path in sorted(HERE.glob("*/*.eml")):
        if path not in made:
            print(f"{path.name}: has no case")
            wrong += 1
    for name in {case[0] for case in cases_conversations.CASES} ^ {path.name for path in HERE.glob("conversations/*")}:
        print(f"conversations/{name}: file and table disagree")
        wrong += 1
    print(f"{len(made)} files, {wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
