// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.csumbpf.serve.ListenAddress;
import org.csumbpf.serve.Serve;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.serve.WebAccess;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

@Command(
        name = "serve",
        description = {
            "Serve metrics to Prometheus, and log events, until SIGTERM or Ctrl-C.",
            "",
            "serve notices what is attached, changed or detached while it runs, and changes nothing itself. Paths:"
                    + " /metrics, /-/healthy, /-/ready. docs/metrics.md lists the metrics."
        })
final class ServeCommand extends HostCommand {
    @Option(
            names = "--listen",
            paramLabel = "HOST:PORT",
            defaultValue = ListenAddress.DEFAULT,
            converter = ListenConverter.class,
            description = "Where to listen (default ${DEFAULT-VALUE}); ':PORT' for all addresses.")
    private ListenAddress listen;

    @Option(
            names = {"--web-config", "--web.config.file"},
            paramLabel = "FILE",
            description =
                    "TLS and passwords, in the format of Prometheus' exporters (default: plain HTTP for everybody). It is read"
                            + " again when it changes.")
    private Path webConfig;

    @Option(
            names = "--max-peers",
            paramLabel = "N",
            defaultValue = "0",
            description = "Series for the N peers of each interface with the most packets (default: none).")
    private int maxPeers;

    @Option(
            names = "--max-vnis",
            paramLabel = "N",
            defaultValue = "256",
            description =
                    "Series for the N lowest VNIs of each interface (default ${DEFAULT-VALUE}); the others are added up"
                            + " as vni=\"other\".")
    private int maxVnis;

    @Option(
            names = "--log-format",
            paramLabel = "text|json",
            defaultValue = "text",
            converter = LabelConverter.ForLogFormat.class,
            description = "Format of the log lines on standard error (default ${DEFAULT-VALUE}).")
    private ServeLog.Format logFormat;

    private Optional<WebAccess> access = Optional.empty();

    @Override
    void checkUsage() {
        if (maxPeers < 0 || maxVnis < 0) {
            throw new ParameterException(spec().commandLine(), "--max-peers and --max-vnis cannot be negative");
        }
        access = Optional.ofNullable(webConfig).map(WebAccess::open);
    }

    @Override
    boolean changes() {
        return false;
    }

    @Override
    ExitCode run(Output out) {
        Serve.run(
                new Serve.Options(global().selection(), listen, maxVnis, maxPeers, logFormat, access, Version.number()),
                System.err);
        return ExitCode.DONE;
    }

    /** Reports a wrong address in the words of {@link ListenAddress}. */
    static final class ListenConverter implements ITypeConverter<ListenAddress> {
        @Override
        public ListenAddress convert(String text) {
            try {
                return ListenAddress.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
