// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.List;

/**
 * What an operation did.
 *
 * @param changes in words, in order; empty: everything was as asked already
 * @param warnings what the user should know although the operation was done
 */
public record Result(List<String> changes, List<String> warnings) {
    Result() {
        this(new ArrayList<>(), new ArrayList<>());
    }
}
