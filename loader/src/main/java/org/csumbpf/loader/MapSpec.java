// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What an object file declares of a map.
 *
 * @param type enum bpf_map_type
 * @param keySize bytes
 * @param valueSize bytes, of one CPU
 * @param maxEntries room
 */
public record MapSpec(int type, int keySize, int valueSize, int maxEntries) {}
