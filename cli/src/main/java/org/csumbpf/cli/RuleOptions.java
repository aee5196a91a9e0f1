// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The options that make a rule. */
final class RuleOptions {
    @Option(
            names = "--mode",
            paramLabel = "MODE",
            defaultValue = "auto",
            converter = LabelConverter.ForMode.class,
            description = {
                "How to repair:",
                "auto (default): zero where the outer header is IPv4, recompute where it is IPv6.",
                "zero: write checksum 0, 'none', which IPv4 receivers must accept. Over IPv6 only a VXLAN device with"
                        + " udp6zerocsumrx does.",
                "recompute: write the right checksum, if it is not there already.",
                "adjust: learn what NAT does to a peer's checksums and undo just that, so that packets which are damaged"
                        + " otherwise are still found out. recompute, until that is learned.",
                "observe: compute and count, change nothing; shows whether NAT breaks traffic here."
            })
    private Mode mode = Mode.AUTO;

    @Option(
            names = "--verify",
            paramLabel = "N",
            description =
                    "Mode adjust: verify one packet in N of each peer, and one in a second, by its full checksum (1"
                            + " to 65535, default " + Rule.VERIFY_DEFAULT + ").")
    private Integer verify;

    @Option(
            names = "--plaintext",
            paramLabel = "pass|drop",
            defaultValue = "pass",
            converter = PlaintextConverter.class,
            description = "What to do with packets of the VNI that IPsec did not decrypt: pass them untouched"
                    + " (default), or drop them, as Docker's own iptables rule does (CVE-2023-28841 is about that rule"
                    + " missing).")
    private Plaintext plaintext = Plaintext.PASS;

    @Option(
            names = "--unverified",
            description = "Repair also what IPsec did not decrypt. For tests, and for hosts that decrypt elsewhere. tc"
                    + " alone does it, the backstop keeps off such rules. The"
                    + " cost: corrupt or forged VXLAN packets from anywhere get a checksum that is accepted, also"
                    + " packets of local senders whose checksum is not filled in yet.")
    private boolean unverified;

    Rule rule(CommandSpec spec) {
        if (unverified && plaintext == Plaintext.DROP) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--unverified and --plaintext drop exclude each other: the one asks for no proof,"
                            + " the other drops what has none");
        }
        if (verify == null) {
            return new Rule(mode, plaintext == Plaintext.DROP, unverified);
        }
        if (mode != Mode.ADJUST) {
            throw new ParameterException(
                    spec.commandLine(), "--verify is for mode adjust; mode " + mode.label() + " takes none");
        }
        if (verify < 1 || verify > Rule.VERIFY_MAX) {
            throw new ParameterException(
                    spec.commandLine(), "--verify " + verify + " is out of range; 1 to " + Rule.VERIFY_MAX);
        }
        return new Rule(mode, plaintext == Plaintext.DROP, unverified, verify);
    }

    private enum Plaintext {
        PASS,
        DROP
    }

    private static final class PlaintextConverter extends LabelConverter<Plaintext> {
        PlaintextConverter() {
            super(Plaintext.values());
        }
    }
}
