// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ListenAddressTest {
    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:14789, 127.0.0.1, 14789",
        "localhost:0, localhost, 0",
        "[::1]:14789, ::1, 14789",
        "[fe80::1%1]:65535, fe80::1%1, 65535",
        ":14789, '', 14789",
    })
    void takesWhatPeopleWrite(String text, String host, int port) {
        ListenAddress address = ListenAddress.parse(text);
        assertThat(address).isEqualTo(new ListenAddress(host, port));
        assertThat(address).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                "14789",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:x",
                "127.0.0.1:-1",
                "127.0.0.1:123456",
                "::1:14789",
                "[::1]",
                "[]:1",
                "[127.0.0.1]:1",
                "[localhost]:1",
                "[::g]:1",
                "[::1%nosuchdevice]:1",
                "http://127.0.0.1:14789",
                "127.0.0.1:1/metrics",
                "a b:1",
                "127.0.0.1:65536"
            })
    void refusesAnythingElseAndQuotesIt(String text) {
        assertThatThrownBy(() -> ListenAddress.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("'" + text + "'");
    }

    @Test
    void noHostIsAllAddresses() {
        assertThat(ListenAddress.parse(":1").resolve().getAddress().isAnyLocalAddress())
                .isTrue();
        assertThat(ListenAddress.parse("[::1]:1").resolve().getAddress().getAddress())
                .hasSize(16);
        assertThat(ListenAddress.parse("no-such-host.invalid:1").resolve().isUnresolved())
                .isTrue();
        assertThat(ListenAddress.parse(ListenAddress.DEFAULT).port()).isEqualTo(14789);
    }
}
