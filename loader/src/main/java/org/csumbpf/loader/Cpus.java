// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** The number of CPUs that have a value in per-CPU maps. */
public final class Cpus {
    private Cpus() {}

    /** Possible CPUs, which may be more than are online: a per-CPU look-up returns this many values. */
    public static int possible() {
        return Libbpf.check(Libbpf.libbpf_num_possible_cpus(), "count", "possible CPUs");
    }
}
