// The network of this process's own namespace: UDP can be cut there, as on a train that enters a
// tunnel, while TCP goes on.
// Only packets that arrive are dropped: dropped as they leave, their sender would hear of it.
// Source: reference measurements, "How to make P2P fail"; nft(8).

import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);
const TABLE = "parlor_test";

const nft = (...words) => run("nft", words);

/** True if nothing but this namespace's loopback is there: nobody else's network is touched. */
export const isOurOwn = () => Object.keys(networkInterfaces()).every((name) => name === "lo");

/** Ready to be cut. */
export async function begin() {
  if (!isOurOwn()) throw new Error("run this in a network namespace of its own: tests/run.py links");
  await nft("add", "table", "inet", TABLE);
  await nft("add", "chain", "inet", TABLE, "input", "{ type filter hook input priority 0 ; }");
}

/** From now on no UDP arrives. */
export const cutUdp = () =>
  nft("add", "rule", "inet", TABLE, "input", "meta", "l4proto", "udp", "drop");

/** From now on so many of a hundred UDP packets do not arrive. */
export const loseUdp = (percent) =>
  nft(
    ...["add", "rule", "inet", TABLE, "input", "meta", "l4proto", "udp"],
    ...["numgen", "random", "mod", "100", "<", `${percent}`, "drop"],
  );

/** Everything arrives again. */
export const restoreUdp = () => nft("flush", "chain", "inet", TABLE, "input");
