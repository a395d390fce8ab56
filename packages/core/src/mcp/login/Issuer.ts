/** Whether a login service is the one that a server names (RFC 8414, section 3.3). */
import type { OAuthServerInfo } from "@modelcontextprotocol/client"
import * as Data from "effect/Data"

/** The metadata at the address of `named` have the issuer `found`. */
export class OtherIssuer extends Data.TaggedError("OtherIssuer")<{ readonly named: string; readonly found: string }> {
  override get message() {
    return `its metadata belong to ${this.found.slice(0, 200)}, but the server names ${this.named.slice(0, 200)}`
  }
}

/** The SDK would refuse what `otherThanNamed` accepts. */
export const checkedHere = { skipIssuerMetadataValidation: true } as const

/**
 * The issuer in the metadata, if it is not the one that the server names. Undefined if it is, or if the server names
 * none (as before 2025-06-18): then the metadata come from the server itself, and some of them name their login
 * service.
 */
export const otherThanNamed = (info: OAuthServerInfo): string | undefined => {
  const issuer = info.authorizationServerMetadata?.issuer
  const named = info.resourceMetadata?.authorization_servers?.[0]
  if (issuer === undefined || named === undefined) return undefined
  return same(issuer, named) ? undefined : issuer
}

/**
 * The server's address as its metadata write it, if the two differ only in a trailing slash: the SDK would treat them
 * as two resources.
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
