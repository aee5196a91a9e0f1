// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** A whole HTTP response. */
record Answer(int status, Map<String, String> headers, byte[] body) {
    /** Bytes per write, because the JDK's server makes a buffer twice as large as what it is given to write. */
    private static final int CHUNK = 8192;

    /** One line of text. Control characters, which a message from elsewhere may contain, become spaces. */
    static Answer line(int status, String text) {
        return new Answer(
                status,
                Map.of("Content-Type", "text/plain; charset=utf-8"),
                (text.replaceAll("\\p{Cntrl}+", " ") + "\n").getBytes(StandardCharsets.UTF_8));
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
                text.getBytes(StandardCharsets.UTF_8));
    }

    void send(HttpExchange exchange) throws IOException {
        headers.forEach(exchange.getResponseHeaders()::set);
        if (exchange.getRequestMethod().equals("HEAD") || body.length == 0) {
            // Prometheus' handler makes no body for HEAD, but sets its length.
            String length = headers.getOrDefault("Content-Length", Integer.toString(body.length));
            exchange.getResponseHeaders().set("Content-Length", length);
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            for (int sent = 0; sent < body.length; sent += CHUNK) {
                out.write(body, sent, Math.min(CHUNK, body.length - sent));
            }
        }
    }
}
