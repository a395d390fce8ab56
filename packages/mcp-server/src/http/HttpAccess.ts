/**
 * Who may use the server over HTTP: clients with the token, and no web page of another site. Pure.
 */

export interface Access {
  /** The address that the server listens on, as it was configured. */
  readonly host: string
  readonly token: string | undefined
}

export interface Headers {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly authorization: string | undefined
}

export interface Refusal {
  readonly status: 401 | 403
  readonly message: string
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)

export const refusal = (access: Access, headers: Headers): Refusal | undefined =>
  foreign(access, headers) ??
  (access.token !== undefined && !isSame(bearerOf(headers.authorization), access.token)
    ? { status: 401, message: "A bearer token is required." }
    : undefined)

/**
 * A page of another site reaches a loopback server by a name that resolves to it (DNS rebinding): then Host or Origin
 * has that name.
 */
export const foreign = (access: Access, headers: Pick<Headers, "host" | "origin">): Refusal | undefined => {
  const host = hostOf(`http://${headers.host ?? ""}`)
  if (host === undefined || !isKnown(access, host)) {
    return { status: 403, message: `Host "${headers.host ?? ""}" is not this server.` }
  }
  if (headers.origin !== undefined) {
    const origin = hostOf(headers.origin)
    if (origin === undefined || !isKnown(access, origin)) {
      return { status: 403, message: `Origin "${headers.origin}" may not use this server.` }
    }
  }
  return undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const everywhere = new Set(["0.0.0.0", "::", "[::]"])

/** With a token, a server that listens on all addresses accepts any name. */
const isKnown = (access: Access, host: string): boolean =>
  isLoopback(host) || host === access.host || (access.token !== undefined && everywhere.has(access.host))

const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).hostname : undefined)

/** Schemes are case-insensitive, and followed by one or more spaces (RFC 9110). */
const bearerOf = (authorization = ""): string => /^bearer +(.*)$/is.exec(authorization)?.[1]?.trimEnd() ?? ""

/** Compares in constant time. */
export const isSame = (given: string, wanted: string): boolean => {
  let difference = given.length ^ wanted.length
  for (let at = 0; at < wanted.length; at++) difference |= (given.charCodeAt(at) || 0) ^ wanted.charCodeAt(at)
  return difference === 0
}
