// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrefixTest {
    @ParameterizedTest
    @CsvSource({
        "203.0.113.2/32, 203.0.113.2, true",
        "203.0.113.2/32, 203.0.113.3, false",
        "203.0.113.0/25, 203.0.113.127, true",
        "203.0.113.0/25, 203.0.113.128, false",
        "0.0.0.0/0, 203.0.113.2, true",
        "0.0.0.0/0, fd00:0:0:0:0:0:0:2, false",
        "fd00:0:0:0:0:0:0:0/8, fd12:0:0:0:0:0:0:2, true",
        "fd00:0:0:0:0:0:0:0/8, fe80:0:0:0:0:0:0:2, false",
        "fd00:0:0:0:0:0:0:2, fd00:0:0:0:0:0:0:2, true",
        "10.0.0.0/99, 10.0.0.1, false",
        "10.0.0.0/x, 10.0.0.1, false",
        "example.com/8, 10.0.0.1, false",
        "10.0.0.0/8, host, false",
        "10.0.0.0/33, 10.0.0.1, false",
        "10.0.0.0/, 10.0.0.1, false",
        "10.0.0.0/-1, 10.0.0.1, false",
        "10.0.0/8, 10.0.0.1, false",
        "10.0.0.0.0/8, 10.0.0.1, false",
        "10.0.0.256/8, 10.0.0.1, false",
        "10..0.0/8, 10.0.0.1, false",
        "203.0.113.6/31, 203.0.113.7, true",
        "203.0.113.6/31, 203.0.113.8, false",
        "fd00:0:0:0:0:0:0:8/127, fd00:0:0:0:0:0:0:9, true",
        "fd00:0:0:0:0:0:0:8/127, fd00:0:0:0:0:0:0:a, false",
        "fd00:0:0:0:0:0:0:8/129, fd00:0:0:0:0:0:0:8a, false",
        "0:0:0:0:0:0:0:0/0, fd00:0:0:0:0:0:0:a, true",
    })
    void covers(String prefix, String address, boolean covers) {
        assertThat(Prefix.covers(prefix, address)).isEqualTo(covers);
    }
}
