// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** How many CPUs the kernel makes room for in per-CPU maps. */
public final class Cpus {
    private Cpus() {}

    /** Possible CPUs, which may be more than are online: the number of values in a per-CPU look-up. */
    public static int possible() {
        return Libbpf.check(Libbpf.libbpf_num_possible_cpus(), "count", "possible CPUs");
    }
}
