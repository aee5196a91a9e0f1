// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class VerifierLogTest {
    @Test
    void theLastComplaintIsTheCause() {
        String log = """
                0: R1=ctx() R10=fp0
                ; return *(int *)data; @ reject.bpf.c:11
                2: (61) r0 = *(u32 *)(r1 +0)
                invalid access to packet, off=0 size=4, R1(id=0,off=0,r=0)
                R1 offset is outside of the packet
                processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
                """;
        assertThat(new VerifierLog(log).summary()).isEqualTo("R1 offset is outside of the packet (5 lines omitted)");
    }

    @Test
    void aLogOfStatisticsAloneHasNoCause() {
        assertThat(new VerifierLog("processed 3 insns (limit 1000000)\n").summary())
                .isEqualTo("the kernel gave no reason");
        assertThat(new VerifierLog("").summary()).isEqualTo("the kernel gave no reason");
    }

    @Test
    void aSingleLineIsNotCounted() {
        assertThat(new VerifierLog("BPF program is too large. Processed 1000001 insn").summary())
                .isEqualTo("BPF program is too large. Processed 1000001 insn");
    }
}
