/** Asks a server, without any login, what it wants to see. */
import { LATEST_PROTOCOL_VERSION } from "@modelcontextprotocol/sdk/types.js"
import * as AuthorizedFetch from "./AuthorizedFetch.ts"
import type { Challenge } from "./StoredLogin.ts"
import type { Fetch } from "./LoginFetch.ts"

/** Undefined when it asks for nothing. A server of the older transport is asked in its own way after the newer one. */
export const challengeAt = (url: string, fetch: Fetch): Promise<Challenge | undefined> =>
  ask(fetch, url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: initialize
  }).then((challenge) => challenge ?? ask(fetch, url, { headers: { accept: "text/event-stream" } }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: LATEST_PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: "lms-bridge", version: "0.1.0" }
  }
})

const ask = (fetch: Fetch, url: string, init: RequestInit) =>
  fetch(url, init).then((response) => {
    const challenge = AuthorizedFetch.challengeOf(response)
    return Promise.resolve(response.body?.cancel()).then(() => {
      if (challenge === undefined) return undefined
      const { rights: _, ...asked } = challenge
      return asked
    })
  })
