// What operators see of peers on /metrics.

import { figures, grown } from "../figures.mjs";
import { check, group } from "../harness.mjs";
import { KIND, RECORDED, frame, party } from "./peer.mjs";

const { offer, answer, offerer } = RECORDED.first;
const DIRECT = { path: "direct", switched: "probed", via: "srflx" };
const RELAYED = { path: "relay", switched: "silent" };

group("metrics", () => {
  check("links, their results, what is refused and what is relayed is counted", async (t) => {
    const before = await figures();
    const [one, two, three] = await party(t, 3);
    await two.describe(one, 0, offer);
    await two.candidate(one, 0, offerer[0]);
    await one.describe(two, 0, answer);
    await one.refused("E_STATE", "signal", one.to(two, 0, { description: answer }));
    const stale = { ...offerer[0], usernameFragment: "other" };
    await two.refused("E_STALE", "signal", two.to(one, 0, { candidate: stale }));
    await two.refused("E_NOT_FOUND", "close", { link: 99 });
    for (const [from, to] of [[one, two], [two, one]]) {
      await from.accepted("report", { links: [{ link: from.link(to).link, ...DIRECT }] });
    }
    const payload = "x".repeat(88);
    for (const seq of [0, 1, 2]) two.send("reliable", one, frame(KIND.reliable, seq, { payload }));
    two.send("volatile", one, frame(KIND.volatile, 1, { payload }));
    await one.frames("reliable", 3);
    await grown(before, {
      parlor_peers: 3,
      parlor_links: 3,
      parlor_links_direct: 1,
      parlor_links_opened_total: 3,
      'parlor_links_by_result_total{result="srflx"}': 1,
      parlor_link_time_to_direct_seconds_count: 1,
      'parlor_link_switches_total{to="direct",reason="probed"}': 2,
      parlor_signals_total: 3,
      'parlor_signals_rejected_total{code="E_STATE"}': 1,
      'parlor_signals_rejected_total{code="E_STALE"}': 1,
      'parlor_signals_rejected_total{code="E_NOT_FOUND"}': 1,
      'parlor_relay_frames_total{class="reliable"}': 3,
      'parlor_relay_bytes_total{class="reliable"}': 300,
      'parlor_relay_frames_total{class="volatile"}': 1,
      'parlor_relay_bytes_total{class="volatile"}': 100,
    });
    await two.accepted("report", { links: [{ link: two.link(one).link, ...RELAYED }] });
    await three.accepted("leave");
    one.send("reliable", two, frame(KIND.reliable, 0));
    two.send("reliable", three, frame(KIND.reliable, 0));
    await grown(before, {
      parlor_peers: 2,
      parlor_links: 1,
      parlor_links_direct: 0,
      'parlor_links_by_result_total{result="srflx"}': 1,
      'parlor_links_by_result_total{result="relay"}': 2,
      'parlor_link_switches_total{to="relay",reason="silent"}': 1,
      'parlor_relay_dropped_total{cause="no_link"}': 1,
    });
  });
});
