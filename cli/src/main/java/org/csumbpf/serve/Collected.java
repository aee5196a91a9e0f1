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
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps an answer of Prometheus' own handler in memory, so that it is collected under a lock and sent after that. It is
 * kept compressed, which takes a tenth of the memory, whatever the client accepts.
 */
final class Collected implements PrometheusHttpExchange, PrometheusHttpResponse {
    private final PrometheusHttpRequest request;
    private final boolean acceptsGzip;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private int status;

    Collected(HttpExchange exchange) {
        PrometheusHttpRequest asked = new HttpExchangeAdapter(exchange).getRequest();
        request = new AskedForGzip(asked);
        acceptsGzip = Collections.list(asked.getHeaders("Accept-Encoding")).stream()
                .flatMap(header -> List.of(header.split(",")).stream())
                .anyMatch(encoding -> encoding.strip().equalsIgnoreCase("gzip"));
    }

    /** The client's request, as if it accepted gzip. */
    private record AskedForGzip(PrometheusHttpRequest asked) implements PrometheusHttpRequest {
        @Override
        public String getQueryString() {
            return asked.getQueryString();
        }

        @Override
        public Enumeration<String> getHeaders(String name) {
            return name.equalsIgnoreCase("Accept-Encoding")
                    ? Collections.enumeration(List.of("gzip"))
                    : asked.getHeaders(name);
        }

        @Override
        public String getMethod() {
            return asked.getMethod();
        }

        @Override
        public String getRequestPath() {
            return asked.getRequestPath();
        }
    }

    Answer answer() {
        boolean unpack = !acceptsGzip && headers.remove("Content-Encoding", "gzip");
        return new Answer(status, headers, body.toByteArray(), unpack);
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
