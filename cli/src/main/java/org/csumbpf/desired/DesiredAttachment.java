// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.desired;

import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.LinkHeader;

/**
 * What the user wants of an attachment, whole. It is kept in the attachment itself: the options in its record, the rules in its
 * maps, so that {@code restore} needs nothing else.
 *
 * @param ifname the interface
 * @param rules which packets to repair and how; replaces what an existing attachment has
 * @param options the rest
 */
public record DesiredAttachment(String ifname, RuleSet rules, AttachOptions options) {
    /** The same, for a device whose packets begin so. */
    public DesiredAttachment on(LinkHeader link) {
        return new DesiredAttachment(ifname, rules.withLink(link), options);
    }
}
