// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.Optional;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.LinkHeader;

/**
 * What the user wants of an attachment.
 *
 * @param ifname the interface
 * @param rules which packets to repair and how; replaces what an existing attachment has
 * @param hook where to hang the program; empty: tcx if the kernel has it, else clsact. An existing hook stays
 * @param backstop whether to set up nftables rules beside the program
 * @param force attach also where decrypted packets can reach neither tc nor nftables
 * @param enableGro switch the device's GRO feature on if it is off
 */
public record AttachRequest(
        String ifname, RuleSet rules, Optional<Hook> hook, Backstop backstop, boolean force, boolean enableGro) {

    /** The same, for a device whose packets begin so. */
    AttachRequest onLink(LinkHeader link) {
        return new AttachRequest(ifname, rules.withLink(link), hook, backstop, force, enableGro);
    }
}
