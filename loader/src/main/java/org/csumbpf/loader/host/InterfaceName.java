// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Names of network devices as text. To the kernel a name is up to 15 bytes of anything but a slash, a colon and space.
 * A byte that is not UTF-8 becomes an escape in the text, such as {@code \xe9}. So each name has a text of its own that
 * can be printed and typed.
 */
public final class InterfaceName {
    private static final int FIRST_BYTE_THAT_IS_NO_ASCII = 0x80;

    private InterfaceName() {}

    /** @param bytes the name, without the zero byte at its end */
    public static String decode(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        StringBuilder text = new StringBuilder();
        while (true) {
            CoderResult result = decoder.decode(in, out, true);
            text.append(out.flip());
            out.clear();
            if (!result.isError()) {
                return text.toString();
            }
            for (int i = 0; i < result.length(); i++) {
                text.append(String.format(Locale.ROOT, "\\x%02x", in.get() & 0xff));
            }
            decoder.reset();
        }
    }

    /** The bytes from which {@link #decode} made the text. */
    public static byte[] encode(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int done = 0;
        for (int at = text.indexOf("\\x"); at >= 0; at = text.indexOf("\\x", at + 1)) {
            int value = escaped(text, at);
            if (value >= FIRST_BYTE_THAT_IS_NO_ASCII) {
                bytes.writeBytes(text.substring(done, at).getBytes(StandardCharsets.UTF_8));
                bytes.write(value);
                done = at + 4;
            }
        }
        bytes.writeBytes(text.substring(done).getBytes(StandardCharsets.UTF_8));
        return bytes.toByteArray();
    }

    /**
     * Whether an argument {@code typed} may mean the device. In arguments the JVM replaces bytes that are not UTF-8 by
     * U+FFFD.
     */
    public static boolean matches(String text, String typed) {
        return text.equals(typed)
                || typed.indexOf('\ufffd') >= 0 && new String(encode(text), StandardCharsets.UTF_8).equals(typed);
    }

    /** The byte that is escaped at this index; negative: none. */
    private static int escaped(String text, int at) {
        return at + 4 <= text.length()
                ? (Character.digit(text.charAt(at + 2), 16) << 4 | Character.digit(text.charAt(at + 3), 16))
                : -1;
    }
}
