// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.ConfigException;
import org.csumbpf.config.ConfigProblem;
import org.csumbpf.config.ConfigSource;
import org.csumbpf.config.Key;
import org.csumbpf.config.Origin;
import org.csumbpf.config.Setting;
import org.csumbpf.serve.ServeLog;

/** The configuration in force. A file that cannot be used leaves the one before in force. Thread-safe. */
public final class Reload implements Supplier<AgentConfig> {
    private final ConfigSource source;
    private final ServeLog log;
    private final LongSupplier clock;
    private volatile AgentConfig current;
    private volatile boolean successful = true;
    /** Whether a file was there. If it is gone later, somebody may be about to write it. */
    private boolean fromFile;

    /** Unix time, milliseconds. */
    private volatile long succeeded;

    /** @param first what the agent starts with, just read from the source */
    public Reload(ConfigSource source, AgentConfig first, ServeLog log, MeterRegistry registry) {
        this(source, first, log, registry, System::currentTimeMillis);
    }

    Reload(ConfigSource source, AgentConfig first, ServeLog log, MeterRegistry registry, LongSupplier clock) {
        this.source = source;
        this.log = log;
        this.clock = clock;
        this.current = first;
        this.fromFile = Files.exists(source.path());
        this.succeeded = clock.getAsLong();
        Gauge.builder("csumbpf.config.last.reload.successful", this, reload -> reload.successful ? 1 : 0)
                .description("1: the configuration was read; 0: it cannot be used, and the one before is in force.")
                .register(registry);
        Gauge.builder("csumbpf.config.last.reload.success.timestamp", this, reload -> reload.succeeded / 1000.0)
                .baseUnit("seconds")
                .description("Unix time at which the configuration in force was read.")
                .register(registry);
    }

    @Override
    public AgentConfig get() {
        return current;
    }

    /** Reads the file again. Returns whether it can be used. */
    public synchronized boolean reload() {
        AgentConfig read;
        try {
            read = source.load();
            if (fromFile && !Files.exists(source.path())) {
                throw new ConfigException(List.of(new ConfigProblem(
                        new Origin.Line(source.path(), 0),
                        "the file is gone; start the agent again to have the defaults in force")));
            }
        } catch (ConfigException e) {
            successful = false;
            for (ConfigProblem problem : e.problems()) {
                log.error("configuration not reloaded", "problem", problem);
            }
            return false;
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            successful = false;
            log.error("configuration not reloaded", "problem", source.path() + ": " + e);
            return false;
        }
        List<String> changed = new ArrayList<>();
        for (Key<?> key : Key.ALL) {
            if (!current.get(key).equals(read.get(key))) {
                changed.add(key.name());
            }
        }
        if (!current.hasRulesOf(read)) {
            changed.add("rules");
        }
        for (Key<?> key : Key.NEED_RESTART) {
            if (changed.remove(key.name())) {
                sayRestart(key, read);
            }
            read = read.with(key, current);
        }
        current = read;
        fromFile |= Files.exists(source.path());
        successful = true;
        succeeded = clock.getAsLong();
        log.info("configuration reloaded", "changed", String.join(" ", changed));
        return true;
    }

    private <T> void sayRestart(Key<T> key, AgentConfig read) {
        Setting<T> wanted = read.setting(key);
        log.warn(
                "takes effect when the agent is started again",
                "key",
                key,
                "value",
                key.tree(wanted.value()),
                "from",
                wanted.origin().text());
    }
}
