// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.List;
import org.csumbpf.snapshot.Finding;

/**
 * The result of an operation.
 *
 * @param changes in order; empty: everything was as asked already
 * @param warnings what the user should know although the operation succeeded
 */
public record Result(List<Change> changes, List<Finding> warnings) {
    /** Whether the operation made such a change. */
    public boolean did(Change.Id id) {
        return changes.stream().anyMatch(change -> change.id() == id);
    }

    void add(Change.Id id) {
        changes.add(Change.of(id));
    }

    void add(Change.Id id, String subject) {
        changes.add(new Change(id, subject));
    }

    void warn(Finding finding) {
        warnings.add(finding);
    }

    /** @param subject what stays as it is: an interface, a module, a path */
    void leave(String subject, String evidence) {
        warn(Finding.note(Finding.Id.LEFT_BEHIND, subject, evidence));
    }

    Result() {
        this(new ArrayList<>(), new ArrayList<>());
    }
}
