#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""wire.py OUT IN: sends each frame of standard input (hexadecimal, one a line) on interface OUT and prints the frame
that then arrives on interface IN, or "none" if none does within a second. The kernel keeps an outer VLAN tag to itself."""
import socket
import sys

ETH_P_ALL = 3


def opened(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    sock.settimeout(1)
    return sock


def main():
    out, into = opened(sys.argv[1]), opened(sys.argv[2])
    for line in sys.stdin:
        out.send(bytes.fromhex(line))
        try:
            print(into.recv(65536).hex(), flush=True)
        except TimeoutError:
            print("none", flush=True)


if __name__ == "__main__":
    main()
