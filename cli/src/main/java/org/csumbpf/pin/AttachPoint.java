// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;

/**
 * The attach point of a program: where it is attached, and how it is found again.
 *
 * @param pins of the attachment
 * @param ifindex of the device that the program is attached to
 * @param link name of the link's pin, if the hook is tcx
 * @param handle of the filter, if the hook is clsact
 * @param program name of the program in the object
 * @param clsact the change recorded if the device's clsact qdisc is created for the program
 */
public record AttachPoint(PinDirectory pins, int ifindex, String link, int handle, String program, HostChange clsact) {
    /** The VXLAN port in hexadecimal, easy to recognise in {@code tc filter show}. */
    private static final int RECEIVE_HANDLE = 0x12b5;
    /**
     * All attachments of a namespace share its loopback device, so the lower 16 bits of the handle are their ifindex.
     */
    private static final int LOOPBACK_HANDLE = 0x12b6_0000;

    /** csumbpf, on the device that the user named. */
    public static AttachPoint receive(PinDirectory pins) {
        return new AttachPoint(
                pins, pins.ifindex(), PinDirectory.LINK, RECEIVE_HANDLE, CsumbpfObject.PROGRAM, HostChange.CLSACT);
    }

    /** The same with another ifindex: a device gets a new one if it is moved to another namespace. */
    public AttachPoint on(int index) {
        return new AttachPoint(pins, index, link, handle, program, clsact);
    }

    /** csumbpf_detour, on the loopback device. */
    public static AttachPoint loopback(PinDirectory pins) {
        return new AttachPoint(
                pins,
                NetDevice.LOOPBACK,
                PinDirectory.LOOPBACK_LINK,
                LOOPBACK_HANDLE | (pins.ifindex() & 0xffff),
                CsumbpfObject.LOOPBACK,
                HostChange.LO_CLSACT);
    }
}
