import { copyFile, stat, truncate } from "node:fs/promises";

/** Moves a full log aside, over the one before. The writer appends, so it goes on at the start of the emptied file. */
export async function rotateLog(path: string, bytesMax: number): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size <= bytesMax) return;
  await copyFile(path, `${path}.1`);
  await truncate(path);
}
