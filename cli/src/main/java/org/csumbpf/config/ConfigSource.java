// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.csumbpf.maps.Mode;

/**
 * Where a configuration comes from: a file, and the command line, which overrides it.
 *
 * @param path of the file
 * @param isNamed whether the user named the file; then it must be there
 * @param options sets what the command line sets
 */
public record ConfigSource(Path path, boolean isNamed, UnaryOperator<AgentConfig> options) {
    public static final Path DEFAULT_FILE = Path.of("/etc/csumbpf/csumbpf.yaml");

    private static final Pattern NAMES_BPFFS = Pattern.compile("(?m)^[^#]*\\bbpffs\\b");

    /** @param file that the user named; empty: the default one, if it is there */
    public static ConfigSource of(Optional<Path> file, UnaryOperator<AgentConfig> options) {
        return new ConfigSource(file.orElse(DEFAULT_FILE), file.isPresent(), options);
    }

    /**
     * Where the default file says that pins are. Commands that need nothing else of it read it as YAML only if it has that
     * key: the parser takes longer than most of them.
     *
     * @return empty: it does not say so, or there is no such file
     * @throws ConfigException with all that is wrong
     */
    public static Optional<Path> bpffs() {
        try {
            if (!Files.isRegularFile(DEFAULT_FILE)
                    || Files.size(DEFAULT_FILE) > ConfigFile.MOST_BYTES
                    || !NAMES_BPFFS.matcher(Files.readString(DEFAULT_FILE)).find()) {
                return Optional.empty();
            }
        } catch (IOException e) {
            return Optional.empty(); // the agent says why
        }
        return ConfigFile.read(DEFAULT_FILE).flatMap(config -> config.get(Key.BPFFS));
    }

    /**
     * Reads the file.
     *
     * @return empty: the default file is not there
     * @throws ConfigException with all that is wrong
     */
    public Optional<AgentConfig> read() {
        Optional<AgentConfig> read = ConfigFile.read(path);
        // A link that leads nowhere is a mistake, too.
        if (read.isEmpty() && (isNamed || Files.exists(path, LinkOption.NOFOLLOW_LINKS))) {
            throw new ConfigException(List.of(new ConfigProblem(new Origin.Line(path, 0), "there is no such file")));
        }
        return read;
    }

    /**
     * What is in force: the file under the options.
     *
     * @throws ConfigException with all that is wrong
     */
    public AgentConfig load() {
        AgentConfig config = options.apply(read().orElse(AgentConfig.DEFAULTS));
        List<ConfigProblem> problems = new ArrayList<>(config.conflicts());
        Origin verify = config.setting(Key.VERIFY).origin();
        if (verify instanceof Origin.Option && config.get(Key.MODE) != Mode.ADJUST) {
            problems.add(new ConfigProblem(
                    verify,
                    "needs mode adjust; the mode is " + config.get(Key.MODE).label()));
        }
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
        return config;
    }
}
