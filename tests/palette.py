# SPDX-License-Identifier: Apache-2.0
"""The colours of dashboard and charts: the table of docs/glossary.md, which is the one place that has them."""
import re
from pathlib import Path

GLOSSARY = Path(__file__).resolve().parents[1] / "docs/glossary.md"
NAME = "a name"
LOST = "lost"


def read():
    """Meaning to colour, in the table's order."""
    text = GLOSSARY.read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| ([a-z ]+) \| [a-z ]+ `(#[0-9A-F]{6})` \|", text, re.M))
    rows = len(re.findall(r"^\|.*`#", text, re.M))
    if len(found) != rows or not {NAME, LOST} <= found.keys():
        raise ValueError(f"{GLOSSARY}: the table of colours is not understood")
    return found


def outcomes():
    """Outcome to meaning, as the table's last column has it; all but repaired, which is two."""
    text = GLOSSARY.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| [a-z ]+ `#[0-9A-F]{6}` \|[^|]*\|[^|]*\|([^|]*)\|$", text, re.M)
    return {word: meaning for meaning, of_what in rows for word in re.findall(r"`(\w+)`", of_what)}


def overrides(panel, label):
    """Ids and values that the dashboard's overrides give a series, in their order: the last of an id holds."""
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        matches = {"byName": lambda o: o == label, "byRegexp": lambda o: re.fullmatch(o, label)}[matcher["id"]]
        if matches(matcher["options"]):
            for prop in override["properties"]:
                yield prop["id"], prop["value"]


def meaning_of(label, palette):
    """A label begins with its meaning; one that does not is a name."""
    return next((meaning for meaning in palette if re.match(rf"{meaning}\b", label)), NAME)
