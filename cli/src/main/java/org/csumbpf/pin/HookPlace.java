// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;

/**
 * Where a program of an attachment hangs, and how it is found again.
 *
 * @param pins of the attachment
 * @param ifindex of the device it hangs on
 * @param link name of the link's pin, where the hook is tcx
 * @param handle of the filter, where the hook is clsact
 * @param program name of the program in the object
 * @param clsact what is noted when the device's clsact qdisc is created for it
 */
public record HookPlace(PinDirectory pins, int ifindex, String link, int handle, String program, HostChange clsact) {
    /** The VXLAN port in hexadecimal: easy to recognise in {@code tc filter show}. */
    private static final int RECEIVE_HANDLE = 0x12b5;
    /** Several attachments of a namespace hang theirs on its one loopback device: with their ifindex in the lower half. */
    private static final int DETOUR_HANDLE = 0x12b6_0000;

    private static final int LOOPBACK_IFINDEX = 1;

    /** csumbpf, on the device that the user named. */
    public static HookPlace receive(PinDirectory pins) {
        return new HookPlace(
                pins, pins.ifindex(), PinDirectory.LINK, RECEIVE_HANDLE, CsumbpfObject.PROGRAM, HostChange.CLSACT);
    }

    /** The same with another ifindex, which a device gets that is moved to another namespace. */
    public HookPlace on(int index) {
        return new HookPlace(pins, index, link, handle, program, clsact);
    }

    /** csumbpf_detour, on the loopback device. */
    public static HookPlace detour(PinDirectory pins) {
        return new HookPlace(
                pins,
                LOOPBACK_IFINDEX,
                PinDirectory.DETOUR_LINK,
                DETOUR_HANDLE | (pins.ifindex() & 0xffff),
                CsumbpfObject.DETOUR,
                HostChange.LO_CLSACT);
    }
}
