// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What the kernel says of a tcx link (struct bpf_link_info).
 *
 * @param id the kernel's number for it
 * @param programId the program that runs
 * @param ifindex of the device; 0: the device is gone and the link with it
 */
public record LinkInfo(int id, int programId, int ifindex) {}
