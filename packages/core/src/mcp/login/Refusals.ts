/** What a server says when it lets nobody in. */
import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as ServerReason from "../transport/ServerReason.ts"

/**
 * `fetch` that tells the reason of each 401 or 403, "" where there is none, before the answer is handed on. `redact` sees
 * all of the text: of a secret that was cut, a part would be left.
 */
export const noted =
  (fetch: FetchLike, redact: (text: string) => string, tell: (reason: string) => void): FetchLike =>
  (url, init) =>
    fetch(url, init).then((response) => {
      const { headers, status, statusText } = response
      if (status !== 401 && status !== 403) return response
      return beginning(response).then((text) => {
        tell(ServerReason.reasonIn(redact(text), redact(headers.get("www-authenticate") ?? "")))
        return new Response(text, { status, statusText, headers })
      })
    })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Bytes that are read of it: a reason is short, and some send pages. */
const most = 65_536

const beginning = (response: Response): Promise<string> => {
  const reader = response.body?.getReader()
  if (reader === undefined) return Promise.resolve("")
  const decoder = new TextDecoder()
  const more = (text: string): Promise<string> =>
    reader.read().then(({ done, value }) => {
      if (done) return text
      const longer = `${text}${decoder.decode(value, { stream: true })}`
      return longer.length < most ? more(longer) : reader.cancel().then(() => longer)
    })
  // what broke in the middle has said something, too
  return more("").catch(() => "")
}
