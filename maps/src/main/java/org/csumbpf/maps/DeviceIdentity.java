// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * Identifies an attachment's device by numbers that the kernel does not reuse before the host reboots. Inodes of
 * namespaces and ifindexes are not enough, because the kernel reuses them at once.
 *
 * @param netnsCookie of the network namespace (SO_NETNS_COOKIE, kernel 5.14); 0: not known
 * @param deviceId of the device's directory in sysfs, kept when the device moves; 0: not known
 */
public record DeviceIdentity(long netnsCookie, long deviceId) {
    public static final DeviceIdentity UNKNOWN = new DeviceIdentity(0, 0);

    /** Whether the namespaces certainly differ: both are known and not equal. */
    public boolean otherNamespace(DeviceIdentity other) {
        return differ(netnsCookie, other.netnsCookie);
    }

    /** Whether the devices certainly differ: both are known and not equal. */
    public boolean otherDevice(DeviceIdentity other) {
        return differ(deviceId, other.deviceId);
    }

    /** Whether the namespaces are certainly the same: both are known and equal. */
    public boolean sameNamespace(DeviceIdentity other) {
        return netnsCookie != 0 && netnsCookie == other.netnsCookie;
    }

    /** Whether the devices are certainly the same: both are known and equal. */
    public boolean sameDevice(DeviceIdentity other) {
        return deviceId != 0 && deviceId == other.deviceId;
    }

    /** This identity; a number that is not known is taken from the other. */
    public DeviceIdentity or(DeviceIdentity other) {
        return new DeviceIdentity(
                netnsCookie != 0 ? netnsCookie : other.netnsCookie, deviceId != 0 ? deviceId : other.deviceId);
    }

    private static boolean differ(long one, long other) {
        return one != 0 && other != 0 && one != other;
    }
}
