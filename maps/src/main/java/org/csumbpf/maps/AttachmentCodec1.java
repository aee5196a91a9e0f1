// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/**
 * {@code struct csumbpf_attachment} as versions before layout 2 wrote it: without the identity, and with the
 * backstop as the only option.
 */
final class AttachmentCodec1 implements Codec<AttachmentRecord> {
    private static final int HOOK = 4;
    private static final int CHANGES = 8;
    private static final int BACKSTOP = 12;
    private static final int ATTACHED = 16;
    private static final int IFNAME = 24;
    private static final int BASELINE = IFNAME + Members.IFNAMSIZ;

    @Override
    public int size() {
        return BASELINE + Codecs.DROP_BASELINE.size();
    }

    @Override
    public void write(ByteBuffer buffer, AttachmentRecord value) {
        buffer.putInt(0, value.ifindex());
        buffer.putInt(HOOK, value.hook().ordinal());
        buffer.putInt(CHANGES, Members.bits(value.changes()));
        buffer.putInt(BACKSTOP, value.options().backstop().ordinal());
        buffer.putLong(ATTACHED, value.attachedNanos());
        buffer.put(IFNAME, Members.ifnameBytes(value.ifname()));
        Codecs.DROP_BASELINE.writeAt(buffer, BASELINE, value.baseline());
    }

    @Override
    public AttachmentRecord read(ByteBuffer buffer, int base) {
        byte[] name = new byte[Members.IFNAMSIZ];
        buffer.get(base + IFNAME, name);
        Backstop backstop =
                Members.constant(Backstop.values(), buffer.getInt(base + BACKSTOP), "csumbpf_attachment.backstop");
        return new AttachmentRecord(
                buffer.getInt(base),
                Members.ifname(name),
                DeviceIdentity.UNKNOWN,
                Members.constant(Hook.values(), buffer.getInt(base + HOOK), "csumbpf_attachment.hook"),
                Members.changes(buffer.getInt(base + CHANGES)),
                new AttachOptions(Hook.NONE, backstop, false, false),
                buffer.getLong(base + ATTACHED),
                Codecs.DROP_BASELINE.read(buffer, base + BASELINE));
    }
}
