// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_attachment}. */
public final class AttachmentCodec extends StructCodec<AttachmentRecord> {
    private final StructLayout.Field version = layout.u32("layout");
    private final StructLayout.Field ifindex = layout.u32("ifindex");
    private final StructLayout.Field hook = layout.u32("hook");
    private final StructLayout.Field changes = layout.u32("changes");
    private final StructLayout.Field attached = layout.u64("attached_ns");
    private final StructLayout.Field netnsCookie = layout.u64("netns_cookie");
    private final StructLayout.Field deviceId = layout.u64("device_id");
    private final StructLayout.Field options = layout.bytes("options", Codecs.OPTIONS.size());
    private final StructLayout.Field ifname = layout.bytes("ifname", Members.IFNAMSIZ);
    private final StructLayout.Field baseline = layout.bytes("baseline", Codecs.DROP_BASELINE.size());

    AttachmentCodec() {
        super("csumbpf_attachment");
    }

    @Override
    public void write(ByteBuffer buffer, AttachmentRecord value) {
        buffer.putInt(version.offset(), Codecs.LAYOUT);
        buffer.putInt(ifindex.offset(), value.ifindex());
        buffer.putInt(hook.offset(), value.hook().ordinal());
        buffer.putInt(changes.offset(), Members.bits(value.changes()));
        buffer.putLong(attached.offset(), value.attachedNanos());
        buffer.putLong(netnsCookie.offset(), value.identity().netnsCookie());
        buffer.putLong(deviceId.offset(), value.identity().deviceId());
        Codecs.OPTIONS.writeAt(buffer, options.offset(), value.options());
        buffer.put(ifname.offset(), Members.ifnameBytes(value.ifname()));
        Codecs.DROP_BASELINE.writeAt(buffer, baseline.offset(), value.baseline());
    }

    @Override
    public AttachmentRecord read(ByteBuffer buffer, int base) {
        int number = version.getU32(buffer, base);
        // 0: the kernel created the value, and nothing has been written yet.
        if (number != Codecs.LAYOUT && number != 0) {
            throw new OtherVersionException("csumbpf_attachment.layout is " + number
                    + ", and this version of csumbpf reads layouts up to " + Codecs.LAYOUT);
        }
        return new AttachmentRecord(
                ifindex.getU32(buffer, base),
                Members.ifname(ifname.getBytes(buffer, base)),
                new DeviceIdentity(netnsCookie.getU64(buffer, base), deviceId.getU64(buffer, base)),
                Members.constant(Hook.values(), hook.getU32(buffer, base), "csumbpf_attachment.hook"),
                Members.changes(changes.getU32(buffer, base)),
                Codecs.OPTIONS.read(buffer, base + options.offset()),
                attached.getU64(buffer, base),
                Codecs.DROP_BASELINE.read(buffer, base + baseline.offset()));
    }
}
