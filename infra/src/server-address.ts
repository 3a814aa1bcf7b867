/** Host and port of the server that an http or https URL names; `URL` itself keeps no port that is the scheme's own. */
export function serverAddress(url: string): { readonly hostname: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { hostname, port: Number(port) || (protocol === "https:" ? 443 : 80) };
}

/** `host:port`, which is all that gRPC can be told of a server: it knows no scheme, and so no port by default. */
export function grpcTarget(url: string): string {
  const { hostname, port } = serverAddress(url);
  return `${hostname}:${port}`;
}
