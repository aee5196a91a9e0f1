#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the packet cases that PacketCasesTest runs, with Scapy as the judge of checksums.

make_cases.py          writes ../src/test/resources/packets/cases.txt
make_cases.py --check  compares it with what is committed

A case is a paragraph: its name, the call below that made the packet, the rule, what goes in, what must come out.
"""
import sys
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (HAO, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Pad1,
                                 PadN)
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import checksum

TARGET = Path(__file__).resolve().parent.parent / "src/test/resources/packets/cases.txt"
MACS = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def payload(size, fill=None):
    return Raw(bytes([fill] * size) if fill is not None else bytes((7 * i + 3) & 0xFF for i in range(size)))


def outer4(tags=(), options=0, **ip):
    """Ethernet, VLAN tags (EtherTypes), IPv4 with that many 4-byte words of options."""
    option = [IPOption(b"\x01\x01\x01\x01" * options)] if options else []
    frame = Ether(**MACS)
    for i, ethertype in enumerate(tags):
        frame.lastlayer().type = ethertype
        frame = frame / Dot1Q(vlan=100 + i)
    return frame / IP(**{**dict(src="198.51.100.7", dst="10.99.0.2", id=1, options=option), **ip})


def outer6(tags=(), **ip):
    frame = Ether(**MACS)
    for i, ethertype in enumerate(tags):
        frame.lastlayer().type = ethertype
        frame = frame / Dot1Q(vlan=100 + i)
    return frame / IPv6(**{**dict(src="2001:db8::7", dst="2001:db8:1::2"), **ip})


def vxlan(vni=4109, size=100, port=4789, flags=0x08, check=None, fill=None, **udp):
    # The header by hand (RFC 7348): Scapy's grows fields with other flags than I.
    header = Raw(bytes([flags, 0, 0, 0]) + (vni << 8).to_bytes(4, "big"))
    return UDP(sport=40000, dport=port, chksum=check, **udp) / header / payload(size, fill)


def padded(packet, size):
    return bytes(packet) + bytes(size)


# From here on packets are bytes: Scapy takes the inner frame apart when it parses, and does not always put the same
# bytes together again.


def udp_offset(data):
    at, kind = 14, int.from_bytes(data[12:14], "big")
    while kind in (0x8100, 0x88A8):
        kind = int.from_bytes(data[at + 2:at + 4], "big")
        at += 4
    if kind == 0x0800:
        return at + (data[at] & 15) * 4
    header, at = data[at + 6], at + 40
    while header in (0, 43, 44, 60):
        header, at = data[at], at + 8 + (0 if header == 44 else data[at + 1] * 8)
    return at


def addresses(data):
    """Offset and length of source and destination together."""
    at = 14
    while data[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return (at + 12, 8) if data[at - 2:at] == b"\x08\x00" else (at + 8, 32)


def with_check(packet, value):
    data = bytearray(bytes(packet))
    at = udp_offset(data) + 6
    data[at:at + 2] = value.to_bytes(2, "big")
    return bytes(data)


def right(packet, source=None):
    """The same packet with the checksum that Scapy's function computes; 0 as ffff (RFC 768)."""
    data = with_check(packet, 0)
    at = udp_offset(data)
    length = int.from_bytes(data[at + 4:at + 6], "big")
    start, size = addresses(data)
    pair = bytearray(data[start:start + size])
    if source:
        pair[:size // 2] = source[size]
    pseudo = bytes(pair) + length.to_bytes(4, "big") + (17).to_bytes(4, "big")
    return with_check(packet, checksum(pseudo + data[at:at + length]) or 0xFFFF)


def wrong(packet):
    """The checksum that a 1:1 NAT leaves: that of the source address before it."""
    return right(packet, {8: bytes([192, 0, 2, 55]), 32: bytes.fromhex("20010db8ffff" + "00" * 9 + "55")})


def sums_to_zero(outer):
    """A packet whose checksum computes to 0: the last payload word is set to what makes it so."""
    data = bytearray(right(outer / vxlan(size=64, fill=0)))
    at = udp_offset(data) + 6
    data[-2:] = data[at:at + 2]  # moves the sum to 0xffff, the checksum to 0
    return bytes(data)


CASES = []


def case(name, made, rule="4109 auto unverified", outcome="other", out="same", verdict="unspec", port=4789, gso=0):
    packet = eval(made)  # pylint: disable=eval-used
    data = bytes(packet)
    expected = "same"
    if out == "zero":
        expected = with_check(data, 0).hex()
    elif out == "right":
        expected = right(data).hex()
    if expected != "same" and bytes.fromhex(expected) == data:
        raise SystemExit(f"{name}: expects a change, and there is none")
    CASES.append(
        f"name: {name}\nmade: {made}\nrule: {rule}\nport: {port}\ngso: {gso}\noutcome: {outcome}\n"
        f"verdict: {verdict}\nin: {data.hex()}\nout: {expected}\n")


def cases():
    # The modes, on both versions of IP.
    for outer in ("outer4()", "outer6()"):
        v = outer[5]
        bad, ok = f"wrong({outer}/vxlan())", f"right({outer}/vxlan())"
        none = f"with_check({outer}/vxlan(), 0)"
        case(f"ipv{v} auto, wrong checksum", bad, outcome="repaired", out="zero" if v == "4" else "right")
        case(f"ipv{v} auto, right checksum", ok, outcome="repaired" if v == "4" else "good",
             out="zero" if v == "4" else "same")
        case(f"ipv{v} auto, no checksum", none, outcome="zero")
        for mode, o_bad, x_bad, o_ok, x_ok in (("zero", "repaired", "zero", "repaired", "zero"),
                                               ("recompute", "repaired", "right", "good", "same"),
                                               ("observe", "bad", "same", "good", "same")):
            rule = f"4109 {mode} unverified"
            case(f"ipv{v} {mode}, wrong checksum", bad, rule, o_bad, x_bad)
            case(f"ipv{v} {mode}, right checksum", ok, rule, o_ok, x_ok)
            case(f"ipv{v} {mode}, no checksum", none, rule, "zero")
            case(f"ipv{v} {mode}, merged by GRO", bad, rule, "gso", gso=1000)
        case(f"ipv{v} checksum that computes to 0 is sent as ffff", f"with_check(sums_to_zero({outer}), 0x1234)",
             "4109 recompute unverified", "repaired", "right")
        case(f"ipv{v} ffff is the right form of 0", f"with_check(sums_to_zero({outer}), 0xffff)",
             "4109 recompute unverified", "good")
        # Proof: a test run's packets never went through IPsec.
        case(f"ipv{v} plaintext, wrong checksum, passes", bad, "4109 auto", "plaintext")
        case(f"ipv{v} plaintext, no checksum, passes", none, "4109 auto", "plaintext")
        case(f"ipv{v} plaintext, merged by GRO, passes", bad, "4109 auto", "plaintext", gso=1000)
        case(f"ipv{v} plaintext, dropped", bad, "4109 auto drop", "dropped", verdict="shot")
        case(f"ipv{v} plaintext, right checksum, dropped", ok, "4109 observe drop", "dropped", verdict="shot")
        # Sizes, around the steps of the computation.
        for size in (0, 1, 2, 3, 4, 5, 47, 48, 49, 495, 496, 497, 498, 499, 500, 1007, 1008, 1009, 1424, 1425, 8934,
                     8950, 9199, 9200):
            case(f"ipv{v} recompute, {size} bytes", f"wrong({outer}/vxlan(size={size}))",
                 "4109 recompute unverified", "repaired", "right")
        case(f"ipv{v} recompute, too long", f"wrong({outer}/vxlan(size=9201))", "4109 recompute unverified", "oversize")
        case(f"ipv{v} zero takes any length", f"wrong({outer}/vxlan(size=9201))", "4109 zero unverified", "repaired",
             "zero")
        case(f"ipv{v} recompute, all bytes ff", f"wrong({outer}/vxlan(size=777, fill=0xff))",
             "4109 recompute unverified", "repaired", "right")
        # Lengths of UDP.
        for length in (0, 7, 8, 15):
            case(f"ipv{v} UDP length {length}", f"{outer}/vxlan(check=0x1234, len={length})", outcome="malformed")
        case(f"ipv{v} UDP length beyond IP", f"{outer}/vxlan(check=0x1234, len=117)", outcome="malformed")
        case(f"ipv{v} UDP length one below IP's room", f"{outer}/vxlan(check=0x1234, len=115)",
             "4109 zero unverified", "repaired", "zero")
        case(f"ipv{v} UDP length 0 but merged by GRO", f"{outer}/vxlan(check=0x1234, len=0)", outcome="gso", gso=1000)
        # VXLAN.
        case(f"ipv{v} another port", f"wrong({outer}/vxlan(port=4790))")
        case(f"ipv{v} the configured port", f"wrong({outer}/vxlan(port=7789))", "4109 zero unverified", "repaired",
             "zero", port=7789)
        case(f"ipv{v} the default port where another is configured", bad, port=7789)
        case(f"ipv{v} I flag missing", f"{outer}/vxlan(flags=0, check=0x1234)", outcome="malformed")
        case(f"ipv{v} all flags but I", f"{outer}/vxlan(flags=0xf7, check=0x1234)", outcome="malformed")
        case(f"ipv{v} all flags", f"wrong({outer}/vxlan(flags=0xff))", "4109 zero unverified", "repaired", "zero")
        for vni in (0, 1, 0xFFFFFF):
            case(f"ipv{v} VNI {vni}", f"wrong({outer}/vxlan(vni={vni}))", f"{vni} zero unverified", "repaired", "zero")
        case(f"ipv{v} no rule for the VNI", f"wrong({outer}/vxlan(vni=4110))", outcome="no_rule")
        case(f"ipv{v} rule for any VNI", f"wrong({outer}/vxlan(vni=4110))", "any zero unverified", "repaired", "zero")
        case(f"ipv{v} rule for any VNI, plaintext", f"wrong({outer}/vxlan(vni=4110))", "any zero", "plaintext")
        case(f"ipv{v} own rule before any", bad, "4109 observe unverified; any zero unverified", "bad")
        # VLAN tags in the frame.
        for tags, name in (("(0x8100,)", "802.1Q"), ("(0x88a8, 0x8100)", "802.1ad"), ("(0x8100, 0x8100)", "two 802.1Q")):
            tagged = outer.replace("()", f"(tags={tags})")
            case(f"ipv{v} {name}, zero", f"wrong({tagged}/vxlan())", "4109 zero unverified", "repaired", "zero")
            case(f"ipv{v} {name}, recompute", f"wrong({tagged}/vxlan())", "4109 recompute unverified", "repaired",
                 "right")
        case(f"ipv{v} three tags", f"wrong({outer.replace('()', '(tags=(0x88a8, 0x8100, 0x8100))')}/vxlan())")
        # Ethernet padding behind IP.
        case(f"ipv{v} padding behind IP, recompute", f"padded(wrong({outer}/vxlan(size=1)), 9)",
             "4109 recompute unverified", "repaired", "right")

    # IPv4 only.
    for words in range(1, 11):
        case(f"ipv4 {words} words of options", f"wrong(outer4(options={words})/vxlan())", "4109 recompute unverified",
             "repaired", "right")
    for name, fields in (("first fragment", "flags='MF'"), ("middle fragment", "flags='MF', frag=10"),
                         ("last fragment", "frag=10")):
        case(f"ipv4 {name}", f"outer4({fields})/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 don't-fragment is no fragment", "wrong(outer4(flags='DF')/vxlan())", "4109 zero unverified", "repaired",
         "zero")
    case("ipv4 total length below header", "outer4(len=19)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 total length ends in UDP header", "outer4(len=27)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 total length beyond frame", "outer4(len=137)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 total length 0", "outer4(len=0)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 total length 0 but merged by GRO", "outer4(len=0)/vxlan(check=0x1234)", outcome="gso", gso=1000)
    case("ipv4 header length 4 words", "outer4(ihl=4)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 header length beyond frame", "outer4(ihl=15)/UDP(sport=1, dport=4789)", outcome="malformed")
    case("ipv4 version 5", "outer4(version=5)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv4 ESP", "outer4()/ESP(spi=0x1001, seq=1, data=b'x' * 64)", outcome="esp")
    case("ipv4 ESP, VLAN tag", "outer4(tags=(0x8100,))/ESP(spi=0x1001, seq=1, data=b'x' * 64)", outcome="esp")
    case("ipv4 TCP", "outer4()/TCP(dport=4789)")
    case("ipv4 ICMP", "outer4()/ICMP()")

    # IPv6 only.
    case("ipv6 fragment of UDP", "outer6()/IPv6ExtHdrFragment(nh=17, m=1)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv6 fragment of TCP", "outer6()/IPv6ExtHdrFragment(nh=6, m=1)/TCP()")
    for name, made in (("hop-by-hop options", "IPv6ExtHdrHopByHop()"),
                       ("destination options", "IPv6ExtHdrDestOpt()"),
                       ("destination options of 16 bytes", "IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))])"),
                       ("hop-by-hop options of 264 bytes", "IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(250)), Pad1()])"),
                       ("a routing header at its end", "IPv6ExtHdrRouting(segleft=0, addresses=['2001:db8::9'])"),
                       ("an atomic fragment's header", "IPv6ExtHdrFragment(nh=17)"),
                       ("four extension headers",
                        "IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/IPv6ExtHdrRouting(segleft=0)/IPv6ExtHdrFragment(nh=17)")):
        packet = f"wrong(outer6()/{made}/vxlan())"
        case(f"ipv6 {name} before UDP, recompute", packet, "4109 recompute unverified", "repaired", "right")
        case(f"ipv6 {name} before UDP, zero", packet, "4109 zero unverified", "repaired", "zero")
        case(f"ipv6 {name} before UDP, plaintext, dropped", packet, "4109 auto drop", "dropped", verdict="shot")
    case("ipv6 five extension headers pass", "outer6()/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/"
         "IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/vxlan(check=0x1234)")
    case("ipv6 a routing header on its way passes",
         "outer6()/IPv6ExtHdrRouting(segleft=1, addresses=['2001:db8::9'])/vxlan(check=0x1234)")
    case("ipv6 home address passes: it is in the pseudo-header",
         "outer6()/IPv6ExtHdrDestOpt(options=[HAO(hoa='2001:db8::9')])/vxlan(check=0x1234)")
    case("ipv6 hop-by-hop options before ESP", "outer6()/IPv6ExtHdrHopByHop(nh=50)/ESP(spi=0x1001, seq=1, data=b'x' * 64)",
         outcome="esp")
    case("ipv6 extension headers beyond the payload length",
         "outer6(plen=8)/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/vxlan(check=0x1234)", outcome="malformed")
    case("ipv6 extension header beyond frame", "outer6(nh=0)/Raw(bytes([17, 0, 1]))", outcome="malformed")
    case("ipv6 last fragment of UDP", "outer6()/IPv6ExtHdrFragment(nh=17, offset=1)/vxlan(check=0x1234)",
         outcome="malformed")
    case("ipv6 payload length beyond frame", "outer6(plen=117)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv6 payload length 0", "outer6(plen=0)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv6 payload length 0 but merged by GRO", "outer6(plen=0)/vxlan(check=0x1234)", outcome="gso", gso=1000)
    case("ipv6 version 4", "outer6(version=4)/vxlan(check=0x1234)", outcome="malformed")
    case("ipv6 ESP", "outer6()/ESP(spi=0x1001, seq=1, data=b'x' * 64)", outcome="esp")
    case("ipv6 TCP", "outer6()/TCP(dport=4789)")

    # Neither.
    case("ARP", "Ether(**MACS)/ARP()")
    case("an Ethernet header alone", "Ether(type=0x1234, **MACS)")
    case("an unknown EtherType over VXLAN bytes", "Ether(type=0x1234, **MACS)/Raw(bytes(outer4()/vxlan())[14:])")


def main():
    cases()
    text = "\n".join(CASES)
    if sys.argv[1:] == ["--check"]:
        if TARGET.read_text() != text:
            sys.exit(f"make_cases.py: {TARGET.name} is not what this script makes; run it without --check")
        print(f"make_cases.py: {len(CASES)} cases, as committed")
        return
    TARGET.write_text(text)
    print(f"make_cases.py: wrote {len(CASES)} cases")


if __name__ == "__main__":
    main()
