// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * What the kernel says about a tcx link (struct bpf_link_info).
 *
 * @param id the link's id in the kernel
 * @param programId the program that runs
 * @param ifindex of the device; 0: the device is gone and the link with it
 */
public record LinkInfo(int id, int programId, int ifindex) {}
