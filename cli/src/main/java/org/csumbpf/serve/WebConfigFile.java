// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.serve.WebConfig.ClientCertificate;
import org.csumbpf.serve.WebConfig.Pem;
import org.csumbpf.serve.WebConfig.Tls;
import org.csumbpf.text.Similar;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads the format of Prometheus' exporter-toolkit. A key of that format that csumbpf does not have is refused: to
 * ignore it could admit somebody whom it keeps out.
 */
final class WebConfigFile {
    /** Bytes; real ones have a few thousand. */
    private static final long MOST_BYTES = 1 << 20;
    /** Above this, one check of a password takes longer than a scrape may. */
    static final int MOST_COST = 15;

    private static final Pattern BCRYPT = Pattern.compile("\\$2[abxy]?\\$(\\d\\d)\\$[./A-Za-z0-9]{53}");

    private static final Set<String> TOP =
            Set.of("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit");
    private static final List<String> TLS = List.of(
            "cert_file",
            "key_file",
            "cert",
            "key",
            "client_auth_type",
            "client_ca_file",
            "client_ca",
            "client_allowed_sans",
            "min_version",
            "max_version",
            "cipher_suites",
            "prefer_server_cipher_suites",
            "curve_preferences");
    private static final Set<String> HTTP = Set.of("http2", "headers");
    /** The headers that the format has, with the values that it allows; none: any. */
    private static final Map<String, Set<String>> HEADERS = Map.of(
            "Content-Security-Policy", Set.of(),
            "X-Frame-Options", Set.of("deny", "sameorigin"),
            "X-Content-Type-Options", Set.of("nosniff"),
            "X-XSS-Protection", Set.of(),
            "Strict-Transport-Security", Set.of());

    /** Keys of the format that are refused, and what to do. */
    private static final Map<String, String> REFUSED = Map.of(
            "rate_limit", "remove it: scrapes run one at a time, and wrong passwords are slowed down without it",
            "client_allowed_sans",
                    "remove it, and give client_ca_file a CA that signs only for those who may read the metrics",
            "curve_preferences",
                    "remove it, and set the curves for the whole JVM: JAVA_TOOL_OPTIONS=-Djdk.tls.namedGroups=x25519,secp256r1");

    private static final Map<String, String> VERSIONS = Map.of("TLS12", "TLSv1.2", "TLS13", "TLSv1.3");
    private static final List<String> OLD_VERSIONS = List.of("TLS10", "TLS11");

    private static final Map<String, ClientCertificate> CLIENT = Map.of(
            "NoClientCert", ClientCertificate.NONE,
            "VerifyClientCertIfGiven", ClientCertificate.VERIFIED_IF_GIVEN,
            "RequireAndVerifyClientCert", ClientCertificate.REQUIRED);

    private final Path file;

    private WebConfigFile(Path file) {
        this.file = file;
    }

    /** @throws WebConfigException it cannot be read, or is wrong */
    static WebConfig read(Path file) {
        return parse(file, read(file, file, 0));
    }

    /** @param file for messages, and for relative paths: they begin at its folder */
    static WebConfig parse(Path file, String text) {
        return new WebConfigFile(file).config(text);
    }

