// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;

/** Reads the state of an attachment's backstop. */
public final class BackstopReader {
    private BackstopReader() {}

    /**
     * The state now, for status. Reads only.
     *
     * @param wanted what the user asked for
     * @param recorded whether the record says that attach set it up
     * @param plans what the device and its rules need now; computed only if it matters
     */
    public static BackstopView read(
            PinDirectory pins,
            NetDevice device,
            Backstop wanted,
            boolean recorded,
            RuleSet rules,
            Supplier<NftPlans> plans) {
        if (wanted == Backstop.NEVER || !rules.needsProof()) {
            return BackstopView.without(wanted, BackstopView.State.OFF, "not wanted");
        }
        if (!recorded) {
            return BackstopView.without(
                    wanted,
                    BackstopView.State.UNAVAILABLE,
                    "nftables did not work when attach ran; 'csumbpf restore' says why");
        }
        try {
            NftTables nftables = NftTables.here();
            NftPlans planned = plans.get();
            List<NftTable> tables = new ArrayList<>();
            List<String> lost = new ArrayList<>();
            for (NftPlan.Family family : NftPlan.Family.values()) {
                String name = "the nftables table " + family.label() + " " + NftPlan.TABLE;
                Optional<NftTable> table = nftables.table(family).filter(NftTable::ours);
                table.ifPresent(tables::add);
                NftPlan plan = planned.byFamily().get(family);
                if (plan != null && table.isEmpty()) {
                    lost.add(name + " is gone");
                } else if (plan != null && table.get().dormant()) {
                    lost.add(name + " is dormant");
                } else if (plan != null && !table.get().fulfils(plan)) {
                    lost.add(name + " does not match this device and its rules");
                }
            }
            if (planned.needsLoopback()
                    && LiveHook.find(AttachPoint.loopback(pins)).isEmpty()) {
                lost.add(CsumbpfObject.LOOPBACK + " is not attached to lo");
            }
            planned.uncovered().ifPresent(lost::add);
            return BackstopView.of(
                    wanted,
                    lost.isEmpty() ? BackstopView.State.ON : BackstopView.State.LOST,
                    lost.isEmpty()
                            ? planned.byFamily().containsKey(NftPlan.Family.IP6) ? "IPv4 and IPv6" : "IPv4"
                            : String.join("; ", lost),
                    device.ifindex(),
                    tables);
        } catch (NftablesException e) {
            return BackstopView.without(wanted, BackstopView.State.UNAVAILABLE, e.getMessage());
        }
    }
}
