// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Uses an invented clock and invented namespaces, so that no test waits a minute. AfterRepairTest finds real devices in
 * other namespaces.
 */
@Timeout(60)
class MovedDevicesTest {
    private static final long LATER = Long.MAX_VALUE;

    private final List<Integer> read = new ArrayList<>();
    private long now = 5;
    private final MovedDevices moved = new MovedDevices(
            port -> {
                read.add(port);
                return AfterRepair.Found.none();
            },
            () -> now);

    @Test
    void whatWasFoundDoesForAWhile() {
        AfterRepair.Found first = moved.find(4789, LATER, found -> true);
        now += MovedDevices.REMEMBERED - 1;
        assertThat(moved.find(4789, LATER, found -> found == first)).isSameAs(first);
        assertThat(read).containsExactly(4789);
        now++;
        assertThat(moved.find(4789, LATER, found -> true)).isNotSameAs(first);
        assertThat(read).containsExactly(4789, 4789);
    }

    @Test
    void whatDoesNotDoIsReadAnew() {
        moved.find(4789, LATER, found -> false);
        assertThat(read).as("nothing to ask about yet").containsExactly(4789);
        moved.find(4789, LATER, found -> false);
        assertThat(read).containsExactly(4789, 4789);
    }

    /** All rules of one attachment must share one reading. */
    @Test
    void whatIsFreshDoesAnyway() {
        moved.find(4789, now, found -> false);
        moved.find(4789, now, found -> false);
        assertThat(read).containsExactly(4789);
        moved.find(4789, now + 1, found -> false);
        assertThat(read).containsExactly(4789, 4789);
    }

    @Test
    void portsAreApart() {
        moved.find(4789, LATER, found -> true);
        moved.find(4790, LATER, found -> true);
        moved.find(4789, LATER, found -> true);
        assertThat(read).containsExactly(4789, 4790);
    }
}
