// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** How an XDP program runs on a device: IFLA_XDP_ATTACHED, in its order. */
public enum XdpMode {
    NONE,
    NATIVE,
    /** In the stack, after the driver: switches GRO off for the device. */
    GENERIC,
    OFFLOAD,
    /** Several of these at once. */
    MULTI
}
