// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** Whether the kernel has a feature. */
public enum ProbeResult {
    SUPPORTED,
    UNSUPPORTED,
    /** Not known: the probe itself failed, for example for lack of privileges. */
    COULD_NOT_PROBE
}
