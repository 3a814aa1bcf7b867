import { expect, test } from "vitest";
import { parseLdd } from "./native-files.ts";

test("libraries and the loader are named by their paths, and what the kernel supplies is left out", () => {
  const output = [
    "\tlinux-vdso.so.1 (0x00007fb0846b3000)",
    "\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fb084320000)",
    "\t/lib64/ld-linux-x86-64.so.2 (0x00007fb0846b5000)",
    "",
  ].join("\n");
  expect(parseLdd(output)).toEqual(["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]);
});

test("a program without shared libraries has none", () => {
  expect(parseLdd("\tstatically linked\n")).toEqual([]);
});

test("a missing library is an error that names it", () => {
  expect(() => parseLdd("\tliblua5.1.so.0 => not found\n")).toThrow("liblua5.1.so.0");
});
