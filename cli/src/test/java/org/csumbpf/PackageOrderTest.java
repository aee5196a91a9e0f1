// SPDX-License-Identifier: Apache-2.0
package org.csumbpf;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The packages of cli use one another in one direction, as ARCHITECTURE.md has it. */
class PackageOrderTest {
    /** Each may use those after it. */
    private static final List<String> ORDER = List.of(
            "cli",
            "agent",
            "config",
            "serve",
            "apply",
            "plan",
            "doctor",
            "discover",
            "snapshot",
            "backstop",
            "pin",
            "desired",
            "docker",
            "text");

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPath(Path.of("target/classes/org/csumbpf"));

    @Test
    void eachUsesOnlyThoseBehindIt() {
        for (int i = 1; i < ORDER.size(); i++) {
            String[] before =
                    ORDER.subList(0, i).stream().map(PackageOrderTest::name).toArray(String[]::new);
            noClasses()
                    .that()
                    .resideInAPackage(name(ORDER.get(i)))
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(before)
                    .check(CLASSES);
        }
    }

    /** serve runs for months without the lock, so it must not be able to change anything. */
    @Test
    void serveChangesNothing() {
        noClasses()
                .that()
                .resideInAPackage(name("serve"))
                .should()
                .dependOnClassesThat()
                .resideInAPackage(name("apply"))
                .check(CLASSES);
    }

    /** A configuration is checked without root and the same on every host. */
    @Test
    void configLooksAtNoHost() {
        noClasses()
                .that()
                .resideInAPackage(name("config"))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        name("apply"), name("plan"), name("discover"), name("snapshot"), name("backstop"), name("pin"))
                .check(CLASSES);
    }

    @Test
    void eachPackageHasItsPlace() throws IOException {
        assertThat(CLASSES.stream()
                        .map(JavaClass::getPackageName)
                        .map(name -> name.substring(name.lastIndexOf('.') + 1))
                        .distinct())
                .containsExactlyInAnyOrderElementsOf(ORDER);
        assertThat(Files.readString(Path.of("../ARCHITECTURE.md"))).contains(String.join(" ─► ", ORDER));
    }

    private static String name(String last) {
        return "org.csumbpf." + last;
    }
}
