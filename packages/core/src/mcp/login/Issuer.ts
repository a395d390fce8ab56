/** Whether a login service is the one that a server names (RFC 8414, section 3.3). */
import type { OAuthServerInfo } from "@modelcontextprotocol/sdk/client/auth.js"
import * as Data from "effect/Data"

/** The metadata at the address of `named` say that they are of `found`. */
export class OtherIssuer extends Data.TaggedError("OtherIssuer")<{ readonly named: string; readonly found: string }> {
  override get message() {
    return `its metadata are of ${this.found.slice(0, 200)}, and the server names ${this.named.slice(0, 200)}`
  }
}

/**
 * What the metadata call themselves, where that is not what the server names. Undefined when all is well, and where the
 * server names nobody (as before 2025-06-18): then the metadata come from the server itself, and some name their
 * login service in them.
 */
export const otherThanNamed = (info: OAuthServerInfo): string | undefined => {
  const issuer = info.authorizationServerMetadata?.issuer
  const named = info.resourceMetadata?.authorization_servers?.[0]
  if (issuer === undefined || named === undefined) return undefined
  return same(issuer, named) ? undefined : issuer
}

/**
 * The server's address as its metadata write it, if they differ in nothing but a slash at the end: the SDK takes the two
 * for two resources.
 */
export const addressOf = (url: string, { resourceMetadata }: OAuthServerInfo): string => {
  const resource = resourceMetadata?.resource
  return resource !== undefined && resource.endsWith("/") && bare(resource) === bare(url) ? resource : url
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Libraries add a slash to an address without a path, which is the same address. */
const same = (a: string, b: string) => bare(a) === bare(b)

const bare = (address: string) => (URL.canParse(address) ? new URL(address).href : address).replace(/\/$/, "")
