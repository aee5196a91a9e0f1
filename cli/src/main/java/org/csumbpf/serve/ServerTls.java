// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.csumbpf.serve.WebConfig.ClientCertificate;
import org.csumbpf.serve.WebConfig.Pem;
import org.csumbpf.serve.WebConfig.Tls;
import org.csumbpf.text.Similar;

/** What the JDK needs for TLS, made of the files of a configuration. Each has its own sessions: none outlives it. */
final class ServerTls {
    private static final Pattern CERTIFICATE =
            Pattern.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", Pattern.DOTALL);
    /** The key store is in memory only; its format demands a password. */
    private static final char[] IN_MEMORY = {'x'};

    private static final byte[] SAMPLE = {1};

    static {
        // As in Go: no second handshake of TLS 1.2 on a connection, of which a client could ask for any number.
        System.getProperties().putIfAbsent("jdk.tls.rejectClientInitiatedRenegotiation", "true");
    }

    private final Tls config;
    private final SSLContext context;
    private final String[] cipherSuites;
    private final long notAfterMillis;

    /** @throws WebConfigException a file is missing or wrong, or a cipher suite is not known */
    ServerTls(Tls config) {
        this.config = config;
        List<X509Certificate> chain = certificates(config.certificate());
        PrivateKey key = PemKey.of(config.key());
        if (!fits(key, chain.get(0))) {
            throw config.key()
                    .wrong(
                            "the private key is not the key of the first certificate in cert_file",
                            "'openssl x509 -noout -pubkey -in CERT' and 'openssl pkey -pubout -in KEY' must print the same");
        }
        notAfterMillis = chain.stream()
                .mapToLong(certificate -> certificate.getNotAfter().getTime())
                .min()
                .orElseThrow();
        try {
            KeyStore own = empty();
            own.setKeyEntry("server", key, IN_MEMORY, chain.toArray(Certificate[]::new));
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(own, IN_MEMORY);
            context = SSLContext.getInstance("TLS");
            // Never null: that would be the public CAs, which sign for anybody.
            context.init(keys.getKeyManagers(), trusted(config), null);
        } catch (GeneralSecurityException e) {
            throw config.certificate().wrong("TLS cannot be set up: " + e.getMessage(), null);
        }
        cipherSuites = cipherSuites(config, context);
    }

    SSLContext context() {
        return context;
    }

    /** For one connection. */
    SSLParameters parameters() {
        SSLParameters parameters =
                new SSLParameters(cipherSuites, config.protocols().toArray(String[]::new));
        parameters.setUseCipherSuitesOrder(config.ownOrder());
        switch (config.clientCertificate()) {
            case NONE -> {}
            case VERIFIED_IF_GIVEN -> parameters.setWantClientAuth(true);
            case REQUIRED -> parameters.setNeedClientAuth(true);
        }
        return parameters;
    }

    /** When the first certificate of the chain ends: Unix time, milliseconds. */
    long notAfterMillis() {
        return notAfterMillis;
    }

    private static TrustManager[] trusted(Tls config) throws GeneralSecurityException {
        if (config.clientCertificate() == ClientCertificate.NONE) {
            return new TrustManager[0];
        }
        KeyStore cas = empty();
        int n = 0;
        for (X509Certificate ca : certificates(config.clientCa().orElseThrow())) {
            cas.setCertificateEntry("ca" + n++, ca);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(cas);
        return trust.getTrustManagers();
    }

    private static KeyStore empty() throws GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try {
            store.load(null, null);
        } catch (IOException e) {
            throw new GeneralSecurityException(e); // it reads nothing
        }
        return store;
    }

    private static List<X509Certificate> certificates(Pem pem) {
        String blocks = CERTIFICATE
                .matcher(pem.read())
                .results()
                .map(MatchResult::group)
                .collect(Collectors.joining("\n"));
        if (blocks.isEmpty()) {
            throw pem.wrong(
                    "contains no certificate in PEM", "'openssl x509 -inform der -in OLD -out NEW' makes PEM of DER");
        }
        try {
            return CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(blocks.getBytes(StandardCharsets.UTF_8)))
                    .stream()
                    .map(X509Certificate.class::cast)
                    .toList();
        } catch (CertificateException e) {
            throw pem.wrong("a certificate is damaged: " + e.getMessage(), null);
        }
    }

    /** Whether the certificate verifies what the key signs. */
    private static boolean fits(PrivateKey key, X509Certificate certificate) {
        String algorithm = switch (key.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            default -> key.getAlgorithm();
        };
        try {
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(SAMPLE);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            signature.update(SAMPLE);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /**
     * As Go's default, and so Prometheus': for TLS 1.2 only suites with ECDHE and authenticated encryption. Those of
     * TLS 1.3 are not chosen by cipher_suites.
     */
    private static String[] cipherSuites(Tls config, SSLContext context) {
        Collection<String> offered =
                Arrays.asList(context.getDefaultSSLParameters().getCipherSuites());
        for (String name : config.cipherSuites()) {
            if (!offered.contains(name)) {
                String similar = Similar.to(name, offered);
                throw new WebConfigException(
                        config.certificate().config(),
                        config.cipherSuitesLine(),
                        "cipher_suites: '" + name + "' is not offered by this Java",
                        similar == null ? "remove it" : "did you mean '" + similar + "'?");
            }
        }
        Stream<String> older = config.cipherSuites().isEmpty()
                ? offered.stream()
                        .filter(name -> name.startsWith("TLS_ECDHE_")
                                && (name.contains("_GCM_") || name.contains("_CHACHA20_")))
                : config.cipherSuites().stream();
        return Stream.concat(offered.stream().filter(name -> !name.contains("_WITH_")), older)
                .distinct()
                .toArray(String[]::new);
    }
}