    /**
     * The text of a file.
     *
     * @param config the configuration that names it, or is it
     * @param line of the configuration; 0: none
     */
    static String read(Path file, Path config, int line) {
        String name = line == 0 ? "" : file + ": ";
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new WebConfigException(config, line, name + "is not a regular file", null);
            }
            if (Files.size(file) > MOST_BYTES) {
                throw new WebConfigException(config, line, name + "is larger than 1 MiB", null);
            }
            String text = Files.readString(file);
            return text.startsWith("\ufeff") ? text.substring(1) : text;
        } catch (NoSuchFileException e) {
            throw new WebConfigException(
                    config,
                    line,
                    name + "no such file (ENOENT)",
                    line == 0 ? null : "a relative path begins at the folder of " + config.getFileName());
        } catch (AccessDeniedException e) {
            throw new WebConfigException(config, line, name + "permission denied (EACCES)", "see 'ls -l " + file + "'");
        } catch (CharacterCodingException e) {
            throw new WebConfigException(config, line, name + "is not UTF-8 text", null);
        } catch (IOException e) {
            throw new WebConfigException(config, line, name + e.getMessage(), null);
        }
    }

    private WebConfig config(String text) {
        Optional<Node> root;
        try {
            root = new Compose(LoadSettings.builder()
                            .setLabel(file.toString())
                            .setMaxAliasesForCollections(10)
                            // They are refused here, with their line.
                            .setAllowNonScalarKeys(true)
                            .build())
                    .composeString(text);
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(0);
            // The name of an alias may be a password that begins with a star.
            String problem = String.valueOf(e.getProblem()).replaceFirst("(?s)^(found undefined alias).*", "$1");
            throw new WebConfigException(file, line, "is not YAML: " + problem, null);
        } catch (YamlEngineException e) {
            throw new WebConfigException(file, 0, "is not YAML: " + e.getMessage(), null);
        } catch (StackOverflowError e) {
            throw new WebConfigException(file, 0, "is nested too deeply", null);
        }
        Section top = section(root.orElse(null), "the file", TOP);
        Section tls = section(top.get("tls_server_config"), "tls_server_config", TLS);
        return new WebConfig(
                tls(tls),
                headers(section(top.get("http_server_config"), "http_server_config", HTTP)),
                users(section(top.get("basic_auth_users"), "basic_auth_users", null)));
    }

    private Optional<Tls> tls(Section tls) {
        if (tls.isEmpty()) {
            return Optional.empty();
        }
        Pem certificate = pem(tls, "cert_file", "cert")
                .orElseThrow(() -> tls.wrong("cert_file is missing", "add 'cert_file: FILE', the chain in PEM"));
        Pem key = pem(tls, "key_file", "key")
                .orElseThrow(() -> tls.wrong("key_file is missing", "add 'key_file: FILE', the private key in PEM"));
        ClientCertificate client = client(tls);
        Optional<Pem> ca = pem(tls, "client_ca_file", "client_ca");
        if (client == ClientCertificate.NONE && ca.isPresent()) {
            throw new WebConfigException(
                    file,
                    ca.get().line(),
                    "client_ca_file does nothing without client_auth_type",
                    "add 'client_auth_type: RequireAndVerifyClientCert', or remove it");
        }
        if (client != ClientCertificate.NONE && ca.isEmpty()) {
            throw tls.wrong(
                    "client_auth_type",
                    "client_ca_file is missing",
                    "add 'client_ca_file: FILE', the CA of the clients in PEM");
        }
        return Optional.of(new Tls(
                certificate,
                key,
                client,
                ca,
                protocols(tls),
                tls.list("cipher_suites"),
                tls.line("cipher_suites"),
                tls.bool("prefer_server_cipher_suites", true)));
    }

    private ClientCertificate client(Section tls) {
        String type = tls.text("client_auth_type").orElse("NoClientCert");
        if (type.equals("RequestClientCert") || type.equals("RequireAnyClientCert")) {
            throw tls.wrong(
                    "client_auth_type",
                    "client_auth_type: " + type + " checks no certificate, so it keeps nobody out",
                    "write RequireAndVerifyClientCert, or NoClientCert");
        }
        return tls.choice("client_auth_type", type, CLIENT);
    }

    private static List<String> protocols(Section tls) {
        for (String key : List.of("min_version", "max_version")) {
            if (tls.text(key).filter(OLD_VERSIONS::contains).isPresent()) {
                throw tls.wrong(
                        key, key + ": " + tls.text(key).get() + " is broken and not offered", "write TLS12 or TLS13");
            }
        }
        String min = tls.choice("min_version", tls.text("min_version").orElse("TLS12"), VERSIONS);
        String max = tls.choice("max_version", tls.text("max_version").orElse("TLS13"), VERSIONS);
        if (min.compareTo(max) > 0) {
            throw tls.wrong("min_version", "min_version is above max_version", null);
        }
        return VERSIONS.values().stream()
                .filter(version -> version.compareTo(min) >= 0 && version.compareTo(max) <= 0)
                .sorted()
                .toList();
    }

    private Optional<Pem> pem(Section tls, String fileKey, String textKey) {
        Optional<String> path = tls.text(fileKey);
        Optional<String> text = tls.text(textKey);
        if (path.isPresent() && text.isPresent()) {
            throw tls.wrong(textKey, fileKey + " and " + textKey + " are both given", "remove one");
        }
        if (text.isPresent()) {
            return Optional.of(new Pem(file, tls.line(textKey), Optional.empty(), text.get()));
        }
        return path.map(p -> {
            try {
                return new Pem(file, tls.line(fileKey), Optional.of(file.resolveSibling(p)), "");
            } catch (InvalidPathException e) {
                throw tls.wrong(fileKey, fileKey + " is not a path", null);
            }
        });
    }

    private Map<String, String> headers(Section http) {
        http.bool("http2", true); // never spoken here, so that nobody gets less than was asked for
        Section headers = section(http.get("headers"), "headers", HEADERS.keySet());
        Map<String, String> values = new LinkedHashMap<>();
        for (String name : headers.names()) {
            Optional<String> value = headers.text(name);
            if (value.isEmpty()) {
                continue;
            }
            Set<String> allowed = HEADERS.get(name);
            if (!allowed.isEmpty() && !allowed.contains(value.get().toLowerCase(Locale.ROOT))) {
                throw headers.wrong(
                        name,
                        name + ": '" + value.get() + "' is not known",
                        "write " + String.join(" or ", allowed.stream().sorted().toList()));
            }
            if (!value.get().chars().allMatch(c -> c >= ' ' && c < 0x7f)) {
                throw headers.wrong(name, name + ": a header is one line of ASCII", null);
            }
            values.put(name, value.get());
        }
        return Map.copyOf(values);
    }

    private static Map<String, String> users(Section users) {
        Map<String, String> hashes = new LinkedHashMap<>();
        for (String name : users.names()) {
            String make = "make one with 'htpasswd -nBC 10 NAME'";
            if (name.isEmpty() || name.indexOf(':') >= 0) {
                // The name is not quoted: behind the colon may be the password.
                throw users.wrong(
                        name, "the name of a user is empty or has a colon", "write 'NAME: HASH', with a space");
            }
            // The value is not quoted: it may be the password itself.
            String hash = users.text(name).orElse("");
            Matcher bcrypt = BCRYPT.matcher(hash);
            if (!bcrypt.matches()) {
                throw users.wrong(name, "user '" + name + "' has no bcrypt hash", make);
            }
            int cost = Integer.parseInt(bcrypt.group(1));
            if (cost < 4 || cost > MOST_COST) {
                throw users.wrong(
                        name, "user '" + name + "': bcrypt's cost is " + cost + ", not 4 to " + MOST_COST, make);
            }
            hashes.put(name, hash);
        }
        return Map.copyOf(hashes);
    }

    /** @param known keys; null: any */
    private Section section(Node node, String name, Collection<String> known) {
        Section section = new Section(name, node == null ? 0 : line(node));
        if (node == null || isNull(node)) {
            return section;
        }
        if (!(node instanceof MappingNode mapping)) {
            throw new WebConfigException(file, line(node), name + " is not a list of keys and values", null);
        }
        for (NodeTuple entry : mapping.getValue()) {
            int line = line(entry.getKeyNode());
            if (!(entry.getKeyNode() instanceof ScalarNode scalar)) {
                throw new WebConfigException(file, line, "a key of " + name + " is not a word", null);
            }
            String key = scalar.getValue();
            if (known != null && !known.contains(key)) {
                String similar = Similar.to(key, known);
                throw new WebConfigException(
                        file,
                        line,
                        "unknown key '" + key + "' in " + name,
                        similar == null
                                ? "known are "
                                        + String.join(
                                                ", ", known.stream().sorted().toList())
                                : "did you mean '" + similar + "'?");
            }
            // Null is how the format spells "not set".
            if (known != null && REFUSED.containsKey(key) && !isNull(entry.getValueNode())) {
                throw new WebConfigException(file, line, key + " is not supported", REFUSED.get(key));
            }
            if (section.lines.putIfAbsent(key, line) != null) {
                throw new WebConfigException(file, line, "'" + key + "' is there twice in " + name, null);
            }
            section.values.put(key, entry.getValueNode());
        }
        return section;
    }

    private static boolean isNull(Node node) {
        return node.getTag().equals(Tag.NULL);
    }

    private static int line(Node node) {
        return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
    }

    /** A mapping of the file. */
    private final class Section {
        private final String name;
        private final int line;
        private final Map<String, Node> values = new LinkedHashMap<>();
        private final Map<String, Integer> lines = new LinkedHashMap<>();

        Section(String name, int line) {
            this.name = name;
            this.line = line;
        }

        boolean isEmpty() {
            return values.isEmpty();
        }

        Set<String> names() {
            return values.keySet();
        }

        /** null: it is not there */
        Node get(String key) {
            return values.get(key);
        }

        int line(String key) {
            return lines.getOrDefault(key, line);
        }

        /** A mistake in the section as a whole. */
        WebConfigException wrong(String problem, String next) {
            return new WebConfigException(file, line, name + ": " + problem, next);
        }

        WebConfigException wrong(String key, String problem, String next) {
            return new WebConfigException(file, line(key), problem, next);
        }

        /** Empty if it is not there, null or "". */
        Optional<String> text(String key) {
            Node node = values.get(key);
            if (node == null || isNull(node)) {
                return Optional.empty();
            }
            if (!(node instanceof ScalarNode scalar)) {
                throw wrong(key, "'" + key + "' takes one value", null);
            }
            return Optional.of(scalar.getValue()).filter(value -> !value.isEmpty());
        }

        boolean bool(String key, boolean ifAbsent) {
            return text(key)
                    .map(value -> choice(key, value.toLowerCase(Locale.ROOT), Map.of("true", true, "false", false)))
                    .orElse(ifAbsent);
        }

        <T> T choice(String key, String value, Map<String, T> known) {
            T chosen = known.get(value);
            if (chosen == null) {
                List<String> words = known.keySet().stream().sorted().toList();
                throw wrong(
                        key,
                        key + ": '" + value + "' is not known",
                        Similar.didYouMean(value, words) + "write " + String.join(" or ", words));
            }
            return chosen;
        }

        List<String> list(String key) {
            Node node = values.get(key);
            if (node == null || isNull(node)) {
                return List.of();
            }
            if (!(node instanceof SequenceNode sequence)) {
                throw wrong(key, "'" + key + "' takes a list", "write '" + key + ": [A, B]'");
            }
            List<String> items = new ArrayList<>();
            for (Node item : sequence.getValue()) {
                if (!(item instanceof ScalarNode scalar)) {
                    throw new WebConfigException(file, WebConfigFile.line(item), "'" + key + "' takes words", null);
                }
                items.add(scalar.getValue());
            }
            return List.copyOf(items);
        }
    }
}
