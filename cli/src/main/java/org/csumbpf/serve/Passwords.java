// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.security.crypto.bcrypt.BCrypt;

/**
 * Checks names and passwords of HTTP's basic authentication against bcrypt hashes. A password that was right once is
 * remembered, as a keyed hash, so that a scrape does not cost a bcrypt. One bcrypt runs at a time, and a wrong try is
 * followed by a pause, so that guessing does not take a whole CPU. Thread-safe.
 */
final class Passwords {
    enum Answer {
        RIGHT,
        WRONG,
        /** Too many are being checked. */
        BUSY
    }

    private static final String MAC = "HmacSHA256";
    /** Passwords that are remembered. */
    private static final int REMEMBERED = 64;
    /** Of one client, checked or waiting: it cannot keep others from their turn. */
    private static final int WAITING_OF_CLIENT = 4;
    /** Of all clients. */
    private static final int WAITING = 32;
    /** Less than the time for an answer. */
    private static final long TURN_SECONDS = 5;
    /** The pause after a wrong try, in times of what it took. */
    private static final int PAUSE = 3;

    /** Four wrong tries of one client fit into the turn of another. */
    private static final long MOST_PAUSE_NANOS = 700_000_000L;

    private final SecretKeySpec secret;
    private final Semaphore turn = new Semaphore(1, true);
    private final Map<InetAddress, Integer> waiting = new HashMap<>();
    private final Map<String, Boolean> right = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > REMEMBERED;
        }
    };

    Passwords() {
        byte[] key = new byte[32];
        new SecureRandom().nextBytes(key);
        secret = new SecretKeySpec(key, MAC);
    }

    private record Credentials(String name, String password) {
        /** Of the header Authorization; empty: it is missing or not basic authentication. */
        static Optional<Credentials> of(String header) {
            if (header == null || !header.toLowerCase(Locale.ROOT).startsWith("basic ")) {
                return Optional.empty();
            }
            try {
                String both = new String(
                        Base64.getDecoder()
                                .decode(header.substring("basic ".length()).strip()),
                        StandardCharsets.UTF_8);
                int colon = both.indexOf(':');
                return colon < 0
                        ? Optional.empty()
                        : Optional.of(new Credentials(both.substring(0, colon), both.substring(colon + 1)));
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
        }
    }

    /**
     * @param users bcrypt hashes by name, not empty
     * @param header the request's Authorization; null: none
     */
    Answer check(Map<String, String> users, String header, InetAddress client) {
        Optional<Credentials> given = Credentials.of(header);
        if (given.isEmpty()) {
            return Answer.WRONG;
        }
        Credentials credentials = given.get();
        String hash = users.get(credentials.name());
        String proof = hash == null ? "" : proof(credentials, hash);
        synchronized (right) {
            if (hash != null && right.get(proof) != null) {
                return Answer.RIGHT;
            }
        }
        if (!enter(client)) {
            return Answer.BUSY;
        }
        try {
            if (!turn.tryAcquire(TURN_SECONDS, TimeUnit.SECONDS)) {
                return Answer.BUSY;
            }
            try {
                return compare(users, credentials, hash, proof);
            } finally {
                turn.release();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Answer.BUSY;
        } finally {
            leave(client);
        }
    }

    private Answer compare(Map<String, String> users, Credentials credentials, String hash, String proof)
            throws InterruptedException {
        long began = System.nanoTime();
        // An unknown name costs as much as the slowest known one, so that the time does not tell which names there are.
        String compared = hash != null ? hash : slowest(users);
        boolean matches = BCrypt.checkpw(credentials.password(), compared) && hash != null;
        if (matches) {
            synchronized (right) {
                right.put(proof, true);
            }
            return Answer.RIGHT;
        }
        TimeUnit.NANOSECONDS.sleep(Math.min(MOST_PAUSE_NANOS, PAUSE * (System.nanoTime() - began)));
        return Answer.WRONG;
    }

    private static String slowest(Map<String, String> users) {
        // The cost stands behind $2y$.
        return users.values().stream()
                .max(Comparator.comparing(hash -> hash.substring(hash.indexOf('$', 1))))
                .orElseThrow();
    }

    private String proof(Credentials credentials, String hash) {
        try {
            Mac mac = Mac.getInstance(MAC);
            mac.init(secret);
            mac.update((hash + credentials.name() + ":").getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder()
                    .encodeToString(mac.doFinal(credentials.password().getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    private boolean enter(InetAddress client) {
        synchronized (waiting) {
            int all = waiting.values().stream().mapToInt(Integer::intValue).sum();
            int own = waiting.getOrDefault(client, 0);
            if (own >= WAITING_OF_CLIENT || all >= WAITING) {
                return false;
            }
            waiting.put(client, own + 1);
            return true;
        }
    }

    private void leave(InetAddress client) {
        synchronized (waiting) {
            waiting.merge(client, -1, (a, b) -> a + b == 0 ? null : a + b);
        }
    }
}
