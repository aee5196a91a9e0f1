// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What the kernel says of a map (struct bpf_map_info).
 *
 * @param id the kernel's number for it
 * @param type enum bpf_map_type
 * @param name at most 15 characters
 * @param keySize bytes
 * @param valueSize bytes, of one CPU
 * @param maxEntries room
 * @param flags BPF_F_* of its creation
 */
public record MapInfo(int id, int type, String name, int keySize, int valueSize, int maxEntries, int flags) {}
