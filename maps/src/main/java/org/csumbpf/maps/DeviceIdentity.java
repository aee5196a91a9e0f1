// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * Which device an attachment is on, in numbers that the kernel does not give out again before the host restarts. Inodes of
 * namespaces and ifindexes are given out again at once.
 *
 * @param netnsCookie of the network namespace (SO_NETNS_COOKIE, kernel 5.14); 0: not known
 * @param deviceId of the device, wherever it is moved to; 0: not known
 */
public record DeviceIdentity(long netnsCookie, long deviceId) {
    public static final DeviceIdentity UNKNOWN = new DeviceIdentity(0, 0);

    /** Whether both are known and differ: certainly not the same namespace. */
    public boolean otherNamespace(DeviceIdentity other) {
        return differ(netnsCookie, other.netnsCookie);
    }

    /** Whether both are known and differ: certainly not the same device. */
    public boolean otherDevice(DeviceIdentity other) {
        return differ(deviceId, other.deviceId);
    }

    /** Whether both are known and equal: certainly the same namespace. */
    public boolean sameNamespace(DeviceIdentity other) {
        return netnsCookie != 0 && netnsCookie == other.netnsCookie;
    }

    /** Whether both are known and equal: certainly the same device. */
    public boolean sameDevice(DeviceIdentity other) {
        return deviceId != 0 && deviceId == other.deviceId;
    }

    /** With the other's numbers where this one's are not known. */
    public DeviceIdentity or(DeviceIdentity other) {
        return new DeviceIdentity(
                netnsCookie != 0 ? netnsCookie : other.netnsCookie, deviceId != 0 ? deviceId : other.deviceId);
    }

    private static boolean differ(long one, long other) {
        return one != 0 && other != 0 && one != other;
    }
}
