// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.csumbpf.serve.WebConfig.Pem;
import org.csumbpf.serve.WebConfig.Tls;

/**
 * Who may read what serve has to say: the file of --web-config as it is in force. When it or a file that it names
 * changes, all are read again; if they are wrong then, what was in force stays. Thread-safe.
 */
public final class WebAccess {
    private static final long PERIOD_NANOS = 1_000_000_000L;

    private record InForce(WebConfig config, Optional<ServerTls> tls) {}

    private final Path file;
    private final LongSupplier nanos;
    private final Passwords passwords = new Passwords();
    private final ReentrantLock reading = new ReentrantLock();
    private volatile InForce inForce;
    private Map<Path, String> stamps;
    private volatile long readNanos;
    /** Why the last reading failed; null: it did not. */
    private String wrong;

    private WebAccess(Path file, LongSupplier nanos) {
        this.file = file;
        this.nanos = nanos;
        stamps = Map.of();
        inForce = load();
        readNanos = nanos.getAsLong();
    }

    /** @throws WebConfigException the file, or one that it names, is missing or wrong */
    public static WebAccess open(Path file) {
        return open(file, System::nanoTime);
    }

    static WebAccess open(Path file, LongSupplier nanos) {
        return new WebAccess(file, nanos);
    }

    boolean usesTls() {
        return inForce.tls().isPresent();
    }

    boolean asksForPasswords() {
        return !inForce.config().users().isEmpty();
    }

    /** Empty: TLS is off. */
    Optional<ServerTls> tls() {
        return inForce.tls();
    }

    /** When the first of the served certificates expires: Unix time, seconds; NaN without TLS. */
    double notAfter() {
        return tls().map(tls -> tls.notAfterMillis() / 1000.0).orElse(Double.NaN);
    }

    /** Adds the headers that were asked for. Returns the answer for somebody who may not see anything else. */
    Optional<Answer> refuse(HttpExchange exchange) {
        WebConfig config = inForce.config();
        config.headers().forEach(exchange.getResponseHeaders()::set);
        if (config.users().isEmpty()) {
            return Optional.empty();
        }
        String header = exchange.getRequestHeaders().getFirst("Authorization");
        return switch (passwords.check(
                config.users(), header, exchange.getRemoteAddress().getAddress())) {
            case RIGHT -> Optional.empty();
            case WRONG -> {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"csumbpf\", charset=\"UTF-8\"");
                yield Optional.of(Answer.line(401, "name or password is missing or wrong"));
            }
            case BUSY -> {
                exchange.getResponseHeaders().set("Retry-After", "5");
                yield Optional.of(Answer.line(503, "too many passwords are being checked; try again later"));
            }
        };
    }

    /** Reads again what has changed, unless that was looked at within the last second. */
    void follow(ServeLog log) {
        if (nanos.getAsLong() - readNanos < PERIOD_NANOS || !reading.tryLock()) {
            return;
        }
        try {
            Map<Path, String> before = stamps;
            if (stamps(before.keySet()).equals(before)) {
                return;
            }
            InForce now = load();
            if (now.tls().isPresent() != usesTls()) {
                throw new WebConfigException(
                        file, 0, "TLS is switched on or off by a restart only", "restart csumbpf, or undo the change");
            }
            // The file may be half written: an editor makes it empty first.
            if (asksForPasswords() && now.config().users().isEmpty()) {
                throw new WebConfigException(
                        file, 0, "passwords are switched off by a restart only", "restart csumbpf, or undo the change");
            }
            inForce = now;
            wrong = null;
            log.info("the web configuration has changed and is in force", "file", file);
        } catch (RuntimeException | StackOverflowError e) {
            if (!String.valueOf(e.getMessage()).equals(wrong)) {
                wrong = String.valueOf(e.getMessage());
                log.warn("the web configuration has changed and stays as it was: " + wrong);
            }
        } finally {
            readNanos = nanos.getAsLong();
            reading.unlock();
        }
    }

    /** Reads everything. The stamps are taken before, so that a change meanwhile is seen later. */
    private InForce load() {
        Map<Path, String> now = new TreeMap<>(stamps(Set.of(file)));
        stamps = now;
        WebConfig config = WebConfigFile.read(file);
        now.putAll(stamps(config.tls().stream().flatMap(WebAccess::files).collect(Collectors.toSet())));
        return new InForce(config, config.tls().map(ServerTls::new));
    }

    private static Stream<Path> files(Tls tls) {
        return Stream.of(Optional.of(tls.certificate()), Optional.of(tls.key()), tls.clientCa())
                .flatMap(Optional::stream)
                .map(Pem::file)
                .flatMap(Optional::stream);
    }

    /** What is different when a file is written, replaced, or made readable. */
    private static Map<Path, String> stamps(Set<Path> files) {
        Map<Path, String> stamps = new TreeMap<>();
        for (Path file : files) {
            String stamp;
            try {
                stamp = Files.readAttributes(file, "unix:dev,ino,size,ctime").toString();
            } catch (IOException e) {
                stamp = e.toString();
            }
            stamps.put(file, stamp);
        }
        return stamps;
    }
}
