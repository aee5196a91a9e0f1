// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.doctor.Examination;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Verdict;
import org.csumbpf.text.ShellWord;
import org.csumbpf.text.Unprintable;

/**
 * The page at /: attachments with their rates, and what the doctor found. It loads itself again every ten seconds, and
 * needs no script. Rates are those since the page was made before. For one request at a time.
 */
final class Page {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);
    /** Nanoseconds. A rate of less time says nothing, one of more is no rate of now. */
    private static final long RATE_MIN = 500_000_000L;

    private static final long RATE_MAX = 600_000_000_000L;

    private static final String BEGIN = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta http-equiv="refresh" content="10">
            <title>HOST: csumbpf</title>
            <style>
            :root { color-scheme: light dark; }
            body { font: 1rem/1.4 system-ui, sans-serif; margin: 1.5rem; max-width: 75rem; }
            table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; width: 100%; }
            th, td { border-bottom: 1px solid #8886; padding: 0.4rem 0.8rem 0.4rem 0; text-align: left; vertical-align: top; }
            td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
            td.id { white-space: nowrap; width: 1%; }
            code { font-family: ui-monospace, monospace; }
            p.meaning code { overflow-wrap: anywhere; }
            div { overflow-x: auto; }
            .bad { color: #c62828; font-weight: bold; }
            .note { color: #9a6700; font-weight: bold; }
            .good { color: #2e7d32; font-weight: bold; }
            @media (prefers-color-scheme: dark) { .bad { color: #ff8a80; } .note { color: #ffd54f; } .good { color: #81c784; } }
            p.meaning { margin: 0.2rem 0; }
            </style>
            </head>
            <body>
            <h1>HOST</h1>
            <p>csumbpf VERSION. Repairs the UDP checksum of VXLAN packets that IPsec decrypted behind a NAT.
            <a href="/metrics">Metrics</a>, <a href="/-/healthy">healthy</a>, <a href="/-/ready">ready</a>.</p>
            """;

    private final Supplier<List<AttachmentView>> attachments;
    private final Supplier<Optional<Examination>> examination;
    private final Supplier<Long> clock;
    private final String version;
    /** The counts of the page before, by attachment. */
    private Map<String, Counts> before = Map.of();

    private long beforeNanos;

    /**
     * @param clock CLOCK_MONOTONIC, nanoseconds
     * @param version of csumbpf
     */
    Page(
            Supplier<List<AttachmentView>> attachments,
            Supplier<Optional<Examination>> examination,
            Supplier<Long> clock,
            String version) {
        this.attachments = attachments;
        this.examination = examination;
        this.clock = clock;
        this.version = version;
    }

    private record Counts(long decrypted, long repaired) {}

    String html() {
        List<AttachmentView> views = attachments.get();
        long now = clock.get();
        StringBuilder page = new StringBuilder(begin());
        page.append("<h2>Attachments</h2>\n");
        if (views.isEmpty()) {
            page.append("<p>Nothing is attached.</p>\n");
        } else {
            attachments(page, views, now);
        }
        page.append("<h2>Doctor</h2>\n");
        examination
                .get()
                .ifPresentOrElse(
                        found -> findings(page, found),
                        () -> page.append(
                                "<p>The doctor has not examined this host yet: run <code>csumbpf doctor</code>, or"
                                        + " <code>csumbpf agent</code>, which does so every five minutes.</p>\n"));
        return page.append("</body>\n</html>\n").toString();
    }

    /** Who looks at the pages of many hosts wants to see which one this is. */
    private String begin() {
        String name;
        try {
            name = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            name = "this host";
        }
        return BEGIN.replace("HOST", text(name)).replace("VERSION", text(version));
    }

    private void attachments(StringBuilder page, List<AttachmentView> views, long now) {
        page.append("<div>\n<table>\n<tr><th>Interface</th><th>State</th><th>Repair</th>"
                + "<th class=\"number\">Decrypted</th><th class=\"number\">Repaired</th></tr>\n");
        Map<String, Counts> counted = new HashMap<>();
        double seconds = (now - beforeNanos) / 1e9;
        boolean rated = now - beforeNanos >= RATE_MIN && now - beforeNanos <= RATE_MAX;
        for (AttachmentView view : views) {
            Counts counts = counts(view);
            String key = view.location().netns() + " " + view.label();
            counted.put(key, counts);
            Optional<Counts> then = rated ? Optional.ofNullable(before.get(key)) : Optional.empty();
            Verdict verdict = Verdict.of(view);
            boolean amiss = Verdict.amiss(view);
            page.append("<tr><td><code>").append(text(view.label())).append("</code></td><td>");
            page.append(text(view.state().label())).append("</td><td>");
            word(page, amiss ? "bad" : "good", verdict.kind().label());
            page.append(' ').append(text(verdict.text()));
            view.problems()
                    .forEach(problem -> page.append("<p class=\"meaning\">")
                            .append(text(problem))
                            .append("</p>"));
            page.append("</td>");
            number(page, counts.decrypted(), then.map(Counts::decrypted), seconds);
            number(page, counts.repaired(), then.map(Counts::repaired), seconds);
            page.append("</tr>\n");
        }
        page.append("</table>\n</div>\n");
        if (now - beforeNanos >= RATE_MIN) {
            before = counted;
            beforeNanos = now;
        }
    }

    private static Counts counts(AttachmentView view) {
        Counters tc = view.contents().map(AttachmentView.Contents::sum).orElse(Counters.NONE);
        BackstopCounters afterTc = view.backstop().map(BackstopView::sum).orElse(BackstopCounters.NONE);
        return new Counts(
                tc.decrypted() + afterTc.decrypted(),
                tc.get(Outcome.REPAIRED).packets()
                        + afterTc.get(BackstopOutcome.REPAIRED).packets());
    }

    private static void number(StringBuilder page, long count, Optional<Long> then, double seconds) {
        page.append("<td class=\"number\">").append(count).append(" packets");
        then.filter(earlier -> count >= earlier)
                .ifPresent(
                        earlier -> page.append(String.format(Locale.ROOT, "<br>%.1f/s", (count - earlier) / seconds)));
        page.append("</td>");
    }

    private static void findings(StringBuilder page, Examination found) {
        page.append("<p>Examined at ").append(text(TIME.format(found.ended()))).append(".</p>\n<table>\n");
        for (DoctorFinding finding : found.findings()) {
            page.append("<tr><td class=\"id\">");
            word(page, style(finding.severity()), finding.severity().label());
            page.append("<br><code>").append(text(finding.check().id())).append("</code></td><td>");
            page.append(text(finding.evidence()));
            if (finding.followsFrom() != null) {
                page.append(" (follows from <code>")
                        .append(text(finding.followsFrom().id()))
                        .append("</code>)");
            } else if (!finding.meaning().isEmpty()) {
                page.append("<p class=\"meaning\">")
                        .append(text(finding.meaning()))
                        .append("</p>");
            }
            if (!finding.remedy().isEmpty() && finding.followsFrom() == null) {
                page.append("<p class=\"meaning\">Next: <code>")
                        .append(text(ShellWord.line(finding.remedy())))
                        .append("</code></p>");
            }
            page.append("</td></tr>\n");
        }
        page.append("</table>\n");
    }

    private static String style(DoctorFinding.Severity severity) {
        return switch (severity) {
            case ERROR -> "bad";
            case WARNING -> "note";
            case INFO -> "";
            case OK -> "good";
        };
    }

    private static void word(StringBuilder page, String style, String word) {
        page.append("<span class=\"")
                .append(style)
                .append("\">")
                .append(text(word))
                .append("</span>");
    }

    /** Names and rules are hostile: what is printed is text and nothing else. */
    static String text(String value) {
        return Unprintable.escape(value)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
