// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.ConfigException;
import org.csumbpf.config.ConfigSource;
import org.csumbpf.config.DurationText;
import org.csumbpf.config.Key;
import org.csumbpf.config.Origin;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Mode;
import org.csumbpf.serve.ListenAddress;
import org.csumbpf.serve.ServeLog;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/** The options of the agent. Each overrides a key of the configuration file, and has its default. */
final class AgentOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Configuration file (default: /etc/csumbpf/csumbpf.yaml, if there is one). The options below"
                    + " override it.")
    private Path file;

    @Option(
            names = "--docker",
            paramLabel = "SOCKET",
            description = "Unix socket of the Docker engine (default: /var/run/docker.sock). The agent works without"
                    + " one.")
    private Path socket;

    @Option(
            names = "--keep",
            paramLabel = "DURATION",
            converter = DurationConverter.class,
            description = "Detach from an interface when nothing has needed repair there for so long: 90s, 10m"
                    + " (default), or seconds.")
    private Duration keep;

    @Option(
            names = "--backstop",
            paramLabel = "auto|always|never",
            converter = LabelConverter.ForBackstop.class,
            description = "As for attach (default auto).")
    private Backstop backstop;

    @Option(names = "--enable-gro", description = "As for attach.")
    private boolean enableGro;

    @Mixin
    private RuleOptions ruleOptions;

    @Option(
            names = "--listen",
            paramLabel = "HOST:PORT",
            converter = ServeCommand.ListenConverter.class,
            description = "Where to serve metrics (default " + ListenAddress.DEFAULT + "); ':PORT' for all addresses.")
    private ListenAddress listen;

    @Option(
            names = {"--web-config", "--web.config.file"},
            paramLabel = "FILE",
            description = "As for serve (default: plain HTTP for everybody).")
    private Path webConfig;

    @Option(names = "--max-peers", paramLabel = "N", description = "As for serve (default: none).")
    private int maxPeers;

    @Option(names = "--max-vnis", paramLabel = "N", description = "As for serve (default 256).")
    private int maxVnis;

    @Option(
            names = "--log-format",
            paramLabel = "text|json",
            converter = LabelConverter.ForLogFormat.class,
            description = "Format of the log lines on standard error (default text).")
    private ServeLog.Format logFormat;

    /** Refuses what is wrong by itself, whatever the file says. */
    void check(CommandSpec spec) {
        if (maxPeers < 0 || maxVnis < 0) {
            throw new ParameterException(spec.commandLine(), "--max-peers and --max-vnis cannot be negative");
        }
        ruleOptions.check(spec);
    }

    ConfigSource source(CommandSpec spec) {
        ParseResult parsed = spec.commandLine().getParseResult();
        return ConfigSource.of(Optional.ofNullable(file), config -> overridden(config, parsed));
    }

    /**
     * What is in force.
     *
     * @throws ConfigException the file cannot be used
     * @throws ParameterException the options do not go together
     */
    AgentConfig load(CommandSpec spec) {
        try {
            return source(spec).load();
        } catch (ConfigException e) {
            if (e.problems().stream().allMatch(problem -> problem.origin() instanceof Origin.Option)) {
                throw new ParameterException(spec.commandLine(), Failure.oneLine(e.getMessage()), e);
            }
            throw e;
        }
    }

    private AgentConfig overridden(AgentConfig config, ParseResult parsed) {
        AgentConfig result = config;
        result = with(result, parsed, "--docker", Key.DOCKER_SOCKET, absolute(socket));
        result = with(result, parsed, "--keep", Key.KEEP, keep);
        result = with(result, parsed, "--backstop", Key.BACKSTOP, backstop);
        result = with(result, parsed, "--enable-gro", Key.ENABLE_GRO, enableGro);
        result = with(result, parsed, "--listen", Key.LISTEN, listen);
        result = with(result, parsed, "--web-config", Key.WEB_CONFIG, Optional.ofNullable(absolute(webConfig)));
        result = with(result, parsed, "--max-peers", Key.MAX_PEERS, maxPeers);
        result = with(result, parsed, "--max-vnis", Key.MAX_VNIS, maxVnis);
        result = with(result, parsed, "--log-format", Key.LOG_FORMAT, logFormat);
        result = with(result, parsed, "--mode", Key.MODE, parsed.matchedOptionValue("--mode", Mode.AUTO));
        result = with(result, parsed, "--verify", Key.VERIFY, parsed.matchedOptionValue("--verify", 0));
        result = with(
                result,
                parsed,
                "--plaintext",
                Key.PLAINTEXT,
                ruleOptions.dropsPlaintext() ? Key.Plaintext.DROP : Key.Plaintext.PASS);
        return with(result, parsed, "--unverified", Key.UNVERIFIED, true);
    }

    /** As in a file: what is shown and told does not depend on the folder that a command was started in. */
    private static Path absolute(Path path) {
        return path == null ? null : path.toAbsolutePath();
    }

    private static <T> AgentConfig with(AgentConfig config, ParseResult parsed, String option, Key<T> key, T value) {
        return parsed.hasMatchedOption(option) ? config.with(key, value, new Origin.Option(option)) : config;
    }

    private static final class DurationConverter implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            try {
                return DurationText.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
