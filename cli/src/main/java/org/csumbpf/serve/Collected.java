// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.sun.net.httpserver.HttpExchange;
import io.prometheus.metrics.exporter.common.PrometheusHttpExchange;
import io.prometheus.metrics.exporter.common.PrometheusHttpRequest;
import io.prometheus.metrics.exporter.common.PrometheusHttpResponse;
import io.prometheus.metrics.exporter.httpserver.HttpExchangeAdapter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** Keeps an answer of Prometheus' own handler in memory, so that it is collected under a lock and sent after that. */
final class Collected implements PrometheusHttpExchange, PrometheusHttpResponse {
    private final PrometheusHttpRequest request;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private int status;

    Collected(HttpExchange exchange) {
        request = new HttpExchangeAdapter(exchange).getRequest();
    }

    Answer answer() {
        return new Answer(status, headers, body.toByteArray());
    }

    @Override
    public PrometheusHttpRequest getRequest() {
        return request;
    }

    @Override
    public PrometheusHttpResponse getResponse() {
        return this;
    }

    @Override
    public void setHeader(String name, String value) {
        headers.put(name, value);
    }

    /** Ignores the handler's content length: the answer uses that of the body. */
    @Override
    public OutputStream sendHeadersAndGetBody(int statusCode, int contentLength) {
        status = statusCode;
        return body;
    }

    @Override
    public void handleException(IOException e) throws IOException {
        throw e;
    }

    @Override
    public void handleException(RuntimeException e) {
        throw e;
    }

    @Override
    public void close() {}
}
