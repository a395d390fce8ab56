/**
 * What is kept of a login to one remote MCP server, as it stands in its file. Whatever is secret is redacted from the
 * moment it is read.
 */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"

const Secret = Schema.Redacted(Schema.String)

/** lms-bridge as the login service knows it: registered by itself, or by the user and named in the entry. */
export const ClientRegistration = Schema.Struct({
  id: Schema.String,
  secret: optional(Secret),
  /** How it shows its secret, as registered. */
  authMethod: optional(Schema.String)
})
export type ClientRegistration = typeof ClientRegistration.Type

export const Tokens = Schema.Struct({
  access: Secret,
  refresh: optional(Secret),
  /** Words with spaces between them, as granted; absent when the service did not say. */
  scope: optional(Schema.String),
  /** Milliseconds since 1970; absent when the service did not say. */
  expiresAt: optional(Schema.Number)
})
export type Tokens = typeof Tokens.Type

/** The service that issued the tokens, and where it renews and revokes them: what was discovered at the login. */
export const Authority = Schema.Struct({
  issuer: Schema.String,
  /** Absent when the service has no metadata, as before 2025-06-18; its addresses are the usual ones then. */
  endpoints: optional(
    Schema.Struct({
      authorization: Schema.String,
      token: Schema.String,
      revocation: optional(Schema.String),
      authMethods: optional(Schema.Array(Schema.String))
    })
  ),
  /** Names the MCP server in requests for tokens (RFC 8707). */
  resource: optional(Schema.String)
})
export type Authority = typeof Authority.Type

/** What the server said when it refused a request: the rights it asks for, and where it says who grants them. */
export const Challenge = Schema.Struct({
  scope: optional(Schema.String),
  metadata: optional(Schema.String)
})
export type Challenge = typeof Challenge.Type

/** What only a person can give: a first login, a new one, one with more rights, or an entry with another client. */
export const Lack = Schema.Literal("login", "renewal", "rights", "client")
export type Lack = typeof Lack.Type

export const StoredLogin = Schema.Struct({
  version: Schema.Literal(1),
  server: Schema.String,
  /** A login is for this address and no other. */
  url: Secret,
  client: optional(ClientRegistration),
  tokens: optional(Tokens),
  authority: optional(Authority),
  lacks: optional(Lack),
  challenge: optional(Challenge)
})
export type StoredLogin = typeof StoredLogin.Type

/** The secrets in it, for keeping them out of texts. */
export const secretsOf = ({ client, tokens }: StoredLogin): ReadonlyArray<Redacted.Redacted> =>
  [client?.secret, tokens?.access, tokens?.refresh].filter((secret) => secret !== undefined)

/** All words of the scopes, each once; undefined when there are none. */
export const union = (...scopes: ReadonlyArray<string | undefined>): string | undefined => {
  const words = new Set(scopes.flatMap((scope) => scope?.split(" ") ?? []).filter((word) => word !== ""))
  return words.size === 0 ? undefined : [...words].join(" ")
}
