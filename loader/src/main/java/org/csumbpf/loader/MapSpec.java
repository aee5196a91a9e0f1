// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What an object file declares about a map.
 *
 * @param type enum bpf_map_type
 * @param keySize bytes
 * @param valueSize bytes, of one CPU
 * @param maxEntries the number of entries that there is room for
 */
public record MapSpec(int type, int keySize, int valueSize, int maxEntries) {}
