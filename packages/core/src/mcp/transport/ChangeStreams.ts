/** Streams of a server's changes (`subscriptions/listen`), whose requests are ours and not the SDK's. */
import type { Transport } from "@modelcontextprotocol/client"
import type * as Incoming from "../reading/Incoming.ts"

export interface Listener {
  /** The server has begun to tell. */
  readonly heard: () => void
  readonly ended: (ending: Incoming.Ending) => void
  /** What the transport threw. */
  readonly failed: (error: unknown) => void
}

export interface ChangeStreams {
  /** Returns how to leave. `envelope` is what each request says about us. */
  readonly open: (
    id: number,
    envelope: Readonly<Record<string, unknown>>,
    wanted: Readonly<Record<string, boolean>>,
    listener: Listener
  ) => () => void
  readonly heard: () => void
  /** Whether a message was the end of a stream. */
  readonly end: (id: number | undefined, ending: Incoming.Ending) => boolean
}

export const make = (inner: Transport): ChangeStreams => {
  const listeners = new Map<number, Listener>()
  return {
    open: (id, envelope, wanted, listener) => {
      const leaves = new AbortController()
      listeners.set(id, listener)
      const params = { notifications: { ...wanted }, _meta: { ...envelope } }
      inner
        .send({ jsonrpc: "2.0", id, method: "subscriptions/listen", params }, { requestSignal: leaves.signal })
        .catch((error: unknown) => {
          if (listeners.delete(id)) listener.failed(error)
        })
      return () => {
        if (!listeners.delete(id)) return
        leaves.abort()
        // over HTTP it is enough to leave
        if (inner.hasPerRequestStream === true) return
        const notice = { requestId: id, _meta: { ...envelope } }
        inner.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: notice }).catch(() => undefined)
      }
    },
    heard: () => {
      for (const { heard } of listeners.values()) heard()
    },
    end: (id, ending) => {
      const listener = id === undefined ? undefined : listeners.get(id)
      if (id === undefined || listener === undefined) return false
      listeners.delete(id)
      listener.ended(ending)
      return true
    }
  }
}
