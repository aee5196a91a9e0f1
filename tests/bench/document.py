# SPDX-License-Identifier: Apache-2.0
"""What the results of all benchmarks have in common: where they were measured, and their file."""
import datetime
import json
import os
import pathlib

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return os.uname().machine


def head(name, title):
    return {
        "benchmark": name,
        "title": title,
        "kernel": os.uname().release,
        "cpu": cpu(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def write(document, folder=CHECKOUT / "tests/target/bench"):
    """Into $CSUMBPF_RESULTS, else this folder. Returns the file."""
    out = pathlib.Path(os.environ.get("CSUMBPF_RESULTS") or folder)
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{document['benchmark']}.json"
    file.write_text(json.dumps(document, indent=1) + "\n")
    return file
