/**
 * Asks a server that was greeted in the older words, beside all else, whether it knows the newer ones. The answer is for the
 * next connection: this one stays as it began.
 */
import type { JSONRPCRequest, Transport } from "@modelcontextprotocol/client"
import type * as Incoming from "../reading/Incoming.ts"
import * as ModernRequests from "../reading/ModernRequests.ts"
import * as Opening from "./Opening.ts"

export interface NewerWords {
  /** Returns how to leave. `about` is what `initialize` said about us. */
  readonly ask: (id: number, about: JSONRPCRequest["params"], tell: (known: boolean) => void) => () => void
  /** Whether a message was the answer. */
  readonly take: (id: number | undefined, ending: Incoming.Ending) => boolean
}

export const make = (inner: Transport): NewerWords => {
  let asked: { readonly id: number; readonly tell: (known: boolean) => void } | undefined
  return {
    ask: (id, about, tell) => {
      const mine = { id, tell }
      asked = mine
      const leaves = new AbortController()
      inner
        .send(ModernRequests.discovering(about, id), { requestSignal: leaves.signal })
        .catch(() => asked === mine && (asked = undefined))
      return () => {
        if (asked === mine) asked = undefined
        leaves.abort()
      }
    },
    take: (id, ending) => {
      if (asked === undefined) return false
      // one that refuses without an id what it does not know does so in the order of the requests
      if (id !== asked.id && (id !== undefined || ending._tag === "Result")) return false
      const { tell } = asked
      asked = undefined
      tell(Opening.knowsNewer(ending))
      return true
    }
  }
}
