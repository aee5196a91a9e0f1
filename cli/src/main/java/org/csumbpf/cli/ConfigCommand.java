// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.ConfigSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "config",
        description = "Check and show the configuration file of csumbpf agent. Needs no root.",
        subcommands = {ConfigCommand.Check.class, ConfigCommand.Show.class})
final class ConfigCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "check or show is missing");
    }

    @Command(
            name = "check",
            description = {
                "Check a configuration file. Each problem is a line on standard error, FILE:LINE: PROBLEM, and the exit code"
                        + " is 11.",
            })
    static final class Check implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Parameters(
                paramLabel = "FILE",
                arity = "0..1",
                description = "The file (default: /etc/csumbpf/csumbpf.yaml, if there is one).")
        private Path file;

        @Override
        public Integer call() {
            ConfigSource source = ConfigSource.of(Optional.ofNullable(file), UnaryOperator.identity());
            boolean there = source.read().isPresent();
            Output out = (Output) spec.commandLine().getOut();
            if (((Csumbpf) spec.root().userObject()).json()) {
                Map<String, Object> tree = new LinkedHashMap<>();
                tree.put("file", source.path());
                tree.put("exists", there);
                tree.put("problems", List.of());
                out.json(tree);
            } else {
                out.println(source.path() + (there ? ": no problems" : ": no such file; the defaults are in force"));
            }
            return ExitCode.DONE.code();
        }
    }

    @Command(
            name = "show",
            description = {
                "Show what an agent with these options would use, and where each value comes from.",
                "",
                "The output can be saved as a configuration file."
            })
    static final class Show implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Mixin
        private AgentOptions options;

        @Override
        public Integer call() {
            options.check(spec);
            AgentConfig config = options.load(spec);
            Path path = options.source(spec).path();
            Output out = (Output) spec.commandLine().getOut();
            if (((Csumbpf) spec.root().userObject()).json()) {
                out.json(ConfigReport.json(config, path));
            } else {
                out.println("# " + path + (Files.exists(path) ? "" : ": no such file; the defaults are in force"));
                ConfigReport.lines(config).forEach(out::println);
            }
            return ExitCode.DONE.code();
        }
    }
}
