// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/** What a packet begins with at tc ingress of a device ({@code CSUMBPF_CONFIG_NO_ETHERNET}). */
public enum LinkHeader {
    ETHERNET,
    /** Nothing: the packet begins with IP. */
    NONE
}
