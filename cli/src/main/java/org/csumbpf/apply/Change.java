// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.Locale;

/**
 * One change that a command made on the host.
 *
 * @param id what kind of change
 * @param subject what was changed: a module, a table, a program's tag, a device or a rule in words; empty if there is
 *     only one
 */
public record Change(Id id, String subject) {
    /** The kind of a change. The labels are stable. */
    public enum Id {
        ATTACHED("attached"),
        DETACHED("detached"),
        RULES_CHANGED("%s"),
        MOVED_FIRST("moved the program in front of the others"),
        PROGRAM_REPLACED("replaced the program, its tag is now %s"),
        DEVICE_FOLLOWED("moved the attachment to where the interface is now"),
        REMAINS_REMOVED("removed what was left of an attachment"),
        MODULE_LOADED("loaded module %s"),
        MODULE_UNLOADED("unloaded module %s"),
        GRO_ON("switched GRO on"),
        GRO_OFF("switched GRO off again"),
        QDISC_REMOVED("removed the clsact qdisc of %s"),
        BACKSTOP_ADDED("added the nftables backstop"),
        BACKSTOP_CHANGED("changed the nftables backstop"),
        BACKSTOP_REMOVED("removed the nftables backstop"),
        TABLE_WOKEN("activated the nftables table %s, which was dormant"),
        DETOUR_ATTACHED("attached %s to lo, for IPv6"),
        DETOUR_DETACHED("detached %s from lo");

        private final String words;

        Id(String words) {
            this.words = words;
        }

        /** The name that the command prints. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Change of(Id id) {
        return new Change(id, "");
    }

    /** The change in words. */
    public String text() {
        return id.words.replace("%s", subject);
    }
}
