// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration cannot be used. The message has a line for each problem. */
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient List<Problem> problems;

    /** @param problems one or more */
    public ConfigException(List<Problem> problems) {
        super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n")));
        this.problems = List.copyOf(problems);
    }

    public List<Problem> problems() {
        return problems;
    }
}
