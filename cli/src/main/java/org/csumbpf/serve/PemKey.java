// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.serve.WebConfig.Pem;

/**
 * Reads a private key for TLS: RSA, EC or Ed25519. The JDK reads PKCS#8 only, so the older forms are wrapped in it. The
 * libraries that do this bring all of BouncyCastle or Netty.
 */
final class PemKey {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \\1-----", Pattern.DOTALL);

    private static final List<String> ALGORITHMS = List.of("RSA", "EC", "EdDSA");
    /** AlgorithmIdentifier: rsaEncryption with NULL. */
    private static final byte[] RSA = HexFormat.of().parseHex("300d06092a864886f70d0101010500");
    /** Object identifier id-ecPublicKey. */
    private static final byte[] EC = HexFormat.of().parseHex("06072a8648ce3d0201");

    private static final byte[] VERSION_0 = {2, 1, 0};
    private static final int SEQUENCE = 0x30;
    private static final int OCTETS = 0x04;
    /** Context tag 0, in which SEC1 has the curve. */
    private static final int CURVE = 0xa0;

    private static final String CONVERT = "'openssl pkey -in OLD -out NEW' makes one that is understood";

    private PemKey() {}

    /** @throws WebConfigException there is no such key in it */
    static PrivateKey of(Pem pem) {
        Matcher block = BLOCK.matcher(pem.read());
        if (!block.find()) {
            throw pem.wrong("contains no private key in PEM", CONVERT);
        }
        String label = block.group(1);
        if (label.startsWith("ENCRYPTED") || block.group(2).contains("ENCRYPTED")) {
            throw pem.wrong(
                    "the private key is encrypted, and nobody is there to type its passphrase",
                    "'openssl pkey -in OLD -out NEW' decrypts it; keep it readable by root only");
        }
        try {
            byte[] der = Base64.getMimeDecoder().decode(block.group(2));
            return switch (label) {
                case "PRIVATE KEY" -> pkcs8(der);
                case "RSA PRIVATE KEY" -> pkcs8(wrapped(RSA, der));
                case "EC PRIVATE KEY" -> pkcs8(wrapped(der(SEQUENCE, EC, curve(der)), der));
                default -> throw pem.wrong("'" + label + "' is not a key for TLS", CONVERT);
            };
        } catch (InvalidKeySpecException | RuntimeException e) {
            if (e instanceof WebConfigException) {
                throw (WebConfigException) e;
            }
            throw pem.wrong("the private key is not understood: wanted is RSA, EC or Ed25519", CONVERT);
        }
    }

    private static PrivateKey pkcs8(byte[] der) throws InvalidKeySpecException {
        for (String algorithm : ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (InvalidKeySpecException | NoSuchAlgorithmException e) {
                // another one's
            }
        }
        throw new InvalidKeySpecException("none of " + ALGORITHMS);
    }

    private static byte[] wrapped(byte[] algorithm, byte[] key) {
        return der(SEQUENCE, VERSION_0, algorithm, der(OCTETS, key));
    }

    /** The curve's identifier in a SEC1 key: SEQUENCE { version, key, [0] curve, [1] public key }. */
    private static byte[] curve(byte[] sec1) {
        ByteBuffer in = ByteBuffer.wrap(sec1);
        in.get();
        length(in);
        while (in.hasRemaining()) {
            int tag = in.get() & 0xff;
            byte[] content = new byte[length(in)];
            in.get(content);
            if (tag == CURVE) {
                return content;
            }
        }
        throw new IllegalArgumentException("no curve");
    }

    private static int length(ByteBuffer in) {
        int first = in.get() & 0xff;
        if (first < 0x80) {
            return first;
        }
        int length = 0;
        for (int i = first & 0x7f; i > 0; i--) {
            length = length << 8 | in.get() & 0xff;
        }
        if (length < 0 || length > in.remaining()) {
            throw new IllegalArgumentException("cut off");
        }
        return length;
    }

    private static byte[] der(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        int length = content.size();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        if (length >= 0x10000) {
            throw new IllegalArgumentException("longer than any key");
        }
        if (length >= 0x100) {
            out.writeBytes(new byte[] {(byte) 0x82, (byte) (length >> 8)});
        } else if (length >= 0x80) {
            out.write(0x81);
        }
        out.write(length);
        out.writeBytes(content.toByteArray());
        return out.toByteArray();
    }
}
