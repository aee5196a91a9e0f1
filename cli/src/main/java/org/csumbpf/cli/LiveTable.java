// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.csumbpf.cli.Screen.Line;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStyle;
import org.jline.utils.Display;
import org.jline.utils.InfoCmp.Capability;
import org.jline.utils.ShutdownHooks;
import org.jline.utils.Signals;

/**
 * Shows the table of stats --watch on a terminal: draws, follows the terminal's size, reads keys. The only class that
 * loads JLine. It restores the terminal at any end, also on a signal.
 */
final class LiveTable {
    private static final int CTRL_L = 12;

    /** Milliseconds, the shortest timeout for a key: JLine then waits until VTIME is over, a tenth of a second. */
    private static final long SHORTLY = 1;

    private final CounterWatch watch;
    private final Terminal terminal;
    private final Attributes before;
    private final Display display;
    private final Rates rates = new Rates();
    private final Sparkline sparkline = Terminals.sparkline();

    private int width;
    private int height;
    private String clock;
    private CounterWatch.SampleOrFailure reading;
    private List<Rates.Group> groups;

    // The shutdown hook runs concurrently with the loop, so what touches the terminal is synchronized.
    private boolean entered;
    private boolean closed;
    private volatile boolean resized;
    private volatile boolean suspended;
    private volatile boolean continued;

    private LiveTable(CounterWatch watch, Terminal terminal) {
        this.watch = watch;
        this.terminal = terminal;
        before = terminal.getAttributes();
        display = new Display(terminal, true);
    }

    /** Shows the table until the user quits; false if this terminal cannot show it. */
    static boolean show(CounterWatch watch) {
        CounterWatch.SampleOrFailure first = watch.read(true);
        Closer closer = new Closer();
        // Tasks run in the order in which they are added, so this comes before the task of JLine that closes the
        // terminal.
        ShutdownHooks.add(closer);
        try (Terminal terminal = open()) {
            if (terminal == null || terminal.getStringCapability(Capability.cursor_address) == null) {
                return false;
            }
            LiveTable table = new LiveTable(watch, terminal);
            closer.table = table;
            try {
                table.run(first);
            } finally {
                table.close();
            }
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            ShutdownHooks.remove(closer);
        }
    }

    private static final class Closer implements ShutdownHooks.Task {
        private volatile LiveTable table;

        @Override
        public void run() {
            LiveTable open = table;
            if (open != null) {
                open.close();
            }
        }
    }

    /**
     * Uses stty, because JLine's native library would have to be unpacked. Signals stay with the JVM, so that they run
     * the shutdown hooks.
     */
    private static Terminal open() {
        try {
            return TerminalBuilder.builder()
                    .name("csumbpf")
                    .system(true)
                    .provider(TerminalBuilder.PROP_PROVIDER_EXEC)
                    .dumb(false)
                    .nativeSignals(false)
                    .encoding(StandardCharsets.UTF_8)
                    .build();
        } catch (IOException | IllegalStateException e) {
            return null;
        }
    }

    private void run(CounterWatch.SampleOrFailure first) throws IOException {
        Signals.register("WINCH", () -> resized = true);
        Signals.register("TSTP", () -> suspended = true);
        Signals.register("CONT", () -> continued = true);
        take(first);
        enter();
        CounterWatch.Ticks ticks = new CounterWatch.Ticks(watch.seconds());
        long next = System.nanoTime() + ticks.nanosToNext();
        while (draw()) {
            boolean changed = false;
            while (!changed) {
                if (suspended) {
                    suspended = false;
                    suspend();
                    changed = true;
                }
                if (continued) {
                    continued = false;
                    enter();
                    changed = true;
                }
                if (resized) {
                    measure();
                    changed = true;
                }
                if (System.nanoTime() - next >= 0) {
                    take(watch.read(false));
                    next = System.nanoTime() + ticks.nanosToNext();
                    changed = true;
                }
                if (!changed) {
                    int key = key();
                    if (key == 'q' || key == 'Q' || key == -1) {
                        return;
                    }
                    if (key == CTRL_L) {
                        display.clear();
                        changed = true;
                    }
                }
            }
        }
    }

