# SPDX-License-Identifier: Apache-2.0
"""What the measurements of the agent share: a network namespace of their own with w1, an engine that answers as Docker's, SAs."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ADDRESS = "10.0.0.2"
PEER = "10.0.0.1"
KEY = "0x" + "11" * 20
CSUMBPF = os.environ.get("CSUMBPF") or str(Path(__file__).resolve().parents[2] / "bin/csumbpf")


def enter():
    """Runs this script again in namespaces of its own, as their process 1: csumbpf wants the bpffs of that one. Makes w1 there."""
    if "CSUMBPF_BENCH_INSIDE" not in os.environ:
        own = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
        os.execvpe(own[0], [*own, sys.executable, *sys.argv], os.environ | {"CSUMBPF_BENCH_INSIDE": "1"})
    for kind, target in (("bpf", "/sys/fs/bpf"), ("tmpfs", "/run")):
        subprocess.run(["mount", "-t", kind, kind, target], check=True)
    ip("link set lo up", "link add w0 type veth peer name w1", "link set w0 up", "link set w1 up")


def ip(*lines):
    """Runs lines of 'ip -batch'."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def sa(command, spi=0x1000, peer=PEER):
    """The line that adds or deletes an SA in transport mode from a peer to ADDRESS."""
    more = f" mode transport aead rfc4106(gcm(aes)) {KEY} 128" if command == "add" else ""
    return f"xfrm state {command} src {peer} dst {ADDRESS} proto esp spi {spi:#x}{more}"


def engine(networks=0):
    """Starts what answers as a node of a Swarm with ADDRESS and that many encrypted networks. Returns its socket's path."""
    path = str(Path(tempfile.mkdtemp()) / "docker.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    threading.Thread(target=serve, args=(server, networks), daemon=True).start()
    return path


def serve(server, networks):
    options = "com.docker.network.driver.overlay.vxlanid_list"
    known = [{"Name": f"network{i}", "Options": {options: str(4097 + i), "encrypted": ""}} for i in range(networks)]
    kept = []
    while True:
        connection, _ = server.accept()
        kept.append(connection)
        threading.Thread(target=answer, args=(connection, known), daemon=True).start()


def answer(connection, networks):
    target = connection.recv(4096).split(b" ")[1]
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
    if target.startswith(b"/events"):
        return  # stays open
    body = {"Swarm": {"LocalNodeState": "active", "NodeAddr": ADDRESS}} if target == b"/info" else networks
    connection.sendall(json.dumps(body).encode())
    connection.close()
