// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VxlanHeaderTest {
    @Test
    void vnis() {
        assertThat(vni("0800000000000500")).hasValue(5);
        assertThat(vni("08000000ffffff00")).hasValue(0xffffff);
        assertThat(vni("88000001000005ff11")).as("reserved bits").hasValue(5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "08", "08000000000005", "0000000000000500", "f700000000000500"})
    void none(String payload) {
        assertThat(vni(payload)).isEmpty();
    }

    private static OptionalInt vni(String hex) {
        return VxlanHeader.vni(ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
    }
}
