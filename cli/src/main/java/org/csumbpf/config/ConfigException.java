// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration cannot be used. The message has a line for each problem. */
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient List<ConfigProblem> problems;

    /** @param problems one or more */
    public ConfigException(List<ConfigProblem> problems) {
        super(problems.stream().map(ConfigProblem::toString).collect(Collectors.joining("\n")));
        this.problems = List.copyOf(problems);
    }

    public List<ConfigProblem> problems() {
        return problems;
    }
}
