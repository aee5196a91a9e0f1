// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/**
 * A tc filter.
 *
 * @param kind "bpf", "u32" …
 * @param priority tc's "pref"
 * @param handle within the priority; 0: the priority itself, without a filter
 */
public record TcFilter(String kind, int priority, int handle) {}
