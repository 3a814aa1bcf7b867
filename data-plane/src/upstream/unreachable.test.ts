import { expect, test } from "vitest";
import { tellUnreachable } from "./unreachable.ts";

const failed = (code: string) =>
  Object.assign(new Error(`connect ${code} 10.9.8.7:443 internal-host`), { code });

test.each([
  ["ENOTFOUND", "Its host name is not known: check the base URL of the provider."],
  ["EAI_AGAIN", "Its host name could not be looked up."],
  ["ECONNREFUSED", "It refuses connections: check the port in the base URL of the provider."],
  ["CERT_HAS_EXPIRED", "The certificate that it shows is not valid at this time."],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "The certificate that it shows is for another host name."],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "The certificate that it shows is not trusted."],
  ["SELF_SIGNED_CERT_IN_CHAIN", "The certificate that it shows is not trusted."],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "The certificate that it shows is not trusted."],
  ["CERT_REVOKED", "The certificate that it shows is not trusted."],
  [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "No TLS connection could be made: check the scheme and the port in the base URL of the provider.",
  ],
  [
    "EPROTO",
    "No TLS connection could be made: check the scheme and the port in the base URL of the provider.",
  ],
  ["EHOSTUNREACH", "There is no way through the network to it."],
  ["ECONNRESET", "It closed the connection before it had answered."],
  ["UND_ERR_SOCKET", "It closed the connection before it had answered."],
])("%s is told in words, without an address", (code, reason) => {
  const expected = `The provider could not be reached. ${reason}`;
  expect(tellUnreachable(failed(code))).toBe(expected);
  expect(tellUnreachable(new Error("outer", { cause: failed(code) }))).toBe(expected);
  expect(tellUnreachable(new AggregateError([failed(code), failed("ELSE")]))).toBe(expected);
});

test.each([new Error("10.9.8.7"), failed("EWHATEVER"), Object.assign(new Error("x"), { code: 7 })])(
  "of an error that is not known nothing but its being there is told: %s",
  (error) => {
    expect(tellUnreachable(error)).toBe("The provider could not be reached.");
  },
);
