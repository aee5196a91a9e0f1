// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class InterfaceNameTest {
    private static byte[] latin1(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Test
    void whatIsUtf8StaysAsItIs() {
        for (String name : new String[] {"eth0", "é0", "eth0.100", "\\", "\\x", "\\x4", "\\x41", "a\\xzz", "日本"}) {
            byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
            assertThat(InterfaceName.decode(bytes)).isEqualTo(name);
            assertThat(InterfaceName.encode(name)).isEqualTo(bytes);
        }
    }

    @Test
    void otherBytesAreEscapedEach() {
        assertThat(InterfaceName.decode(latin1("br\u00e9"))).isEqualTo("br\\xe9");
        assertThat(InterfaceName.decode(latin1("\u00e9\u00e80"))).isEqualTo("\\xe9\\xe80");
        assertThat(InterfaceName.decode(latin1("\u00c3\u00a9\u00c3")))
                .as("one character, and half of one")
                .isEqualTo("é\\xc3");
    }

    @Test
    void eachNameHasATextOfItsOwn() {
        Random random = new Random(1);
        Set<String> texts = new HashSet<>();
        Set<String> names = new HashSet<>();
        for (int i = 0; i < 50_000; i++) {
            byte[] name = new byte[1 + random.nextInt(6)];
            random.nextBytes(name);
            String text = InterfaceName.decode(name);
            assertThat(InterfaceName.encode(text)).isEqualTo(name);
            names.add(new String(name, StandardCharsets.ISO_8859_1));
            texts.add(text);
        }
        assertThat(texts).hasSameSizeAs(names);
    }

    @Test
    void whatIsTypedMeansTheNameThoughTheJvmLostItsBytes() {
        assertThat(InterfaceName.matches("br\\xe9", "br\ufffd")).isTrue();
        assertThat(InterfaceName.matches("br\\xe9", "br\\xe9")).isTrue();
        assertThat(InterfaceName.matches("br", "br\ufffd")).isFalse();
        assertThat(InterfaceName.matches("br\\xe9", "br")).isFalse();
    }
}
