// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import org.csumbpf.agent.Arrivals.Expected;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.loader.host.SecurityAssociation.Traffic;
import org.junit.jupiter.api.Test;

class ArrivalsTest {
    private static final InetAddress LOCAL = InetAddress.getLoopbackAddress();

    private static Expected expected(int spi, long packets) {
        Traffic traffic = new Traffic(packets * 100, packets, 0, 0, 0);
        return new Expected(
                Set.of(2),
                Set.of(4789),
                List.of(new SecurityAssociation(spi, 50, LOCAL, LOCAL, 0, false, 0, 0, 128, traffic)));
    }

    /** Else a host with traffic would listen all the time. */
    @Test
    void trafficIsNoReasonToListenAgain() {
        assertThat(expected(0x1001, 5)).isEqualTo(expected(0x1001, 6));
    }

    @Test
    void anotherSaIs() {
        assertThat(expected(0x1001, 5)).isNotEqualTo(expected(0x1002, 5));
    }
}
