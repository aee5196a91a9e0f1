// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * Writes the manual pages in section 8, as AsciiDoc, made from the commands. Argument: the folder that gets them, one for
 * each command: {@code csumbpf-vni-add.adoc}.
 */
final class ManualPages {
    private ManualPages() {}

    public static void main(String[] args) throws IOException {
        write(Path.of(args[0]), Main.commandLine("help"));
    }

    private static void write(Path folder, CommandLine command) throws IOException {
        CommandSpec spec = command.getCommandSpec();
        if (spec.usageMessage().hidden()) {
            return;
        }
        StringWriter page = new StringWriter();
        try (PrintWriter out = new PrintWriter(page)) {
            ManPageGenerator.writeSingleManPage(out, spec);
        }
        String name = spec.qualifiedName("-");
        // picocli writes section 1; commands of an administrator are in section 8.
        String text = page.toString()
                .replace(name.toUpperCase(Locale.ROOT) + "(1)", name + "(8)")
                .replace("(1)", "(8)");
        Files.writeString(folder.resolve(name + ".adoc"), text);
        for (CommandLine below : command.getSubcommands().values()) {
            write(folder, below);
        }
    }
}
