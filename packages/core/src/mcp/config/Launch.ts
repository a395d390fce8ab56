import type * as Redacted from "effect/Redacted"

/** Up to 2025-11-25 a connection begins with `initialize`; since 2026-07-28 with `server/discover`. */
export type Era = "legacy" | "modern"

/** How a server is reached. Values that may be secrets are redacted from here on. */
export type Launch =
  | {
      readonly _tag: "Stdio"
      readonly command: string
      readonly args: ReadonlyArray<string>
      readonly env: Readonly<Record<string, Redacted.Redacted>>
      readonly cwd: string | undefined
    }
  | {
      readonly _tag: "Http"
      readonly url: Redacted.Redacted
      readonly headers: Readonly<Record<string, Redacted.Redacted>>
      /** `sse`: only the older transport. `http`: only Streamable HTTP. `any`: `http` first, then `sse`. */
      readonly kind: "http" | "sse" | "any"
      readonly oauth: OAuthSettings
    }

/** The `oauth` settings of an entry, for login services where lms-bridge cannot register itself. */
export interface OAuthSettings {
  readonly clientId: string | undefined
  readonly clientSecret: Redacted.Redacted | undefined
  /** Scopes separated by spaces; undefined: those that the server requests. */
  readonly scope: string | undefined
  /** The port to which the browser returns; undefined: any free port. */
  readonly callbackPort: number | undefined
  /** The host name to which the browser returns; the other one is used only if this one is refused. */
  readonly callbackHost?: "127.0.0.1" | "localhost" | undefined
  /** `client_credentials`: the client logs in with its own secret, and nobody is asked. */
  readonly grant: "authorization_code" | "client_credentials"
}

/** A remote MCP server, as far as logins are concerned. */
export interface RemoteServer {
  readonly name: string
  readonly url: Redacted.Redacted
  readonly oauth: OAuthSettings
}

/** Undefined for a server without a login: a program, or an entry with its own `Authorization` header. */
export const remoteServer = (name: string, launch: Launch): RemoteServer | undefined =>
  launch._tag === "Stdio" || hasHeader(launch) ? undefined : { name, url: launch.url, oauth: launch.oauth }

/** Whether the entry has a token of its own, which takes precedence over any login. */
const hasHeader = ({ headers }: Extract<Launch, { readonly _tag: "Http" }>): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "authorization")
