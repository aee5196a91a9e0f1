// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import java.util.List;

/**
 * What the kernel says about a program (struct bpf_prog_info).
 *
 * @param id the program's id in the kernel
 * @param tag hash of its instructions, 16 hexadecimal digits
 * @param name at most 15 characters
 * @param runTimeNanos time that all runs took; 0 unless kernel.bpf_stats_enabled (5.1)
 * @param runCount how often it ran; 0 unless kernel.bpf_stats_enabled
 * @param mapIds the maps that it holds
 * @param loadTimeNanosSinceBoot when it was loaded, CLOCK_BOOTTIME
 */
public record ProgramInfo(
        int id,
        String tag,
        String name,
        long runTimeNanos,
        long runCount,
        List<Integer> mapIds,
        long loadTimeNanosSinceBoot) {}
