/** How a server is reached, with values that may be secrets redacted. */
import type * as Redacted from "effect/Redacted"

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
      /** `sse`: the older transport only. `http`: Streamable HTTP only. `any`: the second when the first fails. */
      readonly kind: "http" | "sse" | "any"
      readonly oauth: OAuthSettings
    }

/** What an entry says under `oauth`, for login services where lms-bridge cannot register itself. */
export interface OAuthSettings {
  readonly clientId: string | undefined
  readonly clientSecret: Redacted.Redacted | undefined
  /** Words with spaces between them; the server's own wish when undefined. */
  readonly scope: string | undefined
  /** Where the browser comes back to; any free port when undefined. */
  readonly callbackPort: number | undefined
  /** By which name of this machine; the other one only where this one is refused. */
  readonly callbackHost?: "127.0.0.1" | "localhost" | undefined
  /** `client_credentials`: the client's own secret is the login, and nobody is asked. */
  readonly grant: "authorization_code" | "client_credentials"
}

/** A remote MCP server as far as logins are concerned. */
export interface RemoteServer {
  readonly name: string
  readonly url: Redacted.Redacted
  readonly oauth: OAuthSettings
}

/** Undefined for one that takes no login: a program, or one whose entry says in `Authorization` who we are. */
export const remoteServer = (name: string, launch: Launch): RemoteServer | undefined =>
  launch._tag === "Stdio" || hasHeader(launch) ? undefined : { name, url: launch.url, oauth: launch.oauth }

/** Whether a token of the entry's own comes before any login. */
const hasHeader = ({ headers }: Extract<Launch, { readonly _tag: "Http" }>): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "authorization")
