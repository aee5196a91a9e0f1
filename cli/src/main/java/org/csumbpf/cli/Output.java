// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.csumbpf.loader.Errno;
import org.csumbpf.text.Unprintable;

/**
 * Where a command prints, in UTF-8. It escapes all text that comes in by {@link #print(String)} or {@code println}, so
 * that no text, wherever it is from, can steer the terminal or begin a line of its own. Colours and the help are
 * written by other methods.
 */
final class Output extends PrintWriter {
    /** Colours and weights, as the numbers of SGR (ECMA-48 8.3.117). */
    enum Style {
        BOLD(1),
        RED(31),
        GREEN(32),
        YELLOW(33),
        CYAN(36),
        /** The terminal's own colour of text. */
        UNCOLORED(39);

        private final int sgr;

        Style(int sgr) {
            this.sgr = sgr;
        }

        int sgr() {
            return sgr;
        }
    }

    /**
     * Set by the launcher if standard output was closed. It opens /dev/null, so that no other file gets the number 1.
     */
    private static final String CLOSED = "csumbpf.stdout.closed";

    private final Channel channel;
    private boolean colored;
    private boolean wroteJson;
    private boolean readerMayLeave;

    private Output(Writer writer, boolean flush, Channel channel) {
        super(writer, flush);
        this.channel = channel;
    }

    /** For tests. A failure of the writer has no errno. */
    Output(PrintWriter writer) {
        this(writer, true, null);
    }

    static Output standard() {
        Channel channel = new Channel(FileDescriptor.out, Boolean.getBoolean(CLOSED));
        return new Output(new OutputStreamWriter(channel, StandardCharsets.UTF_8), false, channel);
    }

    static Output error() {
        Channel channel = new Channel(FileDescriptor.err, false);
        return new Output(new OutputStreamWriter(channel, StandardCharsets.UTF_8), true, channel);
    }

    /** Lets {@link #print(Style, String)} colour. */
    void color() {
        colored = true;
    }

    @Override
    public void print(String text) {
        super.print(Unprintable.escape(String.valueOf(text)));
    }

    @Override
    public void println(String text) {
        print(text);
        println();
    }

    // PrintWriter writes each of these without print(String), so each is overridden.

    @Override
    public void print(Object object) {
        print(String.valueOf(object));
    }

    @Override
    public void println(Object object) {
        println(String.valueOf(object));
    }

    @Override
    public void print(char c) {
        print(String.valueOf(c));
    }

    @Override
    public void println(char c) {
        println(String.valueOf(c));
    }

    @Override
    public void print(char[] text) {
        print(new String(text));
    }

    @Override
    public void println(char[] text) {
        println(new String(text));
    }

    @Override
    public PrintWriter format(String format, Object... arguments) {
        return format(Locale.ROOT, format, arguments);
    }

    @Override
    public PrintWriter format(Locale locale, String format, Object... arguments) {
        print(String.format(locale, format, arguments));
        return this;
    }

    @Override
    public PrintWriter append(CharSequence text) {
        print(String.valueOf(text));
        return this;
    }

    @Override
    public PrintWriter append(CharSequence text, int start, int end) {
        return append(text.subSequence(start, end));
    }

    @Override
    public PrintWriter append(char c) {
        print(c);
        return this;
    }

    void print(Style style, String text) {
        if (colored) {
            write("\u001b[" + style.sgr + "m");
        }
        print(text);
        if (colored) {
            write("\u001b[0m");
        }
    }

    /** Text of several lines. */
    void lines(String text) {
        text.lines().map(line -> line.replace("\t", "    ")).forEach(this::println);
    }

    void trace(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        lines(trace.toString());
    }

    /** Prints text as it is, for what the program itself is the author of, such as the help. */
    void own(String text) {
        write(text);
    }

    /**
     * Prints one document. Outside of strings JSON is ASCII, so what is not printable is in a string and is escaped by
     * \\u.
     */
    void json(Object tree) {
        wroteJson = true;
        Json.print(new JsonWriter(this), tree);
        println();
    }

    /**
     * Whether a JSON document was printed. Then none is printed for a failure: it is in this one, or it ended a stream.
     */
    boolean wroteJson() {
        return wroteJson;
    }

    /** From here on it is no failure if the reader of the output goes away. */
    void readerMayLeave() {
        readerMayLeave = true;
    }

    /** Flushes. Returns 0, or the errno if something could not be written; less than 0: errno not known. */
    int finish() {
        if (!checkError()) {
            return 0;
        }
        int errno = channel == null ? -1 : channel.errno;
        return readerMayLeave && errno == Errno.EPIPE ? 0 : errno;
    }

    /** Remembers the errno of a failed write, which PrintWriter does not. */
    private static final class Channel extends FileOutputStream {
        private final boolean closed;
        private int errno = -1;

        Channel(FileDescriptor descriptor, boolean closed) {
            super(descriptor);
            this.closed = closed;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                if (closed) {
                    throw new IOException("Bad file descriptor");
                }
                super.write(bytes, offset, length);
            } catch (IOException e) {
                errno = errno(e);
                throw e;
            }
        }

        /** Finds the errno by its text, because the JDK's exception has nothing else. */
        private static int errno(IOException e) {
            for (int errno : new int[] {Errno.ENOSPC, Errno.EPIPE, Errno.EBADF, Errno.EIO}) {
                if (Errno.describe(errno).endsWith("(" + e.getMessage() + ")")) {
                    return errno;
                }
            }
            return -1;
        }
    }

    private static final class JsonWriter extends Writer {
        private final Writer out;

        JsonWriter(Writer out) {
            this.out = out;
        }

        @Override
        public void write(char[] chars, int offset, int length) throws IOException {
            int done = offset;
            for (int i = offset; i < offset + length; i++) {
                char c = chars[i];
                if (c >= 0x7f && Unprintable.is(c)) {
                    out.write(chars, done, i - done);
                    out.write("\\u" + Integer.toHexString(c | 0x10000).substring(1));
                    done = i + 1;
                }
            }
            out.write(chars, done, offset + length - done);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
