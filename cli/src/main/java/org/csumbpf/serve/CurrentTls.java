// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import java.security.SecureRandom;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * Gives each new connection the TLS that is in force then. The JDK's server takes one context before it starts, so this
 * one asks for another each time.
 */
final class CurrentTls extends HttpsConfigurator {
    private final Supplier<ServerTls> tls;

    CurrentTls(Supplier<ServerTls> tls) {
        super(new Context(new Spi(tls), tls.get().context()));
        this.tls = tls;
    }

    /**
     * Called after the engine was made. If the configuration changes in between, the engine is of the former one: it
     * trusts no client if that asked for none.
     */
    @Override
    public void configure(HttpsParameters parameters) {
        parameters.setSSLParameters(tls.get().parameters());
    }

    private static final class Context extends SSLContext {
        Context(SSLContextSpi spi, SSLContext like) {
            super(spi, like.getProvider(), like.getProtocol());
        }
    }

    /** The server makes engines only. */
    private static final class Spi extends SSLContextSpi {
        private final Supplier<ServerTls> tls;

        Spi(Supplier<ServerTls> tls) {
            this.tls = tls;
        }

        @Override
        protected void engineInit(KeyManager[] keys, TrustManager[] trusted, SecureRandom random) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected SSLEngine engineCreateSSLEngine() {
            return tls.get().context().createSSLEngine();
        }

        @Override
        protected SSLEngine engineCreateSSLEngine(String host, int port) {
            return tls.get().context().createSSLEngine(host, port);
        }

        @Override
        protected SSLSocketFactory engineGetSocketFactory() {
            return tls.get().context().getSocketFactory();
        }

        @Override
        protected SSLServerSocketFactory engineGetServerSocketFactory() {
            return tls.get().context().getServerSocketFactory();
        }

        @Override
        protected SSLSessionContext engineGetServerSessionContext() {
            return tls.get().context().getServerSessionContext();
        }

        @Override
        protected SSLSessionContext engineGetClientSessionContext() {
            return tls.get().context().getClientSessionContext();
        }
    }
}
