/** How an entry says that its server is remote. Pure. */
import { present } from "../../schema/Fields.ts"
import type { EntrySettings } from "./McpConfig.ts"

/** Whether it is reached by a URL. Undefined for an unknown type. */
export const isRemote = ({ command, type, url }: EntrySettings): boolean | undefined => {
  switch (type?.toLowerCase().replaceAll(/[-_\s]/g, "")) {
    case undefined:
    case "":
      return command === undefined && url !== undefined
    case "stdio":
    case "stdin":
    case "local":
    case "command":
      return false
    case "http":
    case "https":
    case "streamablehttp":
    case "streamable":
    case "httpstream":
    case "httpfirst":
    case "http+sse":
    case "sse":
    case "remote":
      return true
    default:
      return undefined
  }
}

/** Its login settings, in either of the two formats. */
export const oauthIn = ({ auth, oauth }: EntrySettings) => {
  const ours = typeof oauth === "object" ? oauth : {}
  const theirs = typeof auth === "object" ? auth : {}
  const scopes = ours.scope ?? ours.scopes ?? theirs.scopes
  return {
    clientId: ours.clientId ?? theirs.CLIENT_ID,
    clientSecret: ours.clientSecret ?? theirs.CLIENT_SECRET,
    scope: typeof scopes === "string" ? scopes : scopes?.join(" "),
    callbackPort: ours.callbackPort,
    ...present({ callbackHost: ours.callbackHost }),
    grant: ours.grantType ?? "authorization_code"
  }
}

/** Which of the remote transports is meant. */
export const kindOf = ({ type }: EntrySettings): "http" | "sse" | "any" =>
  type === undefined || /^remote$/i.test(type) ? "any" : /sse/i.test(type) ? "sse" : "http"
