// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.csumbpf.doctor.Doctor;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.doctor.DoctorFinding.Severity;
import org.csumbpf.doctor.Examination;
import org.csumbpf.doctor.Watch;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.text.ShellWord;

/**
 * Examines the host as 'csumbpf doctor' does, again and again: counts errors and warnings as metrics, logs each when it
 * comes and when it goes, and hands all findings on. Unlike the command, it sends no pings.
 */
final class Checkup implements Runnable {
    /** So long it watches. */
    static final Duration WATCH = Duration.ofSeconds(10);

    private static final Duration PAUSE = Duration.ofMinutes(5).minus(WATCH);

    /** So many findings are in the log at a time, the worst ones: the log has no room for each of a thousand dead peers. */
    private static final int MOST_LOGGED = 64;

    private final Function<Duration, Watch> watch;
    private final ServeLog log;
    private final Consumer<Examination> published;
    private final MultiGauge gauges;
    private volatile double lastRun = Double.NaN;
    /** What was logged and is not over, by check and subject, with its evidence then. */
    private final Map<String, String> open = new HashMap<>();

    /** @param watch watches the host for a time */
    Checkup(Function<Duration, Watch> watch, ServeLog log, MeterRegistry registry, Consumer<Examination> published) {
        this.watch = watch;
        this.log = log;
        this.published = published;
        this.gauges = MultiGauge.builder("csumbpf.finding")
                .description("Errors and warnings of the doctor, by id.")
                .register(registry);
        Gauge.builder("csumbpf.doctor.last.run.timestamp", this, checkup -> checkup.lastRun)
                .baseUnit("seconds")
                .description("Unix time at which the doctor examined the host last.")
                .register(registry);
    }

    @Override
    public void run() {
        try {
            while (true) {
                once(Instant.now());
                TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @param now for the time of the examination, less the watch */
    void once(Instant now) {
        try {
            List<DoctorFinding> findings = Doctor.examine(watch.apply(WATCH));
            log.resolved("doctor", "the doctor can examine the host again");
            Instant ended = now.plus(WATCH);
            published.accept(new Examination(findings, ended));
            count(findings);
            say(findings);
            lastRun = ended.getEpochSecond();
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            // The next time may be better.
            log.once("doctor", "the doctor cannot examine the host: " + e.getMessage());
        }
    }

    private void count(List<DoctorFinding> findings) {
        Map<String, Tags> series = new TreeMap<>();
        Map<String, Integer> counts = new HashMap<>();
        for (DoctorFinding finding : findings) {
            if (concerns(finding)) {
                String key = finding.check().id() + " " + finding.severity();
                series.put(
                        key,
                        Tags.of(
                                "id",
                                finding.check().id(),
                                "severity",
                                finding.severity().label()));
                counts.merge(key, 1, Integer::sum);
            }
        }
        gauges.register(
                series.entrySet().stream()
                        .<MultiGauge.Row<?>>map(row -> MultiGauge.Row.of(row.getValue(), counts.get(row.getKey())))
                        .toList(),
                true);
    }

    private void say(List<DoctorFinding> findings) {
        Map<String, DoctorFinding> now = new LinkedHashMap<>();
        findings.stream()
                .filter(Checkup::concerns)
                .takeWhile(finding -> now.size() < MOST_LOGGED)
                .forEach(finding -> now.putIfAbsent(key(finding), finding));
        open.entrySet().removeIf(said -> {
            boolean over = !now.containsKey(said.getKey());
            if (over) {
                log.resolved(said.getKey(), "over: " + said.getValue());
            }
            return over;
        });
        now.forEach((key, finding) -> {
            // Numbers in the evidence change all the time, and are nothing new.
            if (open.putIfAbsent(key, finding.check().id() + ": " + finding.evidence()) == null) {
                log.once(
                        key,
                        finding.check().id() + ": " + finding.evidence(),
                        "severity",
                        finding.severity().label(),
                        "next",
                        ShellWord.line(finding.remedy()));
            }
        });
    }

    private static String key(DoctorFinding finding) {
        return "finding " + finding.check().id() + " " + finding.subject();
    }

    private static boolean concerns(DoctorFinding finding) {
        return finding.severity() == Severity.ERROR || finding.severity() == Severity.WARNING;
    }
}
