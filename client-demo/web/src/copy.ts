// An invitation for the clipboard.

import { notice } from "./notice";

/** Copies a link, or shows it where copying is not allowed. */
export async function copyLink(link: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(link);
    notice("Link copied.");
  } catch {
    notice(`Copying is not allowed here. The link: ${link}`);
  }
}
