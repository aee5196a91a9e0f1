// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.List;
import java.util.Locale;

/**
 * What the doctor checks. The ids are stable; docs/doctor.md has a section for each. The order is that in which causes
 * are named: what lies before on a packet's way comes first.
 */
public enum Check {
    /** Not everything could be read. */
    COUNTERS("What cannot be read is not judged."),
    ESP_MODULE_DISABLED(
            "The kernel cannot make SAs of ESP, so nothing of an encrypted network leaves or enters this host."),
    SA_MISSING("Packets to a peer without SAs are dropped or leave in plaintext, and those from it are dropped."),
    SA_ADDRESS_MISMATCH("ESP carries other addresses than the SAs have, so the kernel finds no SA for it. Docker takes"
            + " the address from --advertise-addr or --data-path-addr; both must lead to the same device."),
    MANY_BEHIND_ONE("Hosts behind one address share its SAs and its port, so only one of them can be reached. csumbpf"
            + " repairs 1:1 NAT; this is none."),
    VXLAN_PORT_CONFLICT("A VXLAN device comes up only if nothing else holds its UDP port."),
    VXLAN_ORPHAN("Docker moves its VXLAN devices to its own namespaces. One that stayed behind keeps Docker from making"
            + " it anew, so the network is dead on this host."),
    POLICY_PORT_MISMATCH("IPsec encrypts what goes to another port than VXLAN uses, so VXLAN leaves in plaintext, and"
            + " the peers drop it."),
    NOT_ENCRYPTED("Peers drop plaintext of an encrypted network, and on the wire anyone can read it."),
    GUARD_MISSING("Without Docker's rule the host takes plaintext for an encrypted network, so anyone who reaches the"
            + " port can put packets into it (CVE-2023-28840)."),
    ESP_BLOCKED(
            "Something on the way drops ESP, IP protocol 50, in one direction or both: a security group, a router, a"
                    + " firewall that knows only TCP and UDP."),
    ESP_ONE_WAY("The peer's packets are decrypted here, and no answer leaves."),
    SPI_MISMATCH(
            "The peers do not agree on SPIs: Docker engines 25.0.13, 25.0.14 and 29.0 to 29.2.0 compute others than"
                    + " all other versions. Or a key changed on one side only."),
    REPLAY_OR_AUTH("The peers have different keys, something changes packets on the way, or they come twice."),
    FRAGMENTS_LOST("A packet of which one fragment is lost is lost as a whole. Many networks drop fragments."),
    MTU_FRAGMENTS("Each full-size packet becomes two on the wire: slower, and lost where fragments are dropped."),
    MTU_BLACKHOLE(
            "Something on the way drops long packets and says nothing, so small packets pass and connections hang. A"
                    + " smaller MTU of the overlay's network helps."),
    NAT_T("ESP in UDP needs no repair: the kernel ignores the checksum inside it (RFC 3948 section 3.1.2)."),
    OFFLOAD_UNSAFE("esp4_offload serves the whole host, and here it breaks what worked without it."),
    CHAIN_ENDED("Another tc program takes packets off the chain before csumbpf sees them."),
    ATTACHMENT_LOST("csumbpf was attached here, and the kernel does not run its program now."),
    BACKSTOP_LOST("What tc does not see, such as fragmented ESP, is not repaired."),
    SENDER_CHECKSUM("The checksums are wrong already before the sender encrypts: on the sender, a device claims an"
            + " offload that it does not do (vmxnet3, some tunnels). mode zero repairs"
            + " them here all the same; mode adjust leaves them, because they may be damaged."),
    NAT_CHECKSUM("NAT changed the addresses outside of ESP, the UDP checksum inside covers the old ones, so the kernel"
            + " drops what it decrypted. That is what csumbpf repairs."),
    CONNTRACK_INVALID("conntrack verifies checksums before UDP does, and a rule drops what it calls invalid: the"
            + " checksums are wrong, as NAT leaves them."),
    FIREWALL_AFTER_DECRYPTION("Packets come and are decrypted; then this host's own packet filter drops them."),
    FDB_SOURCE_MISMATCH("A device that learns drops packets from a station whose permanent forwarding entry has another"
            + " address: hairpin NAT, or the sender uses another of its addresses.");

    private final String meaning;

    Check(String meaning) {
        this.meaning = meaning;
    }

    /** As in nat-checksum. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What it means that the check failed, in sentences. */
    String meaning() {
        return meaning;
    }

    /** The failures that bring this one about; the nearest first. */
    List<Check> causes() {
        return switch (this) {
            // The address of a wrong entry has no SAs.
            case SA_MISSING -> List.of(ESP_MODULE_DISABLED, FDB_SOURCE_MISMATCH);
            case NOT_ENCRYPTED -> List.of(POLICY_PORT_MISMATCH, SA_MISSING, ESP_MODULE_DISABLED, SA_ADDRESS_MISMATCH);
            case SPI_MISMATCH -> List.of(SA_MISSING, SA_ADDRESS_MISMATCH, MANY_BEHIND_ONE, ESP_MODULE_DISABLED);
            case REPLAY_OR_AUTH -> List.of(MANY_BEHIND_ONE);
            case ESP_BLOCKED -> List.of(SA_ADDRESS_MISMATCH, SA_MISSING, NOT_ENCRYPTED, MTU_BLACKHOLE);
            case ESP_ONE_WAY -> List.of(VXLAN_PORT_CONFLICT, VXLAN_ORPHAN, SA_MISSING, NOT_ENCRYPTED);
            case NAT_CHECKSUM -> List.of(ATTACHMENT_LOST, CHAIN_ENDED, BACKSTOP_LOST, SENDER_CHECKSUM);
            case CONNTRACK_INVALID -> List.of(NAT_CHECKSUM);
            default -> List.of();
        };
    }
}
