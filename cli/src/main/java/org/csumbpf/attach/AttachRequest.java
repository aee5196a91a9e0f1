// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

/**
 * What the user wants of an attachment.
 *
 * @param ifname the interface
 * @param rules which packets to repair and how; replaces what an existing attachment has
 * @param force attach also where decrypted packets cannot reach tc
 * @param enableGro switch the device's GRO feature on if it is off
 */
public record AttachRequest(String ifname, RuleSet rules, boolean force, boolean enableGro) {}
