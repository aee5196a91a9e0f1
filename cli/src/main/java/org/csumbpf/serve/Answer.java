// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/**
 * A whole HTTP response.
 *
 * @param unpack the body is kept by gzip (RFC 1952), and decompressed while it is sent
 */
record Answer(int status, Map<String, String> headers, byte[] body, boolean unpack) {
    /** Bytes per write, because the JDK's server makes a buffer twice as large as what it is given to write. */
    private static final int CHUNK = 8192;

    /** One line of text. Control characters, which a message from elsewhere may contain, become spaces. */
    static Answer line(int status, String text) {
        return new Answer(
                status,
                Map.of("Content-Type", "text/plain; charset=utf-8"),
                (text.replaceAll("\\p{Cntrl}+", " ") + "\n").getBytes(StandardCharsets.UTF_8),
                false);
    }

    static Answer html(String text) {
        return new Answer(
                200,
                Map.of(
                        "Content-Type",
                        "text/html; charset=utf-8",
                        // Whatever a name may get into the page, nothing of it runs.
                        "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'",
                        "Cache-Control",
                        "no-store"),
                text.getBytes(StandardCharsets.UTF_8),
                false);
    }

    void send(HttpExchange exchange) throws IOException {
        headers.forEach(exchange.getResponseHeaders()::set);
        if (exchange.getRequestMethod().equals("HEAD") || body.length == 0) {
            exchange.getResponseHeaders().set("Content-Length", Long.toString(length()));
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, length());
        InputStream kept = new ByteArrayInputStream(body);
        try (InputStream in = unpack ? new GZIPInputStream(kept, CHUNK) : kept;
                OutputStream out = exchange.getResponseBody()) {
            byte[] chunk = new byte[CHUNK];
            for (int read = in.read(chunk); read > 0; read = in.read(chunk)) {
                out.write(chunk, 0, read);
            }
        }
    }

    /** Bytes that are sent. */
    private long length() {
        // RFC 1952 section 2.3.1: the last four bytes are the size of what was compressed, little-endian.
        return unpack
                ? Integer.toUnsignedLong(
                        ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN).getInt(body.length - Integer.BYTES))
                : body.length;
    }
}
