# SPDX-License-Identifier: Apache-2.0
"""What the measurements of the agent share: a network namespace of their own with w1, an engine that answers as Docker's, SAs, and an
agent whose memory and CPU are read."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ADDRESS = "10.0.0.2"
PEER = "10.0.0.1"
KEY = "0x" + "11" * 20
CSUMBPF = os.environ.get("CSUMBPF") or str(Path(__file__).resolve().parents[2] / "bin/csumbpf")
METRICS = "127.0.0.1:14789"


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


def peer(number):
    """The address of one of up to 60,000 peers, all in w1's network."""
    return f"10.0.{1 + number // 250}.{1 + number % 250}"


def sa(command, spi=0x1000, source=PEER, destination=ADDRESS, more=""):
    """The line that adds or deletes an SA in transport mode, by default from PEER to ADDRESS."""
    algorithm = f" mode transport {more} aead rfc4106(gcm(aes)) {KEY} 128" if command == "add" else ""
    return f"xfrm state {command} src {source} dst {destination} proto esp spi {spi:#x}{algorithm}"


class Engine:
    """Answers as a node of a Swarm with ADDRESS, whose encrypted networks have VNIs from 4097 on and containers on all peers."""

    def __init__(self, networks=0, peers=0):
        self.networks = networks
        self.peers = [{"Name": f"node{i}", "IP": peer(i)} for i in range(peers)]
        self.path = str(Path(tempfile.mkdtemp()) / "docker.sock")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen()
        self.followers = []
        threading.Thread(target=self.serve, daemon=True).start()

    def network(self, number):
        options = {"com.docker.network.driver.overlay.vxlanid_list": str(4097 + number), "encrypted": ""}
        return {"Name": f"network{number}", "Options": options}

    def create_network(self):
        """One more, and an event about it."""
        self.networks += 1
        for follower in self.followers:
            follower.sendall(b'{"Type":"network","Action":"create"}\n')

    def serve(self):
        while True:
            connection, _ = self.server.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        target = connection.recv(4096).split(b" ")[1]
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        if target.startswith(b"/events"):
            self.followers.append(connection)
            return  # stays open
        if target == b"/info":
            body = {"Swarm": {"LocalNodeState": "active", "NodeAddr": ADDRESS}}
        elif target.startswith(b"/networks/"):
            body = {"Peers": self.peers}
        elif target.startswith(b"/networks"):
            body = [self.network(i) for i in range(self.networks)]
        else:
            body = []
        connection.sendall(json.dumps(body).encode())
        connection.close()


def cpu(pid):
    """Seconds of CPU that a process has had, with those of the programs that it ran."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


class Agent:
    """An agent that is ready, and what it needs."""

    def __init__(self, docker):
        began = time.monotonic()
        log = open("/run/log", "w")
        command = [CSUMBPF, "agent", "--listen", METRICS, "--docker", docker]
        self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        while 'msg="ready"' not in self.log():
            if self.process.poll() is not None:
                sys.exit(self.log())
            time.sleep(0.2)
        self.start_seconds = time.monotonic() - began

    def log(self):
        return open("/run/log").read()

    def needs(self):
        """Its resident memory in MB, its threads and its descriptors."""
        pid = self.process.pid
        fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
        return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))

    def cpu(self):
        return cpu(self.process.pid)

    def scrape(self):
        return subprocess.run(["curl", "-s", f"http://{METRICS}/metrics"], check=True, capture_output=True, text=True).stdout

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
