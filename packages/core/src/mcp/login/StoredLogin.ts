/** The stored login to one remote MCP server, as in its file. Secrets are redacted as soon as they are read. */
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"

const Secret = Schema.Redacted(Schema.String)

/** lms-bridge as a client of the login service: registered automatically, or by the user and named in the entry. */
export const ClientRegistration = Schema.Struct({
  id: Schema.String,
  secret: optional(Secret),
  /** The registered way to send its secret. */
  authMethod: optional(Schema.String)
})
export type ClientRegistration = typeof ClientRegistration.Type

export const Tokens = Schema.Struct({
  access: Secret,
  refresh: optional(Secret),
  /** Scopes separated by spaces, as granted; absent when the service did not say. */
  scope: optional(Schema.String),
  /** Epoch milliseconds; absent when the service did not say. */
  expiresAt: optional(Schema.Number)
})
export type Tokens = typeof Tokens.Type

/** The service that issued the tokens, and its endpoints for renewal and revocation, as discovered at the login. */
export const Authority = Schema.Struct({
  issuer: Schema.String,
  /** Absent when the service has no metadata, as before 2025-06-18; then it has the default endpoints. */
  endpoints: optional(
    Schema.Struct({
      authorization: Schema.String,
      token: Schema.String,
      revocation: optional(Schema.String),
      authMethods: optional(Schema.Array(Schema.String))
    })
  ),
  /** Identifies the MCP server in token requests (RFC 8707). */
  resource: optional(Schema.String)
})
export type Authority = typeof Authority.Type

/** The server's refusal of a request: the rights that it requires, and where it says who grants them. */
export const Challenge = Schema.Struct({
  scope: optional(Schema.String),
  metadata: optional(Schema.String)
})
export type Challenge = typeof Challenge.Type

/**
 * What only a person can provide: a first login, a new one, one with more rights, or an entry with another client.
 * `refused`: the server refuses a login that has all rights that it asks for, so that another one changes nothing.
 */
export const Lack = Schema.Literal("login", "renewal", "rights", "client", "refused")
export type Lack = typeof Lack.Type

export const StoredLogin = Schema.Struct({
  version: Schema.Literal(1),
  server: Schema.String,
  /** A login is valid for this address only. */
  url: Secret,
  client: optional(ClientRegistration),
  tokens: optional(Tokens),
  authority: optional(Authority),
  lacks: optional(Lack),
  challenge: optional(Challenge)
})
export type StoredLogin = typeof StoredLogin.Type

/** The secrets in it, for redaction. */
export const secretsOf = ({ client, tokens }: StoredLogin): ReadonlyArray<Redacted.Redacted> =>
  [client?.secret, tokens?.access, tokens?.refresh].filter((secret) => secret !== undefined)

/** Whether `granted` has each of the scopes in `asked`; false where nothing is asked for by name. */
export const covers = (granted: string | undefined, asked: string | undefined): boolean => {
  const has = new Set(granted?.split(" "))
  const words = asked?.split(" ").filter((word) => word !== "") ?? []
  return words.length > 0 && words.every((word) => has.has(word))
}

/** All scopes, each once; undefined when there are none. */
export const union = (...scopes: ReadonlyArray<string | undefined>): string | undefined => {
  const words = new Set(scopes.flatMap((scope) => scope?.split(" ") ?? []).filter((word) => word !== ""))
  return words.size === 0 ? undefined : [...words].join(" ")
}
