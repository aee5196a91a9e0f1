// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;

/** All that a user can configure of the agent. Each value knows where it comes from. Immutable. */
public final class AgentConfig {
    private static final Origin DEFAULT = new Origin.Default();
    /** Nobody configured anything. */
    public static final AgentConfig DEFAULTS = new AgentConfig(Map.of(), List.of());

    private static final String CONFLICT =
            ": 'unverified: true' and 'plaintext: drop' exclude each other; one repairs plaintext, the other drops it";

    /** Those that are not default. */
    private final Map<Key<?>, Setting<?>> settings;

    private final List<RuleSettings> rules;

    AgentConfig(Map<Key<?>, Setting<?>> settings, List<RuleSettings> rules) {
        this.settings = new LinkedHashMap<>(settings);
        this.rules = List.copyOf(rules);
    }

    public <T> T get(Key<T> key) {
        return setting(key).value();
    }

    public <T> Setting<T> setting(Key<T> key) {
        return setting(settings, key, new Setting<>(key.defaultValue(), DEFAULT));
    }

    /** The same with another value. */
    public <T> AgentConfig with(Key<T> key, T value, Origin origin) {
        Map<Key<?>, Setting<?>> changed = new LinkedHashMap<>(settings);
        changed.put(key, new Setting<>(value, origin));
        return new AgentConfig(changed, rules);
    }

    /** The same, with the setting of another one. */
    public <T> AgentConfig with(Key<T> key, AgentConfig other) {
        Setting<T> setting = other.setting(key);
        return with(key, setting.value(), setting.origin());
    }

    /** Rules besides the default, in the order of the file. */
    public List<RuleSettings> rules() {
        return rules;
    }

    /** Whether both have the same rules besides the default, wherever they come from. */
    public boolean hasRulesOf(AgentConfig other) {
        return effects().equals(other.effects());
    }

    private Map<String, Rule> effects() {
        Map<String, Rule> effects = new LinkedHashMap<>();
        rules.forEach(rule -> effects.put(rule.name(), rule(rule)));
        return effects;
    }

    /** The rule for what no other rule is for. */
    public Rule defaultRule() {
        return rule(Map.of());
    }

    /** With the default's values where it has none of its own. */
    public Rule rule(RuleSettings of) {
        return rule(of.settings());
    }

    private Rule rule(Map<Key<?>, Setting<?>> own) {
        Mode mode = value(own, Key.MODE);
        return new Rule(
                mode,
                value(own, Key.PLAINTEXT) == Key.Plaintext.DROP,
                value(own, Key.UNVERIFIED),
                mode == Mode.ADJUST ? value(own, Key.VERIFY) : 0);
    }

    private <T> T value(Map<Key<?>, Setting<?>> own, Key<T> key) {
        return setting(own, key, setting(key)).value();
    }

    @SuppressWarnings("unchecked") // with() and ConfigFile put no other types there
    private static <T> Setting<T> setting(Map<Key<?>, Setting<?>> of, Key<T> key, Setting<T> otherwise) {
        return (Setting<T>) of.getOrDefault(key, otherwise);
    }

    /** Values that exclude one another. */
    List<ConfigProblem> conflicts() {
        List<ConfigProblem> problems = new ArrayList<>();
        if (exclude(Map.of())) {
            Origin unverified = setting(Key.UNVERIFIED).origin();
            problems.add(new ConfigProblem(unverified, Key.DEFAULT_RULE + CONFLICT));
        }
        for (RuleSettings rule : rules) {
            boolean own = rule.settings().containsKey(Key.PLAINTEXT)
                    || rule.settings().containsKey(Key.UNVERIFIED);
            if (own && exclude(rule.settings())) {
                problems.add(new ConfigProblem(rule.origin(), rule.name() + CONFLICT));
            }
        }
        return problems;
    }

    private boolean exclude(Map<Key<?>, Setting<?>> own) {
        return value(own, Key.PLAINTEXT) == Key.Plaintext.DROP && value(own, Key.UNVERIFIED);
    }
}
