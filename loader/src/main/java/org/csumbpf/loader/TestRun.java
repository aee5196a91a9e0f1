// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * Result of a test run.
 *
 * @param verdict what the program returned, signed (TC_ACT_UNSPEC is -1)
 * @param packet the packet after the run
 * @param priority skb->priority after the run; 0 before it
 * @param durationNanos mean of all runs
 */
public record TestRun(int verdict, byte[] packet, int priority, int durationNanos) {}
