// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.csumbpf.loader.AdvisedException;

/**
 * A watch in a JSON file, to be judged elsewhere. It holds no keys, because states hold none. A bundle is hostile input:
 * anyone can send one.
 *
 * @param format of the file; it changes when an older doctor could not judge it
 * @param version of csumbpf that wrote it
 */
public record Bundle(int format, String version, Watch watch, JsonNode findings) {
    private static final int FORMAT = 1;
    private static final int LIMIT_BYTES = 32 << 20;
    private static final int LIMIT_DEPTH = 32;

    /** A file that cannot be read, or is no bundle. */
    public static final class UnreadableException extends AdvisedException {
        private static final long serialVersionUID = 1;

        UnreadableException(Path file, String problem, Throwable cause) {
            super("bundle " + file + ": " + problem, null, cause);
        }
    }

    /** A file that cannot be written. */
    public static final class UnwritableException extends AdvisedException {
        private static final long serialVersionUID = 1;

        UnwritableException(Path file, IOException cause) {
            super("write bundle " + file + ": " + reason(cause), null, cause);
        }
    }

    private static String reason(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "No such file or directory (ENOENT)";
        }
        if (e instanceof AccessDeniedException) {
            return "Permission denied (EACCES)";
        }
        return e instanceof FileSystemException failure && failure.getReason() != null
                ? failure.getReason()
                : String.valueOf(e.getMessage());
    }

    private static ObjectMapper mapper() {
        ObjectMapper mapper = JsonMapper.builder()
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                // What a newer csumbpf adds is left out.
                .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .enable(SerializationFeature.INDENT_OUTPUT)
                .serializationInclusion(JsonInclude.Include.ALWAYS)
                .build();
        mapper.getFactory()
                .setStreamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(LIMIT_DEPTH)
                        .maxDocumentLength(LIMIT_BYTES)
                        .build());
        return mapper;
    }

    /**
     * The text of a bundle.
     *
     * @param findings as 'csumbpf doctor --json' prints them: maps, lists, text
     * @param anonymize whether addresses and names are replaced, the same by the same
     */
    public static String write(String version, Watch watch, Object findings, boolean anonymize) {
        ObjectMapper mapper = mapper();
        JsonNode tree = mapper.valueToTree(new Bundle(FORMAT, version, watch, mapper.valueToTree(findings)));
        if (anonymize) {
            tree = new Pseudonyms(watch).in(tree);
        }
        try {
            return mapper.writeValueAsString(tree) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Writes a file that only its owner can read, in the place of an older one, and never through a link.
     *
     * @throws UnwritableException the file cannot be written
     */
    public static void save(Path file, String text) {
        try {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isSymbolicLink(file)) {
                throw new FileSystemException(file.toString(), null, "not a regular file");
            }
            Path folder = file.toAbsolutePath().getParent();
            Path made = Files.createTempFile(
                    folder,
                    ".csumbpf",
                    ".json",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            try {
                Files.writeString(made, text);
                Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(made);
            }
        } catch (IOException e) {
            throw new UnwritableException(file, e);
        }
    }

    /** @throws UnreadableException the file cannot be read, or is no bundle */
    public static Bundle read(Path file) {
        byte[] content;
        // Opening a FIFO would wait for a writer.
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new UnreadableException(file, "not a regular file", null);
        }
        try (InputStream in = Files.newInputStream(file)) {
            content = in.readNBytes(LIMIT_BYTES + 1);
        } catch (IOException e) {
            throw new UnreadableException(file, "cannot be read: " + reason(e), e);
        }
        if (content.length > LIMIT_BYTES) {
            throw new UnreadableException(file, "longer than " + (LIMIT_BYTES >> 20) + " MB", null);
        }
        try {
            Bundle bundle = mapper().readValue(content, Bundle.class);
            if (bundle == null || bundle.format != FORMAT || bundle.watch == null || bundle.watch.after() == null) {
                throw new UnreadableException(
                        file, "not written by 'csumbpf doctor --bundle', or in another format than " + FORMAT, null);
            }
            return bundle;
        } catch (IOException e) {
            String why = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
            throw new UnreadableException(
                    file,
                    "not written by 'csumbpf doctor --bundle': "
                            + String.valueOf(why).lines().findFirst().orElse(""),
                    e);
        }
    }
}
