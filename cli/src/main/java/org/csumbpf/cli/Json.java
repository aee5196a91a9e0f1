// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;

/** Writes maps, collections, strings, numbers and booleans as one JSON document. */
final class Json {
    private Json() {}

    static void print(Writer out, Object tree) {
        try (JsonGenerator generator = new JsonFactory()
                .createGenerator(out)
                .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
                .useDefaultPrettyPrinter()) {
            write(generator, tree);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(JsonGenerator generator, Object node) throws IOException {
        if (node instanceof Map<?, ?> object) {
            generator.writeStartObject();
            for (Map.Entry<?, ?> member : object.entrySet()) {
                generator.writeFieldName(member.getKey().toString());
                write(generator, member.getValue());
            }
            generator.writeEndObject();
        } else if (node instanceof Collection<?> array) {
            generator.writeStartArray();
            for (Object element : array) {
                write(generator, element);
            }
            generator.writeEndArray();
        } else if (node instanceof Optional<?> optional) {
            write(generator, optional.orElse(null));
        } else if (node instanceof Long || node instanceof Integer) {
            generator.writeNumber(((Number) node).longValue());
        } else if (node instanceof Double number) {
            generator.writeNumber(number);
        } else if (node instanceof Boolean bool) {
            generator.writeBoolean(bool);
        } else if (node == null) {
            generator.writeNull();
        } else {
            generator.writeString(node.toString());
        }
    }
}
