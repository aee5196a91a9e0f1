// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What the kernel says about a map (struct bpf_map_info).
 *
 * @param id the map's id in the kernel
 * @param type enum bpf_map_type
 * @param name at most 15 characters
 * @param keySize bytes
 * @param valueSize bytes, of one CPU
 * @param maxEntries the number of entries that there is room for
 * @param flags BPF_F_* with which the map was created
 */
public record MapInfo(int id, int type, String name, int keySize, int valueSize, int maxEntries, int flags) {}
