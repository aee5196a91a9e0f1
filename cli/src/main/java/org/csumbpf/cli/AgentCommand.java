// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.csumbpf.agent.Agent;
import org.csumbpf.agent.AgentLock;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.loader.host.HostLock;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Hook;
import org.csumbpf.serve.ListenAddress;
import org.csumbpf.serve.Serve;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.serve.WebAccess;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

@Command(
        name = "agent",
        description = {
            "Find what needs repair on this host, attach there, and keep it so, until SIGTERM or Ctrl-C. Also does what serve"
                    + " does.",
            "",
            "'csumbpf discover' shows what the agent finds. It changes only attachments that it made itself. When it ends, they"
                    + " stay in force, and the next agent takes them over. 'csumbpf attach' takes an attachment from the agent;"
                    + " 'csumbpf detach' does not keep the agent from attaching again."
        })
final class AgentCommand extends HostCommand {
    private static final long SECOND = 1_000_000_000L;

    @Option(
            names = "--docker",
            paramLabel = "SOCKET",
            description = "Unix socket of the Docker engine (default: ${DEFAULT-VALUE}). The agent works without one.")
    private Path socket = DockerEngine.SOCKET;

    @Option(
            names = "--keep",
            paramLabel = "SECONDS",
            defaultValue = "600",
            description =
                    "Detach from an interface when nothing has needed repair there for so long (default ${DEFAULT-VALUE}).")
    private int keep;

    @Option(
            names = "--backstop",
            paramLabel = "auto|always|never",
            defaultValue = "auto",
            converter = LabelConverter.ForBackstop.class,
            description = "As for attach (default ${DEFAULT-VALUE}).")
    private Backstop backstop = Backstop.AUTO;

    @Option(names = "--enable-gro", description = "As for attach.")
    private boolean enableGro;

    @Mixin
    private RuleOptions ruleOptions;

    @Option(
            names = "--listen",
            paramLabel = "HOST:PORT",
            defaultValue = ListenAddress.DEFAULT,
            converter = ServeCommand.ListenConverter.class,
            description = "Where to serve metrics (default ${DEFAULT-VALUE}); ':PORT' for all addresses.")
    private ListenAddress listen;

    @Option(
            names = {"--web-config", "--web.config.file"},
            paramLabel = "FILE",
            description = "As for serve (default: plain HTTP for everybody).")
    private Path webConfig;

    @Option(names = "--max-peers", paramLabel = "N", defaultValue = "0", description = "As for serve (default: none).")
    private int maxPeers;

    @Option(
            names = "--max-vnis",
            paramLabel = "N",
            defaultValue = "256",
            description = "As for serve (default ${DEFAULT-VALUE}).")
    private int maxVnis;

    @Option(
            names = "--log-format",
            paramLabel = "text|json",
            defaultValue = "text",
            converter = LabelConverter.ForLogFormat.class,
            description = "Format of the log lines on standard error (default ${DEFAULT-VALUE}).")
    private ServeLog.Format logFormat;

    private Agent.Options options;
    private Optional<WebAccess> access = Optional.empty();

    @Override
    void checkUsage() {
        if (maxPeers < 0 || maxVnis < 0 || keep < 0) {
            throw new ParameterException(spec().commandLine(), "--keep, --max-peers and --max-vnis cannot be negative");
        }
        options = new Agent.Options(
                socket,
                ruleOptions.rule(spec()),
                new AttachOptions(Hook.NONE, backstop, false, enableGro),
                keep * SECOND);
        access = Optional.ofNullable(webConfig).map(WebAccess::open);
    }

    @Override
    ExitCode run(Output out) {
        try (NetworkNamespace netns = global().netns();
                HostLock only = AgentLock.acquire(netns)) {
            Serve.run(
                    new Serve.Options(
                            global().selection(), listen, maxVnis, maxPeers, logFormat, access, Version.number()),
                    System.err,
                    service -> new Agent(netns, options, service).run());
        }
        return ExitCode.DONE;
    }
}
