// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import org.csumbpf.maps.Config;

/**
 * What csumbpf itself may do about something that is wrong, without being asked for each: it is safe, and can be undone.
 * All else is a person's: firewalls, Docker, IPsec and devices are not csumbpf's.
 */
public sealed interface Fix {
    /** The command that does the same. */
    List<String> command();

    /**
     * Restores what an attachment has lost. Undone by detach.
     *
     * @param netns as --netns takes it; empty: the caller's own
     */
    record Restore(String netns, String ifname) implements Fix {
        @Override
        public List<String> command() {
            return Remedy.within(netns, List.of("csumbpf", "restore", ifname));
        }
    }

    /**
     * Attaches as {@code attach} does without options. Undone by detach.
     *
     * @param netns as --netns takes it; empty: the caller's own
     * @param port UDP port of VXLAN, in host order
     */
    record Attach(String netns, String ifname, int port) implements Fix {
        @Override
        public List<String> command() {
            List<String> command = new ArrayList<>(List.of("csumbpf", "attach", ifname));
            if (port != Config.DEFAULT_PORT) {
                command.addAll(List.of("--port", Integer.toString(port)));
            }
            return Remedy.within(netns, command);
        }
    }

    /**
     * Switches GRO of an attachment's device on, as {@code attach --enable-gro} does. Undone by detach.
     *
     * @param netns as --netns takes it; empty: the caller's own
     */
    record SwitchGroOn(String netns, String ifname) implements Fix {
        @Override
        public List<String> command() {
            return Remedy.within(netns, List.of("ethtool", "-K", ifname, "gro", "on"));
        }
    }

    /** Loads a module, unless the configuration of modprobe(8) forbids it. Undone by {@code modprobe -r}. */
    record LoadModule(String module) implements Fix {
        @Override
        public List<String> command() {
            return List.of("modprobe", "-b", module);
        }
    }
}
