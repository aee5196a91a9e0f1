#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""probe.py RECEIVER SENDER: for each line of standard input, sends five datagrams from w0 in the network namespace SENDER to w1
in RECEIVER, and prints which of them a socket there got, 1 or 0 each: VXLAN with a wrong checksum, of VNI 5 to port 4789, to
port 7789, and of VNI 6; VXLAN of VNI 6 with a good one; and what has nothing to do with csumbpf, there and back."""
import ctypes
import os
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
HERE, THERE = "10.9.0.1", "10.9.0.2"
PORTS = (4789, 7789)
WRONG = 0x1234


def enter(name):
    with open("/run/netns/" + name) as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + name)


def summed(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(to, sender, port, vni, tag, wrong):
    payload = struct.pack("!II", 0x08000000, vni << 8) + tag.encode().ljust(64, b"\0")
    length = 8 + len(payload)
    ends = socket.inet_aton(THERE) + socket.inet_aton(HERE)
    udp = struct.pack("!HHH", 5555, port, length)
    checksum = summed(ends + struct.pack("!HH", 17, length) + udp + b"\0\0" + payload) or 0xFFFF
    udp += struct.pack("!H", checksum ^ (WRONG if wrong else 0)) + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0) + ends
    ip = ip[:10] + struct.pack("!H", summed(ip)) + ip[12:]
    return to + sender + b"\x08\0" + ip + udp


def receivers():
    sockets = []
    for port in PORTS:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((HERE, port))
        sock.setblocking(False)
        sockets.append(sock)
    return sockets


def drained(sockets):
    tags = set()
    for sock in sockets:
        while True:
            try:
                tags.add(sock.recv(2000)[8:].rstrip(b"\0").decode())
            except BlockingIOError:
                break
    return tags


def ordinary(receiver, sender):
    """There and back. What was sent before it has arrived as well then: one CPU, one queue."""
    sender.sendto(b"ping", (HERE, 9999))
    try:
        _, back = receiver.recvfrom(100)
        receiver.sendto(b"pong", back)
        return sender.recv(100) == b"pong"
    except TimeoutError:
        return False


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    enter(sys.argv[1])
    into = receivers()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((HERE, 9999))
    other.settimeout(5)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as device:
        device.bind(("w1", 0))
        to = device.getsockname()[4]
    enter(sys.argv[2])
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.bind(("w0", 0))
    mac = out.getsockname()[4]
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.bind((THERE, 0))
    there.settimeout(5)
    kinds = {"wrong5": (4789, 5, True), "other5": (7789, 5, True), "wrong6": (4789, 6, True), "good6": (4789, 6, False)}
    for _ in sys.stdin:
        drained(into)
        for tag, (port, vni, wrong) in kinds.items():
            out.send(frame(to, mac, port, vni, tag, wrong))
        passes = ordinary(other, there)
        tags = drained(into)
        print(" ".join("%s:%d" % (tag, tag in tags) for tag in kinds), "ordinary:%d" % passes, flush=True)


if __name__ == "__main__":
    main()
