// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.List;

/**
 * What an operation did.
 *
 * @param changes in order; empty: everything was as asked already
 * @param warnings what the user should know although the operation was done
 */
public record Result(List<Change> changes, List<String> warnings) {
    /** Whether this is among what it did. */
    public boolean did(Change.Id id) {
        return changes.stream().anyMatch(change -> change.id() == id);
    }

    void add(Change.Id id) {
        changes.add(Change.of(id));
    }

    void add(Change.Id id, String subject) {
        changes.add(new Change(id, subject));
    }

    Result() {
        this(new ArrayList<>(), new ArrayList<>());
    }
}
