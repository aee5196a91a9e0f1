// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What a test run sets in a packet's struct __sk_buff besides its bytes. The kernel allows few members, since 5.6.
 *
 * @param gsoSize bytes of a segment, 0: not merged
 * @param gsoSegments number of segments
 */
public record TestContext(int gsoSize, int gsoSegments) {
    public static final TestContext PLAIN = new TestContext(0, 0);
}
