/** A remote MCP server as far as logins are concerned. */
import type * as Redacted from "effect/Redacted"
import type { Launch, OAuthSettings } from "../config/Launch.ts"

export interface RemoteServer {
  readonly name: string
  readonly url: Redacted.Redacted
  readonly oauth: OAuthSettings
}

/** Undefined for one that takes no login: a program, or one whose entry says in `Authorization` who we are. */
export const make = (name: string, launch: Launch): RemoteServer | undefined =>
  launch._tag === "Stdio" || hasHeader(launch) ? undefined : { name, url: launch.url, oauth: launch.oauth }

/** Whether a token of the entry's own comes before any login. */
export const hasHeader = ({ headers }: Extract<Launch, { readonly _tag: "Http" }>): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "authorization")
