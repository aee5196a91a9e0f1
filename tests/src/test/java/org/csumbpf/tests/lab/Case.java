// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * The running test: the record of its commands, and what must be taken down after it. Tests run one after the other,
 * but a test may run commands on several threads, and a test of the tests runs another test inside it.
 */
public final class Case {
    private static final int MAX_OUTPUT = 64 * 1024;
    private static final int MAX_RECORD = 4 * 1024 * 1024;
    private static final Deque<Case> RUNNING = new ConcurrentLinkedDeque<>();

    private final Deque<String> record = new ArrayDeque<>();
    private final Deque<Runnable> takeDowns = new ArrayDeque<>();
    private int recorded;
    private int dropped;
    private boolean inBody;

    private Case() {}

    static Case begin() {
        Case begun = new Case();
        RUNNING.push(begun);
        return begun;
    }

    void end() {
        RUNNING.remove(this);
    }

    /**
     * While the body runs, {@link #takeDownLater} only queues its work, so that a failed test's lab can still be
     * inspected.
     */
    void body(boolean running) {
        synchronized (takeDowns) {
            inBody = running;
        }
    }

    /** Runs the work after the running test's body, or at once if no body is running. */
    public static void takeDownLater(Runnable work) {
        Case running = RUNNING.peek();
        if (running != null) {
            synchronized (running.takeDowns) {
                if (running.inBody) {
                    running.takeDowns.add(work);
                    return;
                }
            }
        }
        work.run();
    }

    /** Runs the queued work: at the end, and before a new lab takes the same names. */
    static void takeDownNow() {
        Case running = RUNNING.peek();
        if (running != null) {
            running.takeDown();
        }
    }

    /** Runs all queued work, whatever fails, and throws the first failure. */
    void takeDown() {
        Throwable failure = null;
        for (Runnable work = next(); work != null; work = next()) {
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        } else if (failure != null) {
            throw (Error) failure;
        }
    }

    private Runnable next() {
        synchronized (takeDowns) {
            return takeDowns.poll();
        }
    }

    /** Records a command and its result. */
    static void record(String command, String result, String out, String err, long nanos) {
        Case running = RUNNING.peek();
        if (running != null) {
            running.add(
                    String.format("$ %s%n%s%s[%s, %d ms]%n", command, cut(out), cut(err), result, nanos / 1_000_000));
        }
    }

    private static String cut(String text) {
        String kept = text.length() <= MAX_OUTPUT
                ? text
                : text.substring(0, MAX_OUTPUT) + "\n[" + (text.length() - MAX_OUTPUT) + " more characters]";
        return kept.isEmpty() || kept.endsWith("\n") ? kept : kept + "\n";
    }

    private void add(String entry) {
        synchronized (record) {
            record.add(entry);
            recorded += entry.length();
            while (recorded > MAX_RECORD) {
                recorded -= record.remove().length();
                dropped++;
            }
        }
    }

    String recorded() {
        synchronized (record) {
            return (dropped == 0 ? "" : "[" + dropped + " earlier commands left out]\n") + String.join("\n", record);
        }
    }
}
