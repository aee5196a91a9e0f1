// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What the user asked of an attachment beside its rules: {@code struct csumbpf_options}.
 *
 * @param hook where to hang the program; NONE: the best that the kernel has
 * @param backstop whether to set up nftables rules beside the program
 * @param force attach also where decrypted packets can reach neither path
 * @param enableGro switch the device's GRO feature on
 */
public record AttachOptions(Hook hook, Backstop backstop, boolean force, boolean enableGro) {
    /** Where nobody asked for anything. */
    public static final AttachOptions DEFAULT = new AttachOptions(Hook.NONE, Backstop.AUTO, false, false);
}
