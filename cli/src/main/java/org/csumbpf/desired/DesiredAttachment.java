// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.desired;

import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.LinkHeader;

/**
 * All that the user wants of an attachment. The attachment itself stores it, the options in its record and the rules in
 * its maps, so that {@code restore} needs nothing else.
 *
 * @param ifname the interface
 * @param rules which packets to repair and how; they replace those of a standing attachment
 * @param options the rest
 */
public record DesiredAttachment(String ifname, RuleSet rules, AttachOptions options) {
    /** The same, for a device whose packets begin with that header. */
    public DesiredAttachment on(LinkHeader link) {
        return new DesiredAttachment(ifname, rules.withLink(link), options);
    }
}
