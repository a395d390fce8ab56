/** Records why a server refuses access. */
import type { FetchLike } from "@modelcontextprotocol/client"
import * as ServerReason from "../reading/ServerReason.ts"

/**
 * `fetch` that reports the reason of each 401 or 403, "" if there is none, before it returns the response. `redact`
 * gets the whole text, because part of a cut secret would remain otherwise.
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

/** How many bytes are read: a reason is short, but some servers send pages. */
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
  // a body that broke off may contain a reason too
  return more("").catch(() => "")
}
