// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.AdvisedException;

/** Some attachments, or some steps of one, failed. The problem names each and why; the cause is the first one's. */
public final class PartialFailureException extends AdvisedException {
    private PartialFailureException(String problem, String next, RuntimeException first) {
        super(problem, next, first);
    }

    /** Null if none of them failed. */
    public static PartialFailureException of(List<AttachmentResult> all) {
        List<AttachmentResult> failed =
                all.stream().filter(one -> one.failure().isPresent()).toList();
        if (failed.isEmpty()) {
            return null;
        }
        List<String> problems = new ArrayList<>();
        Map<String, List<String>> labels = new LinkedHashMap<>(); // by what the user is to do
        for (AttachmentResult one : failed) {
            RuntimeException failure = one.failure().orElseThrow();
            problems.add(one.label() + ": " + Advised.problemOf(failure));
            String next = Advised.nextOf(failure);
            if (next != null) {
                labels.computeIfAbsent(next, text -> new ArrayList<>()).add(one.label());
            }
        }
        // If all of them have the same advice, it needs no names.
        boolean forAll = labels.size() == 1 && labels.values().iterator().next().size() == failed.size();
        String next = labels.entrySet().stream()
                .map(entry -> forAll ? entry.getKey() : String.join(", ", entry.getValue()) + ": " + entry.getKey())
                .collect(Collectors.joining("; "));
        return new PartialFailureException(
                String.join("; ", problems),
                next.isEmpty() ? null : next,
                failed.get(0).failure().orElseThrow());
    }

    /**
     * For one attachment, whose record keeps what could not be undone.
     *
     * @param failures of its steps; not empty
     * @param again the command that continues
     */
    static PartialFailureException ofSteps(List<RuntimeException> failures, String again) {
        String problems = failures.stream().map(Advised::problemOf).collect(Collectors.joining("; "));
        List<String> next = new ArrayList<>();
        for (RuntimeException failure : failures) {
            if (Advised.nextOf(failure) != null && !next.contains(Advised.nextOf(failure))) {
                next.add(Advised.nextOf(failure));
            }
        }
        next.add("run '" + again + "' again");
        return new PartialFailureException(
                problems + "; what is not undone stays recorded", String.join("; ", next), failures.get(0));
    }
}
