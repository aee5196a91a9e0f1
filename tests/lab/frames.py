#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""frames.py send DEVICE: sends each frame of standard input (hexadecimal, one a line).
frames.py capture DEVICE COUNT: prints the first COUNT frames with ESP in IPv4 that DEVICE sends, after a line "ready".
frames.py vxlan DESTINATION VNI COUNT SOURCE [damaged]: sends COUNT VXLAN datagrams by the routes and IPsec policies of this host, with
the checksum that they have if SOURCE is this host. damaged: a bit of each has flipped since."""
import ipaddress
import random
import socket
import struct
import sys

ETH_P_ALL = 3


def opened(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    return sock


def checksum(data):
    total = sum(struct.unpack("!%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    return (65535 - total % 65535) or 65535


def vxlan(destination, vni, count, source, damaged):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    for number in range(count):
        # Broadcast, of a protocol that nobody answers (IEEE 802: local experimental).
        inner = bytes.fromhex("ffffffffffff02000000000988b5") + bytes(random.randrange(256) for _ in range(60))
        payload = struct.pack("!II", 0x08000000, vni << 8) + inner
        header = struct.pack("!HHH", 50000, 4789, 8 + len(payload))
        pseudo = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + struct.pack("!HH", 17, 8 + len(payload))
        check = checksum(pseudo + header + payload)
        if damaged:
            at = len(payload) - 1 - number % 60
            payload = payload[:at] + bytes([payload[at] ^ 1 << number % 8]) + payload[at + 1 :]
        # The kernel computes no UDP checksum on a raw socket.
        sock.sendto(header + struct.pack("!H", check) + payload, (destination, 0))


def main():
    if sys.argv[1] == "vxlan":
        vxlan(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6:] == ["damaged"])
        return
    action, sock = sys.argv[1], opened(sys.argv[2])
    if action == "send":
        for line in sys.stdin:
            sock.send(bytes.fromhex(line))
        return
    sock.settimeout(30)
    print("ready", flush=True)
    left = int(sys.argv[3])
    while left:
        frame, address = sock.recvfrom(65536)
        if address[2] == socket.PACKET_OUTGOING and frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_ESP:
            print(frame.hex(), flush=True)
            left -= 1


if __name__ == "__main__":
    main()
