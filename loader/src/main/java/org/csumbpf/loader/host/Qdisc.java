// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/**
 * A queueing discipline.
 *
 * @param ifindex of its device
 * @param kind "clsact", "ingress" …
 * @param parent where it is attached; 0xfffffff1 for clsact and ingress
 */
public record Qdisc(int ifindex, String kind, int parent) {}
