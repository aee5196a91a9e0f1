// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * Result of a test run.
 *
 * @param verdict what the program returned, signed (TC_ACT_UNSPEC is -1)
 * @param packet the bytes behind it
 * @param priority skb->priority behind it; 0 before
 * @param durationNanos mean of the repetitions
 */
public record TestRun(int verdict, byte[] packet, int priority, int durationNanos) {}
