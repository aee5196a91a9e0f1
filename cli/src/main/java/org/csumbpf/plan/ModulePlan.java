// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.Preflight;

/**
 * What happens to the modules that make the kernel decrypt before tc. They are loaded if that harms nobody, and
 * unloaded if they have become harmful. Decided from the arguments alone.
 *
 * @param steps in order
 * @param findings which wanted modules are missing after the steps, and why
 */
record ModulePlan(List<Step> steps, List<Finding> findings) {
    ModulePlan {
        steps = List.copyOf(steps);
        findings = List.copyOf(findings);
    }

    /**
     * A module and its state.
     *
     * @param recorded the attachment's record says that attach loaded it
     */
    record Module(String name, KernelModule.State state, boolean recorded) {
        boolean isThere() {
            return state == KernelModule.State.LOADED || state == KernelModule.State.BUILT_IN;
        }
    }

    /**
     * @param esp4 for ESP over IPv4; always wanted
     * @param esp6 for ESP over IPv6
     * @param ipv6 whether there is ESP over IPv6, so that esp6 is wanted
     * @param harm what the modules would break on this host, or break already, in words; empty: no harm is known
     * @param required passed on to the steps that load a module
     */
    static ModulePlan of(Module esp4, Module esp6, boolean ipv6, Optional<String> harm, boolean required) {
        List<Step> steps = new ArrayList<>();
        List<Finding> findings = new ArrayList<>();
        for (Module module : List.of(esp4, esp6)) {
            boolean wanted = module == esp4 || ipv6;
            boolean ours = module.recorded() && module.state() == KernelModule.State.LOADED;
            if (harm.isEmpty()) {
                if (wanted && !module.isThere()) {
                    steps.add(new Step.LoadModule(module.name(), required));
                }
                continue;
            }
            if (ours) {
                steps.add(new Step.UnloadModule(module.name()));
            } else if (module.recorded() && !module.isThere()) {
                steps.add(new Step.ForgetModule(module.name()));
            }
            if (wanted && (ours || !module.isThere())) {
                findings.add(Preflight.harmful(module.name(), harm.get()));
            }
        }
        return new ModulePlan(steps, findings);
    }
}
