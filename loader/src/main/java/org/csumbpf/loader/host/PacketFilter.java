// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * A program of classic BPF for a socket (SO_ATTACH_FILTER, socket(7); {@code linux/filter.h}). It sees packets
 * from the network header on, and its checks take or refuse one in order.
 */
final class PacketFilter {
    private static final int LOAD_WORD = 0x20;
    private static final int LOAD_HALF = 0x28;
    private static final int LOAD_BYTE = 0x30;
    /** {@code ldh [x + k]} */
    private static final int LOAD_HALF_BEHIND = 0x48;
    /** {@code ldx 4*([k]&0xf)}: the length of an IPv4 header. */
    private static final int LOAD_LENGTH = 0xb1;

    private static final int IF_EQUAL = 0x15;
    private static final int IF_SET = 0x45;
    private static final int RETURN = 0x06;
    /** SKF_AD_OFF + SKF_AD_IFINDEX: the device that received the packet. */
    private static final int IFINDEX = -0x1000 + 8;

    /** SKF_AD_OFF + SKF_AD_PROTOCOL: ETH_P_*, in host order. */
    private static final int PROTOCOL = -0x1000;
    /** SKF_AD_OFF + SKF_AD_PKTTYPE: PACKET_*. */
    private static final int PKTTYPE = -0x1000 + 4;

    private static final int INSTRUCTION_SIZE = 8;
    static final int FPROG_SIZE = 16;
    private static final int FPROG_FILTER = 8;

    private record Instruction(int code, int ifTrue, int ifFalse, int operand) {}

    private final List<Instruction> instructions = new ArrayList<>();

    private void add(int code, int operand) {
        instructions.add(new Instruction(code, 0, 0, operand));
    }

    PacketFilter byteAt(int offset) {
        add(LOAD_BYTE, offset);
        return this;
    }

    PacketFilter halfAt(int offset) {
        add(LOAD_HALF, offset);
        return this;
    }

    /** Two bytes at an offset behind the IPv4 header, whose length is in the packet. */
    PacketFilter halfBehindIpv4(int offset) {
        add(LOAD_LENGTH, 0);
        add(LOAD_HALF_BEHIND, offset);
        return this;
    }

    PacketFilter ifindex() {
        add(LOAD_WORD, IFINDEX);
        return this;
    }

    PacketFilter protocol() {
        add(LOAD_HALF, PROTOCOL);
        return this;
    }

    PacketFilter type() {
        add(LOAD_BYTE, PKTTYPE);
        return this;
    }

    /** Refuses the packet if what was loaded is not this value. */
    PacketFilter require(int value) {
        instructions.add(new Instruction(IF_EQUAL, 1, 0, value));
        add(RETURN, 0);
        return this;
    }

    PacketFilter takeIfOneOf(Collection<Integer> values, int bytes) {
        values.forEach(value -> takeIf(value, bytes));
        return this;
    }

    PacketFilter refuseEach(Collection<Integer> values) {
        for (int value : values) {
            instructions.add(new Instruction(IF_EQUAL, 0, 1, value));
            add(RETURN, 0);
        }
        return this;
    }

    PacketFilter refuseIfSet(int bits) {
        instructions.add(new Instruction(IF_SET, 0, 1, bits));
        add(RETURN, 0);
        return this;
    }

    /**
     * If what was loaded is this value, takes the packet at once.
     *
     * @param bytes how much of the packet the socket gets
     */
    PacketFilter takeIf(int value, int bytes) {
        instructions.add(new Instruction(IF_EQUAL, 0, 1, value));
        add(RETURN, bytes);
        return this;
    }

    /**
     * Takes ESP, and UDP to these ports, of IPv4. Refuses fragments but the first one, since they have no port.
     *
     * @param ports in host order
     * @param bytes how much of the packet the socket gets
     */
    PacketFilter takeEspAndUdpOfIpv4(Collection<Integer> ports, int bytes) {
        halfAt(6).refuseIfSet(IpPacket.IPV4_FRAGMENT_OFFSET);
        byteAt(9).takeIf(SecurityAssociation.ESP, bytes).require(IpPacket.UDP);
        return halfBehindIpv4(2).takeIfOneOf(ports, bytes);
    }

    /** The same of IPv6. Refuses packets with extension headers. */
    PacketFilter takeEspAndUdpOfIpv6(Collection<Integer> ports, int bytes) {
        byteAt(6).takeIf(SecurityAssociation.ESP, bytes).require(IpPacket.UDP);
        return halfAt(IpPacket.IPV6_SIZE + 2).takeIfOneOf(ports, bytes);
    }

    /** {@code struct sock_fprog}, followed by the program. What nothing has taken is refused at its end. */
    Memory memory() {
        add(RETURN, 0);
        Memory memory = new Memory(FPROG_SIZE + (long) INSTRUCTION_SIZE * instructions.size());
        ByteBuffer buffer = memory.getByteBuffer(0, memory.size()).order(ByteOrder.nativeOrder());
        buffer.putShort(0, (short) instructions.size());
        memory.setPointer(FPROG_FILTER, memory.share(FPROG_SIZE));
        buffer.position(FPROG_SIZE);
        for (Instruction instruction : instructions) {
            buffer.putShort((short) instruction.code())
                    .put((byte) instruction.ifTrue())
                    .put((byte) instruction.ifFalse())
                    .putInt(instruction.operand());
        }
        return memory;
    }
}
