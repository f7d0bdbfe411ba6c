"""The firm of the test, its people, and how a case is written down."""

import datetime
import re

# The firm and its partners: what `site.toml` would name.
OWN = "kestrel-uav.example"
PARTNERS = ["rotorwerk.example", "hanbit-avionics.example", "halvorsen-composites.example"]

PRIYA = ("Priya Nair", f"p.nair@{OWN}")
ELLA = ("Ella Thorne", f"e.thorne@{OWN}")
JONAS = ("Jonas Albrecht", f"j.albrecht@{OWN}")
MINA = ("Mina Seo", f"m.seo@{OWN}")
SECURITY = ("Tobias Brandt", f"t.brandt@{OWN}")
HR = ("Kestrel HR", f"hr@{OWN}")
JOBS = ("Kestrel Jobs", f"jobs@{OWN}")

ZONES = {"en": 1, "de": 2, "ko": 9}


def AT(year, month, day, hour=9, minute=0, zone=0):
    return datetime.datetime(year, month, day, hour, minute, tzinfo=datetime.timezone(datetime.timedelta(hours=zone)))


def cases():
    """A list, and the function that puts a case into it. The number and the date follow from the place in the list."""
    found = []

    def case(name, language, verdict, what, why, **mail):
        number = len(found) + 1
        start = AT(2025, 3, 3, 8, 11, ZONES[language])
        mail.setdefault("date", start + datetime.timedelta(days=number * 7 % 300, hours=number % 9, minutes=number * 13 % 47))
        mail["key"] = name
        found.append((f"{number:02}-{re.sub('[^a-z0-9-]', '-', name)}.eml", language, verdict, what, why, mail))

    return found, case
