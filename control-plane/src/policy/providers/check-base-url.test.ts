import { expect, test } from "vitest";
import { networksOf } from "../../lib/network.ts";
import { checkBaseUrl } from "./check-base-url.ts";

test.for([
  ["https://api.openai.com/v1/", [], "https://api.openai.com/v1"],
  ["https://API.example.com:8443", [], "https://api.example.com:8443"],
  ["https://8.8.8.8/v1", [], "https://8.8.8.8/v1"],
  ["http://127.0.0.1:9000/v1", ["127.0.0.0/8"], "http://127.0.0.1:9000/v1"],
  ["http://localhost:9000", ["127.0.0.1/32"], "http://localhost:9000"],
  ["http://[::1]:9000", ["::1/128"], "http://[::1]:9000"],
  ["https://10.1.2.3", ["10.0.0.0/8"], "https://10.1.2.3"],
] as const)("%s with %s is stored as %s", ([url, cidrs, stored]) => {
  expect(checkBaseUrl(url, networksOf(cidrs))).toBe(stored);
});

test.for([
  ["http://api.openai.com/v1", []],
  ["http://8.8.8.8", []],
  ["https://127.0.0.1", []],
  ["https://0x7f.1", []],
  ["https://2130706433", []],
  ["https://localhost", []],
  ["https://a.localhost.", []],
  ["https://169.254.169.254/latest", []],
  ["http://169.254.169.254/latest", ["0.0.0.0/0"]],
  ["http://[::ffff:169.254.169.254]", ["0.0.0.0/0", "::/0"]],
  ["http://[fd00:ec2::254]", ["fd00::/8"]],
  ["https://10.0.0.1", ["192.168.0.0/16"]],
  ["https://[::1]", []],
  ["https://[::ffff:127.0.0.1]", []],
  ["https://[::ffff:a00:1]", []],
  ["https://[fe80::1]", []],
  ["https://[fd00::1]", []],
  ["https://[64:ff9b::7f00:1]", []],
  ["https://0.0.0.0", []],
  ["https://user:secret@api.example.com", []],
  ["https://api.example.com/v1?key=1", []],
  ["https://api.example.com/v1#x", []],
  ["ftp://api.example.com", []],
  ["not a url", []],
] as const)("%s with %s is refused", ([url, cidrs]) => {
  expect(() => checkBaseUrl(url, networksOf(cidrs))).toThrow(
    expect.objectContaining({ code: "api.invalid_input", parameter: "base_url" }),
  );
});
