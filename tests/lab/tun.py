#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tun.py DEVICE: a host behind a tun device, that is one without an Ethernet header. It sends VXLAN packets (VNI 4109) whose UDP
checksum is wrong, and prints one line a packet: its name, and whether the kernel gave it to a socket ("arrived") or not ("lost").
The device has the addresses 192.0.2.1 and 2001:db8::1."""
import fcntl
import os
import socket
import struct
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.packet import Raw

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def vxlan(name):
    return UDP(sport=40000, dport=4789, chksum=0x1234) / Raw(b"\x08\0\0\0" + (4109 << 8).to_bytes(4, "big") + name.encode().ljust(80))


V4, V6 = IP(src="192.0.2.2", dst="192.0.2.1"), IPv6(src="2001:db8::2", dst="2001:db8::1")
PACKETS = {
    "ipv4": V4,
    "ipv6": V6,
    "ipv6-hop-by-hop": V6 / IPv6ExtHdrHopByHop(),
    "ipv6-destination": V6 / IPv6ExtHdrDestOpt(),
    "ipv6-atomic": V6 / IPv6ExtHdrFragment(nh=17),
}

tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), IFF_TUN | IFF_NO_PI))
receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
receiver.bind(("::", 4789))
# A packet is received before write() returns, unless it waits in a CPU's backlog.
receiver.settimeout(1)
for name, outer in PACKETS.items():
    os.write(tun, bytes(outer / vxlan(name)))
    try:
        got = receiver.recv(2000)[8:].decode().strip()
        print(name, "arrived" if got == name else "arrived as " + got)
    except socket.timeout:
        print(name, "lost")
