// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** When a map update is allowed: BPF_ANY, BPF_NOEXIST and BPF_EXIST, by their numbers. */
public enum UpdateFlag {
    ANY,
    NOEXIST,
    EXIST
}
