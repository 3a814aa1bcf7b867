/** Why a provider could not be reached, in words that name no address: an error's own message may. */
import { errorRow } from "@headgate/sdk/contract";

export function tellUnreachable(error: Error): string {
  const reason = REASONS.find(([codes]) => codes.test(codeOf(error)))?.[1];
  const { text } = errorRow("upstream.unreachable");
  return reason === undefined ? text : `${text} ${reason}`;
}

/** Of several addresses that were tried, the first counts. */
function codeOf(error: Error): string {
  if ("code" in error && typeof error.code === "string") return error.code;
  const [first] = error instanceof AggregateError ? error.errors : [error.cause];
  return first instanceof Error ? codeOf(first) : "";
}

const REASONS: readonly (readonly [codes: RegExp, reason: string])[] = [
  [/^ENOTFOUND$|^ENODATA$/, "Its host name is not known: check the base URL of the provider."],
  [/^EAI_/, "Its host name could not be looked up."],
  [/^ECONNREFUSED$/, "It refuses connections: check the port in the base URL of the provider."],
  [/^CERT_HAS_EXPIRED$|^CERT_NOT_YET_VALID$/, "The certificate that it shows is not valid at this time."],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "The certificate that it shows is for another host name."],
  [
    /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|PATH_LENGTH_|HOSTNAME_MISMATCH)/,
    "The certificate that it shows is not trusted.",
  ],
  [
    /^(EPROTO$|ERR_SSL_|ERR_TLS_)/,
    "No TLS connection could be made: check the scheme and the port in the base URL of the provider.",
  ],
  [/^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|ENETDOWN)$/, "There is no way through the network to it."],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, "It closed the connection before it had answered."],
];
