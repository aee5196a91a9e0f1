// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.Optional;

/** {@code struct csumbpf_config}, whose port is in network byte order; port 0: not written yet. */
public final class ConfigCodec extends StructCodec<Optional<Config>> {
    private static final int CONFIG_BACKSTOP = 1;
    private static final int CONFIG_NO_ETHERNET = 1 << 1;

    private final StructLayout.Field port = layout.u16("vxlan_port");
    private final StructLayout.Field flags = layout.u16("flags");
    private final StructLayout.Field any;

    ConfigCodec() {
        super("csumbpf_config");
        any = layout.bytes("any", Codecs.RULE.size());
    }

    @Override
    public void write(ByteBuffer buffer, Optional<Config> value) {
        Config config = value.orElseThrow();
        buffer.putShort(port.offset(), Members.networkOrder((short) config.port()));
        int bits =
                (config.backstop() ? CONFIG_BACKSTOP : 0) | (config.link() == LinkHeader.NONE ? CONFIG_NO_ETHERNET : 0);
        buffer.putShort(flags.offset(), (short) bits);
        Codecs.RULE.writeAt(buffer, any.offset(), config.any());
    }

    @Override
    public Optional<Config> read(ByteBuffer buffer, int base) {
        int number = Short.toUnsignedInt(Members.networkOrder((short) port.getU16(buffer, base)));
        return number == 0
                ? Optional.empty()
                : Optional.of(new Config(
                        number,
                        (flags.getU16(buffer, base) & CONFIG_BACKSTOP) != 0,
                        (flags.getU16(buffer, base) & CONFIG_NO_ETHERNET) != 0 ? LinkHeader.NONE : LinkHeader.ETHERNET,
                        Codecs.RULE.read(buffer, base + any.offset())));
    }
}
