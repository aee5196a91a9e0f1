// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** Answer to the question whether the kernel has a feature. */
public enum ProbeResult {
    SUPPORTED,
    UNSUPPORTED,
    /** Neither: the question could not be put, for want of privileges, say. */
    COULD_NOT_PROBE
}
