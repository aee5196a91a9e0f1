#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""frames.py send DEVICE: sends each frame of standard input (hexadecimal, one a line).
frames.py capture DEVICE COUNT: prints the first COUNT frames with ESP in IPv4 that DEVICE sends, after a line "ready"."""
import socket
import sys

ETH_P_ALL = 3


def opened(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    return sock


def main():
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
