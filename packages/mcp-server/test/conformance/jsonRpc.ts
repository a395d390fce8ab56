/** JSON-RPC and nothing else, so that nothing hides what is sent. */
import { Data, Deferred, Effect } from "effect"

export type Json = Record<string, unknown>

/** What the server answered instead of a result. */
export class RpcError extends Data.TaggedError("RpcError")<{ readonly code: number; readonly message: string }> {}

export interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: Json
  readonly result?: Json
  readonly error?: { readonly code: number; readonly message: string }
}

/** What the client says to the server's own requests. */
export type Answering = (method: string, params: Json) => Json

/** Over anything that can write messages, and gives those that come to `take`. */
export const make = (write: (message: Json, signal?: AbortSignal) => void, answer: Answering) => {
  /** Everything that came, oldest first. */
  const seen: Array<Message> = []
  const waiting = new Map<number | string, Deferred.Deferred<Json, RpcError>>()
  let ids = 0

  const take = (message: Message) => {
    seen.push(message)
    if (message.method !== undefined && message.id !== undefined) {
      return write({ jsonrpc: "2.0", id: message.id, result: answer(message.method, message.params ?? {}) })
    }
    const asked = message.id === undefined ? undefined : waiting.get(message.id)
    if (asked === undefined) return undefined
    return Deferred.unsafeDone(
      asked,
      message.error === undefined ? Effect.succeed(message.result ?? {}) : Effect.fail(new RpcError(message.error))
    )
  }

  /** The id and, once it is there, the answer. */
  const begin = Effect.fnUntraced(function* (method: string, params: Json = {}, signal?: AbortSignal) {
    const id = ++ids
    const asked = yield* Deferred.make<Json, RpcError>()
    waiting.set(id, asked)
    write({ jsonrpc: "2.0", id, method, params }, signal)
    return { id, answer: Deferred.await(asked) }
  })

  return {
    seen,
    take,
    begin,
    request: (method: string, params?: Json) => Effect.flatMap(begin(method, params), ({ answer }) => answer),
    notify: (method: string, params: Json = {}) => Effect.sync(() => write({ jsonrpc: "2.0", method, params }))
  }
}
