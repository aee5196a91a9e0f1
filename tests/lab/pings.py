#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pings.py ADDRESS FIRST LAST: one ping of each size, FIRST to LAST bytes of IPv4 packet; prints the sizes without a right answer."""
import os
import socket
import struct
import sys
import time

HEADERS = 20 + 8  # IPv4 and ICMP
WAIT = 5


def checksum(data):
    total = sum(struct.unpack(f"!{len(data + bytes(len(data) % 2)) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(number, size):
    body = bytes((number + i) & 0xFF for i in range(size - HEADERS))
    header = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, number)
    return header[:2] + struct.pack("!H", checksum(header + body)) + header[4:] + body


def main():
    address, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.settimeout(0.01)
    missing = {}
    deadline = 0
    size = first
    while size <= last or (missing and time.monotonic() < deadline):
        if size <= last and len(missing) < 32 or size <= last and time.monotonic() > deadline:
            packet = request(size, size)
            missing[size] = packet[8:]
            sock.sendto(packet, (address, 0))
            size += 1
            deadline = time.monotonic() + WAIT
        try:
            answer = sock.recv(65536)
        except socket.timeout:
            continue
        kind, ident, number = answer[20], *struct.unpack("!HH", answer[24:28])
        if kind == 0 and ident == os.getpid() & 0xFFFF and missing.get(number) == answer[28:]:
            del missing[number]
    print(" ".join(map(str, sorted(missing))))


if __name__ == "__main__":
    main()
