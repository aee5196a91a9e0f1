// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InterfacePatternTest {
    private static final NetDevice DEVICE =
            new NetDevice(2, "eth0.10", List.of("enp3s0"), 1, "", 0, false, 0, 1500, XdpMode.NONE);

    @ParameterizedTest
    @CsvSource({
        "eth0.10, true",
        "eth0, false",
        "enp3s0, true",
        "*, true",
        "eth*, true",
        "eth?.10, true",
        "eth[0-3]*, true",
        "'{eth,wan}*', true",
        "wan*, false",
        "enp*, true",
        "ETH*, false",
        "10.1.2.3, true",
        "10.1.2.4, false",
        "10.0.0.0/8, true",
        "10.9.9.9/8, true",
        "11.0.0.0/8, false",
        "0.0.0.0/0, true",
        "10.1.2.2/31, true",
        "2001:db8::5, true",
        "2001:db8::/32, true",
        "2001:db9::/32, false",
        "::/0, true"
    })
    void matches(String pattern, boolean expected) throws UnknownHostException {
        List<InetAddress> addresses = new ArrayList<>();
        for (String address : List.of("10.1.2.3", "2001:db8::5")) {
            addresses.add(InetAddress.getByName(address));
        }
        assertThat(InterfacePattern.parse(pattern).matches(DEVICE, addresses)).isEqualTo(expected);
        assertThat(InterfacePattern.parse(pattern)).hasToString(pattern);
    }

    /** No name server is asked: this ends at once where there is none. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "a b",
                "a/b",
                "10.0.0.0/33",
                "10.0.0.0/",
                "10.0.0.0/-1",
                "10.0.0/8",
                "::/129",
                "example.org/8",
                "eth[",
                "****",
                "10.0.0.0/\u0665"
            })
    void refused(String text) {
        assertThatThrownBy(() -> InterfacePattern.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