    private int key() throws IOException {
        return terminal.reader().read(SHORTLY);
    }

    private void take(CounterWatch.SampleOrFailure taken) {
        reading = taken;
        clock = String.format(Locale.ROOT, "%tT", System.currentTimeMillis());
        groups = rates.next(taken.sample(), Math.max(width, 80));
    }

    private synchronized void enter() throws IOException {
        if (closed) {
            return;
        }
        terminal.enterRawMode();
        terminal.puts(Capability.enter_ca_mode);
        terminal.puts(Capability.cursor_invisible);
        terminal.puts(Capability.clear_screen);
        terminal.flush();
        entered = true;
        measure();
    }

    private synchronized void leave() {
        if (entered) {
            entered = false;
            terminal.puts(Capability.exit_attribute_mode);
            terminal.puts(Capability.exit_ca_mode);
            terminal.puts(Capability.cursor_normal);
            terminal.flush();
            terminal.setAttributes(before);
        }
    }

    private synchronized void close() {
        leave();
        closed = true;
    }

    /**
     * Stops this process, as Ctrl-Z stops others; returns when the shell continues it. Enters raw mode at once: until
     * then, reading a key would wait for a whole line.
     */
    private void suspend() throws IOException {
        leave();
        await(new ProcessBuilder(
                "kill", "-s", "STOP", Long.toString(ProcessHandle.current().pid())));
        enter();
    }

    /** Runs stty itself, because JLine parses the words that stty prints, and those are translated. */
    private void measure() throws IOException {
        resized = false;
        String[] size = await(new ProcessBuilder("stty", "size").redirectInput(ProcessBuilder.Redirect.INHERIT))
                .split(" ");
        int lines = size.length == 2 ? Integer.parseInt(size[0]) : 0;
        int columns = size.length == 2 ? Integer.parseInt(size[1]) : 0;
        // A serial line reports 0 for both.
        height = lines > 0 ? lines : 24;
        width = columns > 0 ? columns : 80;
        synchronized (this) {
            display.resize(height, width);
            display.clear();
        }
    }

    private static String await(ProcessBuilder command) throws IOException {
        Process process = command.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return printed;
    }

    /** Draws the last reading; false if the table is closed or the terminal is gone. */
    private synchronized boolean draw() {
        if (closed) {
            return false;
        }
        if (!entered) {
            return true;
        }
        String every = watch.seconds() == Math.rint(watch.seconds())
                ? Long.toString(Math.round(watch.seconds()))
                : Double.toString(watch.seconds());
        String title = "csumbpf stats, " + clock + ", every " + every + " s; q quits";
        Screen screen = new Screen(width, height, watch.peers(), sparkline);
        List<AttributedString> lines = new ArrayList<>();
        for (Line line :
                screen.lay(title, reading.failure(), groups, reading.sample().nanos())) {
            lines.add(new AttributedString(line.text(), style(line)));
        }
        display.update(lines, 0);
        return !terminal.writer().checkError();
    }

    private AttributedStyle style(Line line) {
        if (!watch.global().colored()) {
            return AttributedStyle.DEFAULT;
        }
        return switch (line.kind()) {
            case TITLE -> AttributedStyle.INVERSE;
            case STATE -> colored(AttributedStyle.BOLD, line.meaning());
            case COLUMNS -> AttributedStyle.DEFAULT.faint();
            case ROW -> colored(AttributedStyle.DEFAULT, line.meaning());
        };
    }

    /** SGR numbers a colour of text from 30 on, JLine from 0. */
    private static AttributedStyle colored(AttributedStyle style, Meaning meaning) {
        return meaning.style() == Output.Style.UNCOLORED
                ? style
                : style.foreground(meaning.style().sgr() - 30);
    }
}
