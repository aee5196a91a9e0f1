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
                "auto (default): zero if the outer header is IPv4, recompute if it is IPv6.",
                "zero: write checksum 0, 'none', which IPv4 receivers must accept. Over IPv6 only a VXLAN device with"
                        + " udp6zerocsumrx accepts it.",
                "recompute: write the right checksum if the packet has a wrong one.",
                "adjust: learn what NAT changes in a peer's checksums and undo only that, so that damaged packets are still"
                        + " detected. Until that is learned: recompute.",
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
            description = "Also repair what IPsec did not decrypt. For tests, and for hosts that decrypt elsewhere. tc"
                    + " alone repairs then; the backstop skips such rules. The risk: corrupt or forged VXLAN packets"
                    + " from anywhere get a checksum that is accepted, and so do packets of local senders whose"
                    + " checksum is not filled in yet.")
    private boolean unverified;

    Rule rule(CommandSpec spec) {
        if (unverified && plaintext == Plaintext.DROP) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--unverified and --plaintext drop exclude each other: --unverified repairs plaintext,"
                            + " --plaintext drop drops it");
        }
        if (verify == null) {
            return new Rule(mode, plaintext == Plaintext.DROP, unverified);
        }
        if (mode != Mode.ADJUST) {
            throw new ParameterException(
                    spec.commandLine(), "--verify needs --mode adjust; the mode is " + mode.label());
        }
        if (verify < 1 || verify > Rule.VERIFY_MAX) {
            throw new ParameterException(
                    spec.commandLine(), "--verify " + verify + " is out of range; 1 to " + Rule.VERIFY_MAX);
        }
        return new Rule(mode, plaintext == Plaintext.DROP, unverified, verify);
    }

    /** Refuses those that exclude each other, for a command where a configuration file may hold the mode. */
    void check(CommandSpec spec) {
        boolean namesMode = spec.commandLine().getParseResult().hasMatchedOption("--mode");
        if (verify == null || namesMode) {
            rule(spec);
        } else if (verify < 1 || verify > Rule.VERIFY_MAX) {
            throw new ParameterException(
                    spec.commandLine(), "--verify " + verify + " is out of range; 1 to " + Rule.VERIFY_MAX);
        }
    }

    boolean dropsPlaintext() {
        return plaintext == Plaintext.DROP;
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
